"""The two hashes that name a file on the hub: sha256 for large files, git's sha1 for small ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

__all__ = ["Digest", "hash_file"]

_PIECE = 1024 * 1024


class Digest:
    """Hashes a file of known size piece by piece, and says whether a blob's name is right.

    A name of 64 hex digits is the sha256 of the bytes; one of 40 is git's blob id, the sha1 of
    "blob SIZE", a NUL and the bytes (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
    """

    def __init__(self, size: int) -> None:
        self._sha256 = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        self._small = size < 64 * 1024 * 1024

    def update(self, piece: bytes) -> None:
        """Take in the next bytes."""
        self._sha256.update(piece)
        if self._small:  # git holds no large files: their sha1 would only cost time
            self._git.update(piece)

    @property
    def sha256(self) -> str:
        """64 hex digits for what was taken in so far."""
        return self._sha256.hexdigest()

    def names(self, blob: str) -> bool:
        """Whether `blob` is the name of exactly the bytes taken in."""
        return blob == (self.sha256 if len(blob) == 64 else self._git.hexdigest())


def hash_file(path: Path, on_bytes: Callable[[int], None]) -> Digest:
    """The digest of a whole file; `on_bytes` is told how many bytes each step took in."""
    digest = Digest(path.stat().st_size)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            on_bytes(len(piece))
    return digest

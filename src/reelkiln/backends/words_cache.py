"""Encoded words, kept between runs: a sentence is encoded once on a machine.

One safetensors file per sentence (1 MiB for 128 places of T5-XXL in 16 bits), named by a hash of
all that decides its numbers. A file that cannot be read counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["WordsCache", "identity"]

KEPT = 1000
"""Sentences that are kept: about 1 GiB. The ones unused for longest go first."""
FORMAT = 1
"""Raised when the numbers of equal words change: by the way they are encoded, not by the file."""
HASH = re.compile(r"[0-9a-f]{64}")


class WordsCache:
    """Encoded words in a folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def key(self, words: str, **about: str | int) -> str:
        """A name for a sentence encoded in this way: `about` says by which files, how long, in what
        dtype. 64 hex digits.
        """
        data = json.dumps([FORMAT, words, sorted(about.items())], ensure_ascii=True)
        return hashlib.sha256(data.encode("ascii")).hexdigest()

    def find(self, key: str) -> Any | None:
        """The tensor kept under this name, or None."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        if self._folder is None:
            return None
        path = self._folder / f"{key}.safetensors"
        try:
            value = load(path.read_bytes())["hidden"]
        except (OSError, SafetensorError, KeyError, ValueError):
            return None
        with suppress(OSError):  # a folder that may only be read, or gone a moment ago
            os.utime(path)  # used now: the last to be thrown away
        return value

    def keep(self, key: str, hidden: Any) -> None:
        """Keep a tensor under this name. A disk that refuses costs only the next run's time."""
        from safetensors.torch import save

        if self._folder is None:
            return
        path = self._folder / f"{key}.safetensors"
        part = path.with_name(f"{key}.{os.getpid()}.part")
        with suppress(OSError):
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                part.write_bytes(save({"hidden": hidden.contiguous()}))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        if self._folder is None:
            return
        files = list(self._folder.glob("*.safetensors"))
        if len(files) > KEPT:
            oldest = sorted(files, key=lambda file: file.stat().st_mtime)
            for file in oldest[: len(files) - KEPT]:
                file.unlink(missing_ok=True)


def identity(files: Sequence[Path]) -> str:
    """What tells these files from any others, without reading gigabytes.

    The hub's cache names a large file by its sha256, and that is taken. Elsewhere size, time and
    the first MiB, which holds the names and places of all tensors, stand for the content.
    """
    return " ".join(_identity(file) for file in files)


def _identity(file: Path) -> str:
    true = file.resolve()
    if HASH.fullmatch(true.name):
        return true.name
    facts = true.stat()
    with true.open("rb") as stream:
        start = hashlib.sha256(stream.read(1 << 20)).hexdigest()
    return f"{start}:{facts.st_size}:{facts.st_mtime_ns}"

"""Put files where the cache wants them: blobs checked, snapshots linked, branches remembered.

On a system that allows no symbolic links (Windows without developer mode, some disks) the file
itself lies in the snapshot, as huggingface_hub does it, and there is no blob.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import constants

from reelkiln.models.hashes import hash_file

__all__ = ["check", "link", "remember"]


def check(blob: Path, pointer: Path, size: int, name: str, on_bytes: Callable[[int], None]) -> str:
    """The sha256 of the file where it lies with the right content, else empty.

    What lies there with the wrong content is removed (a link loses its target's name, a blob
    shared with other repositories is left to them), so that it can be fetched.
    """
    for path in (blob, pointer):
        if not path.is_file():
            continue
        gained = 0

        def count(step: int) -> None:
            nonlocal gained
            gained += step
            on_bytes(step)

        if path.stat().st_size == size:
            digest = hash_file(path, count)
            if digest.names(name):
                return digest.sha256
        on_bytes(-gained)
        path.unlink()
    return ""


def link(blob: Path, pointer: Path, *, fetched: bool) -> None:
    """Let `pointer` show the content of `blob`: a relative link, else the file itself.

    A blob that was there before (not `fetched` just now) may have other links: it is copied.
    """
    if pointer.is_file() and (not blob.exists() or pointer.samefile(blob)):
        return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    if not constants.HF_HUB_DISABLE_SYMLINKS:
        try:
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:  # not allowed here: see above
            pass
        else:
            return
    if fetched:
        blob.replace(pointer)
    else:
        part = pointer.with_name(f"{pointer.name}.part")
        shutil.copyfile(blob, part)
        part.replace(pointer)


def remember(ref: Path, commit: str) -> None:
    """Note which commit a branch was resolved to, for programs that ask for the branch."""
    ref.parent.mkdir(parents=True, exist_ok=True)
    part = ref.with_name(f"{ref.name}.{os.getpid()}.tmp")
    part.write_text(commit, encoding="ascii")
    part.replace(ref)

"""What was resolved: for each source of a card its commit, and each file's size and hash.

The first pull writes it before it fetches a byte, so that a pull that was cut goes on with the
same commit even when the branch has moved on since. Later pulls use the locked commit; deleting
the file lets the next pull resolve the branch anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from reelkiln.errors import UsageError, WeightsBroken
from reelkiln.models.layout import safe_path

__all__ = ["Lock", "LockedFile", "LockedSource", "lock_path", "read_lock", "write_lock"]

FORMAT = 1
"""Raised when the shape of the file changes."""


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file at the locked commit.

    `size` is in bytes. `blob` is the hub's name for the content: the sha256 of a large file, the
    git blob sha1 of a small one. `sha256` is empty until a small file was fetched and hashed.
    """

    size: int
    blob: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class LockedSource:
    """One repository at one commit (40 hex digits), and the files taken from it by their path."""

    repo: str
    branch: str
    revision: str
    files: Mapping[str, LockedFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lock:
    """All that is locked of one card, by the names of its sources."""

    card: str
    sources: Mapping[str, LockedSource] = field(default_factory=dict)

    def with_source(self, name: str, source: LockedSource) -> Lock:
        """The same lock with one source put in or replaced."""
        return replace(self, sources={**self.sources, name: source})


def lock_path(locks: Path, card: str) -> Path:
    """The lock file of one card inside the folder of locks."""
    return locks / f"{safe_path(card)}.json"


def read_lock(locks: Path, card: str) -> Lock | None:
    """The lock of one card, or None when it was never pulled.

    Raises:
        WeightsBroken: the file is damaged, or a newer reelkiln wrote it.
    """
    path = lock_path(locks, card)
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError) as wrong:
        raise WeightsBroken(
            f"the lock file {path} of the model {card} cannot be read",
            hint=f"Delete that file, then run `reelkiln models pull {card}`.",
        ) from wrong


def _parse(data: Any) -> Lock:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}")
    return Lock(str(data["card"]), {n: _source(s) for n, s in data["sources"].items()})


def _source(data: Any) -> LockedSource:
    if not re.fullmatch(r"[0-9a-f]{40}", data["revision"]):
        raise ValueError("a revision is not a commit")
    files = {str(safe_path(path)): _file(f) for path, f in data["files"].items()}
    return LockedSource(str(data["repo"]), str(data["branch"]), data["revision"], files)


def _file(data: Any) -> LockedFile:
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", data["blob"]):
        raise ValueError("a blob's name is not a hash")
    return LockedFile(int(data["size"]), data["blob"], str(data["sha256"]))


def write_lock(locks: Path, lock: Lock) -> Path:
    """Write the lock whole or not at all, and return its path."""
    path = lock_path(locks, lock.card)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        json.dump({"format": FORMAT, **asdict(lock)}, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path

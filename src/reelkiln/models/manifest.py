"""The hashes of the weights that travel inside the package, recorded when they were put there.

`scripts/write_manifest.py` writes them. Sizes are compared whenever the model is located, hashes
when somebody asks for a check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reelkiln.errors import UsageError, WeightsBroken
from reelkiln.models.hashes import hash_file
from reelkiln.models.layout import safe_path
from reelkiln.models.lock import LockedFile

__all__ = ["MANIFEST", "make_manifest", "read_manifest", "write_manifest", "wrong_size"]

MANIFEST = "MANIFEST.json"


def make_manifest(folder: Path) -> dict[str, LockedFile]:
    """Size and sha256 of every file in the folders below `folder`, by its relative path."""
    found = sorted(path for path in folder.glob("*/**/*") if path.is_file())
    entries = {}
    for path in found:
        sha256 = hash_file(path, _ignore).sha256
        entries[path.relative_to(folder).as_posix()] = LockedFile(
            path.stat().st_size, sha256, sha256
        )
    return entries


def write_manifest(folder: Path) -> Path:
    """Record the folder as it is now, and return the path of the record."""
    files = {
        name: {"size": f.size, "sha256": f.sha256} for name, f in make_manifest(folder).items()
    }
    path = folder / MANIFEST
    text = json.dumps({"format": 1, "files": files}, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return path


def read_manifest(folder: Path) -> dict[str, LockedFile]:
    """What was recorded.

    Raises:
        WeightsBroken: the record is missing or damaged.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {
            str(safe_path(name)): LockedFile(int(f["size"]), str(f["sha256"]), str(f["sha256"]))
            for name, f in data["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError) as wrong:
        raise WeightsBroken(
            f"the record {folder / MANIFEST} of the bundled model cannot be read",
            hint="Install reelkiln again.",
        ) from wrong


def wrong_size(folder: Path, files: Mapping[str, LockedFile]) -> str | None:
    """The first recorded file that is missing or of another size, with what is wrong."""
    for name, recorded in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != recorded.size:
            return f"{name} has {path.stat().st_size} bytes instead of {recorded.size}"
    return None


def _ignore(_size: int) -> None:
    """Nobody watches a manifest being made."""

"""A workspace in one file, for another computer.

A pack is a ZIP of plain files. Its entry `reelkiln-pack.json` lists every other one with size and
sha256; what it does not list is not unpacked, and what it lists must be there. The ledger in it is
a checked copy. Left out: hidden files, scratch, backups, the engine's file (its rows are in the
ledger), and the key that signs labels: a secret does not travel in a file that people send around.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reelkiln import __version__
from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.partfile import write_whole
from reelkiln.names import wrong_path
from reelkiln.plan.form import write
from reelkiln.store.backup import copy_ledger

__all__ = [
    "FORMAT",
    "LEDGER",
    "MANIFEST",
    "MODELS",
    "Entry",
    "Manifest",
    "Packed",
    "pack",
    "wrong_name",
]

FORMAT = 1
MANIFEST = "reelkiln-pack.json"
MODELS = "reelkiln-models"
"""The folder in a pack that holds weights, laid out as in the Hugging Face cache."""
STATE = ".reelkiln"
LEDGER = f"{STATE}/ledger.db"

_STORED = (".mp4", ".png", ".jpg", ".jpeg", ".webp", ".safetensors", ".zip", ".npy")
"""What does not get smaller by packing it."""
_PIECE = 1 << 20

OnFile = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a pack."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a pack says of itself. `root` is the folder it was made from, for the ledger's paths;
    `models` the names and bytes of the models whose weights the other computer needs."""

    format: int
    reelkiln: str
    made_at: str
    root: str
    models: Mapping[str, int]
    files: Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack that was written."""

    path: Path
    bytes: int
    manifest: Manifest


def pack(
    workspace: Path,
    state: Path,
    target: Path,
    *,
    now: datetime,
    models: Mapping[str, int],
    weights: Mapping[str, Path] | None = None,
    on_file: OnFile = lambda _: None,
) -> Packed:
    """Write a workspace into one file, which appears whole or not at all.

    Args:
        models: the models that the workspace uses, and their bytes.
        weights: files of these models to pack along: their place below `MODELS` to where they lie.

    Raises:
        UsageError: names that another desktop cannot have, links, or a folder that cannot be read.
        LedgerError: the ledger is damaged. DiskFull: no room.
    """
    files = {**_files(workspace, target), **_prefixed(weights or {})}
    _check_names(files)

    def fill(part: Path, _: Interrupts) -> Manifest:
        with on_disk(target), _ledger_of(state, target) as ledger:
            wanted = {**files, **ledger}
            with zipfile.ZipFile(part, "w", allowZip64=True) as out:
                entries = {name: _add(out, name, wanted[name], on_file) for name in sorted(wanted)}
                manifest = Manifest(
                    format=FORMAT,
                    reelkiln=__version__,
                    made_at=now.isoformat(),
                    root=str(workspace.absolute()),
                    models=models,
                    files=entries,
                )
                out.writestr(MANIFEST, json.dumps(write(manifest), ensure_ascii=False, indent=1))
        return manifest

    manifest = write_whole(target, fill)
    return Packed(path=target, bytes=target.stat().st_size, manifest=manifest)


def _files(workspace: Path, target: Path) -> dict[str, Path]:
    """Every file of the workspace but its state, by its name in the pack.

    Raises:
        UsageError: with every link that stands in the way.
    """
    found: dict[str, Path] = {}
    links: list[str] = []
    with on_disk(workspace):
        for folder, folders, names in os.walk(workspace):
            here = Path(folder)
            # Hidden places are no content: .git, .reelkiln, files in the making.
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in [*folders, *names]:
                path = here / name
                if path.is_symlink():
                    links.append(str(path.relative_to(workspace)))
                elif path.is_file() and not name.startswith(".") and path != target.absolute():
                    found[path.relative_to(workspace).as_posix()] = path
    if links:
        raise UsageError(
            f"{len(links)} links lead out of the workspace or round in it",
            hint="Put what they point to in their place, or remove them.",
            details=tuple(sorted(links)),
        )
    return found


def _prefixed(weights: Mapping[str, Path]) -> dict[str, Path]:
    return {f"{MODELS}/{name}": path for name, path in weights.items()}


def _check_names(files: Mapping[str, Path]) -> None:
    """Refuse names that another desktop cannot have, all at once."""
    wrong = [f"{name} {why}" for name in files if (why := wrong_name(name))]
    seen: dict[str, str] = {}
    for name in files:
        if (other := seen.setdefault(name.casefold(), name)) != name:
            wrong.append(f"{name} and {other} are one name on Windows and macOS")
    if wrong:
        raise UsageError(
            f"{len(wrong)} files have names that not every computer can have",
            hint="Rename them, then pack again.",
            details=tuple(sorted(wrong)),
        )


def wrong_name(name: str) -> str | None:
    """What is wrong with an entry's name, or None.

    Hidden files are none but the ledger: a pack brings no keys, no hooks, no engine. Weights may
    have long names, and no form that can carry code: other programs read the same cache.
    """
    if name == LEDGER:
        return None
    parts = name.split("/")
    if parts[0] == MODELS:
        if wrong := next(filter(None, map(wrong_path, parts)), None):
            return wrong
        return None if _is_weight(parts[1:]) else "is no file of a model"
    if any(part.startswith(".") and part.strip(".") for part in parts):
        return "is hidden"
    return wrong_path(name)


def _is_weight(parts: list[str]) -> bool:
    """models--…/snapshots/…, models--…/refs/… or .locks/reelkiln/….json of the cache."""
    match parts:
        case [".locks", "reelkiln", name]:
            return name.endswith(".json")
        case [repo, "refs", _]:
            return repo.startswith("models--")
        case [repo, "snapshots", commit, *_, name]:
            named = repo.startswith("models--") and not commit.startswith(".")
            return named and name.endswith((".safetensors", ".json", ".txt", ".model"))
        case _:
            return False


@contextmanager
def _ledger_of(state: Path, target: Path) -> Iterator[dict[str, Path]]:
    """A checked copy of the ledger, for as long as it is packed; nothing where there is none."""
    ledger = state / "ledger.db"
    if not ledger.is_file():
        yield {}
        return
    place = Path(tempfile.mkdtemp(prefix=".reelkiln-", dir=target.absolute().parent))
    try:
        yield {LEDGER: copy_ledger(ledger, place / "ledger.db")}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _add(out: zipfile.ZipFile, name: str, path: Path, on_file: OnFile) -> Entry:
    on_file(name)
    entry = zipfile.ZipInfo(name)  # no owner, no rights, no local time: equal files, equal packs
    entry.compress_type = (
        zipfile.ZIP_STORED if name.lower().endswith(_STORED) else zipfile.ZIP_DEFLATED
    )
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file, out.open(entry, "w", force_zip64=True) as into:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            into.write(piece)
    return Entry(bytes=size, sha256=digest.hexdigest())

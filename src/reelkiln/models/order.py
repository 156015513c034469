"""What a pull would fetch, decided before a byte of it moves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from reelkiln.models import layout
from reelkiln.models.absent import list_files
from reelkiln.models.fetch import part_path
from reelkiln.models.header import false_variant
from reelkiln.models.hub import Hub, HubFile, Pinned, peek_header, resolve, this_hub
from reelkiln.models.installed import locked_source, sources_for
from reelkiln.models.lock import Lock, LockedFile, LockedSource, read_lock
from reelkiln.plan.card import Source
from reelkiln.plan.scorer import Fetchable

__all__ = ["Pullable", "Wanted", "needed"]

SPARE = 256 * 1024 * 1024
"""Bytes that a pull leaves free on the disk: a system with none misbehaves in other places."""

PEEK_ABOVE = 64 * 1024 * 1024
"""Only files above this size are worth a look at their header before they are fetched."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of a pull. `here` says that it lies on the disk at its full size; `arrived` counts
    the bytes of an earlier, interrupted pull."""

    source: str
    at: Pinned
    file: HubFile
    here: bool
    arrived: int


@dataclass(frozen=True, slots=True)
class Pullable:
    """A pull, decided.

    `branches` names the repositories whose branch was resolved just now, `lock` is what to lock,
    `warnings` are lines for a person to read before saying yes.
    """

    card: str
    cache: Path
    locks: Path
    files: tuple[Wanted, ...]
    lock: Lock
    branches: tuple[tuple[str, str, str], ...]
    free_bytes: int
    warnings: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(wanted.file.size for wanted in self.files)

    @property
    def here_bytes(self) -> int:
        """How much of it is on the disk, counting what an interrupted pull left."""
        return sum(w.file.size if w.here else min(w.arrived, w.file.size) for w in self.files)

    @property
    def fetch_bytes(self) -> int:
        """How much is to be downloaded."""
        return self.total_bytes - self.here_bytes

    @property
    def short_bytes(self) -> int:
        """How much room the disk lacks (0: enough)."""
        return max(0, self.fetch_bytes + SPARE - self.free_bytes) if self.fetch_bytes else 0


def needed(
    card: Fetchable,
    preset: str,
    *,
    cache: Path | None = None,
    locks: Path | None = None,
    hub: Hub | None = None,
) -> Pullable:
    """What a pull would fetch; the hub is asked only for what the lock does not know.

    Raises:
        HubUnreachable: the hub did not answer.
        WeightsMissing: a repository, branch or file is not there, or not for us.
        WeightsBroken: a file's header contradicts its size, or the lock
            file is damaged.
        UnknownName: the card has no such preset.
        UsageError: the card names a file that some desktop cannot hold.
    """
    cache = layout.cache_folder(cache)
    locks = locks or layout.lock_folder(cache)
    free = shutil.disk_usage(_existing(cache)).free
    if card.bundled:
        return Pullable(card.name, cache, locks, (), Lock(card.name), (), free)
    lock = read_lock(locks, card.name) or Lock(card.name)
    hub = hub or this_hub()
    files: list[Wanted] = []
    branches: list[tuple[str, str, str]] = []
    for source in sources_for(card, preset):
        locked, fresh = _settled(hub, source, locked_source(lock, source))
        lock = lock.with_source(source.name, locked)
        branches += [(source.repo, source.branch, locked.revision)] if fresh else []
        files += [_wanted(cache, source, locked, name) for name in source.files]
    warnings = tuple(line for w in files if (line := _untrue(hub, w)))
    return Pullable(card.name, cache, locks, tuple(files), lock, tuple(branches), free, warnings)


def _settled(hub: Hub, source: Source, locked: LockedSource | None) -> tuple[LockedSource, bool]:
    """The source at its commit with all its files, and whether its branch was resolved for it."""
    for name in source.files:
        layout.safe_path(name)
    commit = locked.revision if locked else source.revision
    fresh = not commit
    if not commit:
        commit = resolve(hub, source.repo, source.branch)
    known = dict(locked.files) if locked else {}
    unknown = tuple(name for name in source.files if name not in known)
    if unknown:
        listed = list_files(hub, Pinned(source.repo, commit), unknown)
        known |= {f.path: LockedFile(f.size, f.blob, f.sha256) for f in listed}
    return LockedSource(source.repo, source.branch, commit, known), fresh


def _wanted(cache: Path, source: Source, locked: LockedSource, name: str) -> Wanted:
    entry = locked.files[name]
    blob = layout.blob_path(cache, source.repo, entry.blob)
    pointer = layout.snapshot_folder(cache, source.repo, locked.revision) / layout.safe_path(name)
    here = any(p.is_file() and p.stat().st_size == entry.size for p in (pointer, blob))
    part = part_path(blob)
    arrived = part.stat().st_size if part.is_file() else 0
    file = HubFile(name, entry.size, entry.blob)
    return Wanted(source.name, Pinned(source.repo, locked.revision), file, here, arrived)


def _untrue(hub: Hub, wanted: Wanted) -> str | None:
    """What a large file's own header says against its name, read before it is fetched."""
    file = wanted.file
    named = any(f".{kind}." in file.path for kind in ("fp16", "bf16", "fp8"))
    if wanted.here or not named or file.size < PEEK_ABOVE:
        return None
    return false_variant(file.path, peek_header(hub, wanted.at, file))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest parent that exists."""
    return next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())

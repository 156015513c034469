"""Fetch what a card needs, and no more: resumable, verified, shared with other programs.

First `needed` decides: which files at which commit, how large, what is here already, whether the
disk has room. Then `pull` does it. Two processes never write the same blob: all missing blobs are
claimed before the first byte, with the lock files that huggingface_hub itself uses, and the second
process is refused at once (LockHeld) instead of waiting without a word.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from filelock import FileLock, SoftFileLock

from reelkiln.errors import DiskFull
from reelkiln.models import layout, shelf
from reelkiln.models.fetch import Patience, fetch
from reelkiln.models.foreign import Asked, translated
from reelkiln.models.hub import Hub, this_hub
from reelkiln.models.installed import locate, said
from reelkiln.models.lock import Lock, write_lock
from reelkiln.models.order import Pullable, Wanted, needed
from reelkiln.plan.scorer import Fetchable

__all__ = ["OnProgress", "Progress", "Pullable", "Wanted", "needed", "pull", "short_of_room"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: `done` of `total` bytes, now at `file` ("check": hashing what is here)."""

    phase: Literal["check", "fetch"]
    file: str
    done: int
    total: int


OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(slots=True)
class _Count:
    """Bytes done, reported in steps that a terminal can follow."""

    on_progress: OnProgress
    total: int
    phase: Literal["check", "fetch"] = "check"
    file: str = ""
    done: int = field(default=0)
    told: int = field(default=-1)

    def begin(self, phase: Literal["check", "fetch"], file: str) -> None:
        self.phase, self.file = phase, file
        self.tell()

    def add(self, size: int) -> None:
        self.done += size
        if abs(self.done - self.told) >= 256 * 1024 or self.done == self.total:
            self.tell()

    def tell(self) -> None:
        self.told = self.done
        self.on_progress(Progress(self.phase, self.file, self.done, self.total))


def pull(
    card: Fetchable,
    preset: str,
    *,
    cache: Path | None = None,
    locks: Path | None = None,
    hub: Hub | None = None,
    order: Pullable | None = None,
    even_if_short: bool = False,
    on_progress: OnProgress = lambda progress: None,
    patience: Patience = Patience(),  # noqa: B008 - a frozen value
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Path]:
    """Make a preset's files complete and right on this disk, and return each source's folder.

    What is missing is fetched, what an interrupted pull left is gone on with, what is here is
    hashed and fetched again where it is broken. The lock is written before the first byte and,
    with every file's sha256, after the last.

    Args:
        cache: the Hugging Face cache (None: the one the environment names).
        locks: the folder of lock files (None: inside the cache).
        hub: where to ask and as whom (None: as the environment says).
        order: what `needed` decided a moment ago, where somebody was shown it (None: decide now;
            given, it brings its own `cache` and `locks`).
        even_if_short: begin although the disk lacks room; what has arrived stays when it is full.

    Raises:
        DiskFull: before the first byte where that can be told, else when it happens.
        LockHeld: another program is fetching one of the files.
        HubUnreachable, WeightsMissing, WeightsBroken, UnknownName: as `needed` and `fetch`.
        UsageError: the cache is not writable.
    """
    if card.bundled:
        return locate(card, preset)
    hub = hub or this_hub()
    order = order or needed(card, preset, cache=cache, locks=locks, hub=hub)
    if order.short_bytes and not even_if_short:
        raise short_of_room(order)
    with translated(Asked(f"the lock of {card.name}", hub.endpoint)):
        write_lock(order.locks, order.lock)
    count = _Count(on_progress, order.total_bytes)
    with _claimed(order, hub):
        for wanted in order.files:
            sha256 = _complete(order.cache, hub, wanted, count, patience=patience, sleep=sleep)
            order = replace(order, lock=_with_hash(order.lock, wanted, sha256))
    with translated(Asked(f"the lock of {card.name}", hub.endpoint)):
        write_lock(order.locks, order.lock)
        for repo, branch, commit in order.branches:
            shelf.remember(layout.ref_path(order.cache, repo, branch), commit)
    return locate(card, preset, order.cache, locks=order.locks)


def short_of_room(order: Pullable) -> DiskFull:
    """The error for a disk that cannot hold the order."""
    return DiskFull(
        f"{order.card} needs {said(order.fetch_bytes)} more in {order.cache}, "
        f"the disk has {said(order.free_bytes)} free",
        hint=f"Make room for {said(order.short_bytes)}, or name another disk with HF_HOME.",
    )


@contextmanager
def _claimed(order: Pullable, hub: Hub) -> Iterator[None]:
    """Hold the claim on every blob of the order, or on none."""
    blobs = {(w.at.repo, w.file.blob): w for w in order.files}
    with ExitStack() as claims:
        for (repo, blob), wanted in sorted(blobs.items(), key=lambda item: item[0]):
            path = layout.claim_path(order.cache, repo, blob)
            asked = Asked(wanted.at.repo, hub.endpoint, wanted.file.path)
            with translated(asked):
                path.parent.mkdir(parents=True, exist_ok=True)
                claims.enter_context(_claim(path))
        yield


@contextmanager
def _claim(path: Path) -> Iterator[None]:
    claim = FileLock(path, timeout=0, mode=0o664)
    try:
        claim.acquire()
    except NotImplementedError:  # a file system without locks, such as some network shares
        claim = SoftFileLock(path, timeout=0)
        claim.acquire()
    try:
        yield
    finally:
        claim.release()


def _complete(
    cache: Path,
    hub: Hub,
    wanted: Wanted,
    count: _Count,
    *,
    patience: Patience,
    sleep: Callable[[float], None],
) -> str:
    """Make one file right and return its sha256."""
    file, at = wanted.file, wanted.at
    asked = Asked(at.repo, hub.endpoint, file.path)
    blob = layout.blob_path(cache, at.repo, file.blob)
    folder = layout.snapshot_folder(cache, at.repo, at.commit)
    pointer = folder / layout.safe_path(file.path)
    count.begin("check", file.path)
    with translated(asked):
        sha256 = shelf.check(blob, pointer, file.size, file.blob, count.add)
    fetched = not sha256
    if fetched:
        count.begin("fetch", file.path)
        sha256 = fetch(hub, at, file, blob, on_bytes=count.add, patience=patience, sleep=sleep)
    with translated(asked):
        shelf.link(blob, pointer, fetched=fetched)
    return sha256


def _with_hash(lock: Lock, wanted: Wanted, sha256: str) -> Lock:
    source = lock.sources[wanted.source]
    entry = replace(source.files[wanted.file.path], sha256=sha256)
    files = {**source.files, wanted.file.path: entry}
    return lock.with_source(wanted.source, replace(source, files=files))

"""What lies on the disk for a workspace, and what of it may go: decided first, then done.

Films stay: a person throws films away, no program. What goes is what can be made again or was
refused long ago, and never what a person approved.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reelkiln.film.faults import on_disk
from reelkiln.film.names import companions
from reelkiln.kiln.checkpoints import KEPT_DAYS, SUFFIX
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.kept import REELS, SEGMENTS

__all__ = ["IDLE", "LATENTS", "REFUSED", "TAKES", "WORDS", "Heap", "Survey", "survey", "sweep"]

REFUSED = timedelta(days=14)
"""How long a refused take is kept: two weeks in which somebody may still want to see it."""
LATENTS = timedelta(days=KEPT_DAYS)
"""How long latents are kept that no delivery came back for."""
TAKES = timedelta(days=14)
"""How long the kept takes of a reel's shot wait to be used again."""
IDLE = timedelta(days=1)
"""How long nothing was written to a place of work in progress before nobody works there."""

WORDS = timedelta(days=30)
"""How long encoded words are kept: a few seconds of a text encoder each."""
FILMS = ("reels", "outbox")
_REFUSED = ".refused."
_DATABASES = ("ledger", "engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Where to look. `workspace` None: films lie anywhere, and none is looked for. `approved`:
    the sha256 of every file that a person approved. `models`: each model's bytes on this disk.
    `unfinished`: the ids of clips in the queue that have not ended, whose work goes on some day.
    `words`: the folder of words that a text encoder has read already."""

    state: Path
    workspace: Path | None
    approved: frozenset[str]
    models: Mapping[str, int]
    unfinished: frozenset[str] = frozenset()
    words: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """All files of one kind. `goes` may be removed now, files and folders; `rule` says why."""

    name: str
    files: int
    bytes: int
    goes: tuple[Path, ...] = ()
    goes_bytes: int = 0
    rule: str


def survey(where: Survey, now: datetime) -> tuple[Heap, ...]:
    """Every kind of file, and what of it may go at `now`. Removes nothing.

    Raises:
        UsageError: a folder cannot be read.
    """
    with on_disk(where.state):
        return (*_films(where, now), *_work(where, now), *_kept(where))


def sweep(heaps: Iterable[Heap], on_gone: Callable[[Path], None] = lambda _: None) -> int:
    """Remove what the heaps say goes; returns the bytes that were freed. What is gone already is
    no mistake.

    Raises:
        UsageError: a file may not be removed; those before it are gone.
    """
    freed = 0
    for path in (path for heap in heaps for path in heap.goes):
        size = _size(path)
        with on_disk(path), suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        freed += size
        on_gone(path)
    return freed


def _films(where: Survey, now: datetime) -> Iterator[Heap]:
    films: list[Path] = []
    refused: list[Path] = []
    for folder in FILMS if where.workspace else ():
        place = (where.workspace or Path()) / folder
        for path in _files(place.resolve() if place.is_symlink() else place):
            if not _in_the_making(path):
                (refused if _REFUSED in path.name else films).append(path)
    yield _heap("films", films, (), "stay: only you throw films away")
    old = [path for path in refused if path.name.endswith(".mp4") and _age(path, now) >= REFUSED]
    goes = [p for movie in old if not _is_approved(movie, where.approved) for p in _family(movie)]
    rule = f"go after {REFUSED.days} days, unless somebody approved one"
    yield _heap("refused takes", refused, goes, rule)


def _work(where: Survey, now: datetime) -> Iterator[Heap]:
    state = where.state
    scratch = state / "scratch"
    latents = list(_files(scratch / "latents"))
    old = [p for p in latents if p.suffix == SUFFIX and _age(p, now) >= LATENTS]
    rule = f"go at delivery, and after {LATENTS.days} days"
    yield _heap("latents", latents, old, rule)
    shots = _inside(state / "takes")
    old = [shot for shot in shots if _age(shot, now) >= TAKES]
    files = [file for shot in shots for file in _files(shot)]
    yield _heap("kept takes", files, old, f"go when no reel used them for {TAKES.days} days")
    own = ("latents", SEGMENTS, REELS)
    places = [p for p in _inside(scratch) if p.name not in own]
    places += [*_inside(scratch / SEGMENTS), *_inside(scratch / REELS)]
    idle = [p for p in places if _age(p, now) >= IDLE and p.name not in where.unfinished]
    files = [file for place in places for file in _files(place)]
    rule = "goes when nothing was written to it for a day; clips that wait keep theirs"
    yield _heap("scratch", files, idle, rule)
    words = list(_files(where.words)) if where.words else []
    old = [path for path in words if _age(path, now) >= WORDS]
    yield _heap("encoded words", words, old, f"go after {WORDS.days} days; they are made again")


def _kept(where: Survey) -> Iterator[Heap]:
    backups = list(_files(where.state / "backups"))
    yield _heap("backups", backups, (), "stay: the newest seven, one a night")
    ledger = [p for p in _inside(where.state) if p.name.startswith(_DATABASES) and p.is_file()]
    yield _heap("ledger", ledger, (), "stays")
    for name, size in where.models.items():
        rule = "stays: other programs may share it; `reelkiln models` has more"
        yield Heap(name=f"model {name}", files=0, bytes=size, rule=rule)


def _heap(name: str, files: Iterable[Path], goes: Iterable[Path], rule: str) -> Heap:
    sizes = [_size(path) for path in files]
    going = tuple(goes)
    return Heap(
        name=name,
        files=len(sizes),
        bytes=sum(sizes),
        goes=going,
        goes_bytes=sum(map(_size, going)),
        rule=rule,
    )


def _is_approved(movie: Path, approved: frozenset[str]) -> bool:
    try:
        return bool(approved) and file_sha256(movie) in approved
    except OSError:
        return True  # what cannot be read cannot be shown not to be approved


def _family(movie: Path) -> Iterator[Path]:
    beside = companions(movie)
    # The film last: while it is there, the next sweep finds what an interrupted one left.
    return (p for p in (beside.sidecar, beside.poster, beside.sheet, movie) if p.is_file())


def _in_the_making(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts[-2:])


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder and below; links are not followed."""
    if folder.is_symlink():
        return
    if folder.is_file():
        yield folder
    for path in _inside(folder):
        yield from _files(path)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it is none, or goes while it is looked at."""
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except FileNotFoundError:
        return []


def _age(path: Path, now: datetime) -> timedelta:
    """Since anything in it was last written; a moment in the future counts as now, and so does what
    goes while it is looked at."""
    moments = [facts.st_mtime for facts in _facts((path, *_files(path)))]
    if not moments:
        return timedelta()
    return max(timedelta(), now - datetime.fromtimestamp(max(moments), tz=now.tzinfo))


def _size(path: Path) -> int:
    return sum(facts.st_size for facts in _facts(_files(path)))


def _facts(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    """Of those that are still there: a shift may be at work, and its files come and go."""
    for path in paths:
        with suppress(FileNotFoundError):
            yield path.lstat()

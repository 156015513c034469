"""From clips and reels to rows: an order is written, and every file gets a name of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board_clips import BoardReel
from reelkiln.kiln.orders import Clip
from reelkiln.kiln.work import work_to_text
from reelkiln.store.ledger import Ledger
from reelkiln.store.queue import NewSegment, add_order, planned_movies
from reelkiln.store.segment import BATCH

__all__ = ["SHOTS", "Files", "files_for", "named", "put_in_line", "said"]

Thing = TypeVar("Thing")
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody mistakes for each other when reading an id aloud."""
SHOTS = "shots"
"""The folder beside the reels where the clips that they are joined of are delivered."""


def named(
    things: Iterable[tuple[str, Thing]],
    folder: Path,
    *,
    workspace: Path | None,
    taken: Iterable[str] = (),
) -> tuple[tuple[Thing, Path], ...]:
    """Each thing with its file in `folder`; names that are there or `taken` get a number.

    Args:
        things: what they are called, without folder and suffix, and they themselves.
        taken: files as rows say them, relative to the workspace.
    """
    used = set(taken)
    found: list[tuple[Thing, Path]] = []
    for name, thing in things:
        number, path = 1, folder / f"{name}.mp4"
        while said(path, workspace) in used or path.exists():
            number += 1
            path = folder / f"{name}-{number}.mp4"
        used.add(said(path, workspace))
        found.append((thing, path))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Files:
    """Each clip and each reel of an order with the file that it gets."""

    clips: tuple[tuple[Clip, Path], ...]
    reels: tuple[tuple[BoardReel, Path], ...]


def files_for(
    clips: Sequence[Clip],
    reels: Sequence[BoardReel],
    ledger: Ledger,
    folder: Path,
    *,
    workspace: Path | None,
) -> Files:
    """Names that are free in `folder`; shots of a reel lie in a folder of their own below it.

    Raises:
        LedgerError, LockHeld: the ledger cannot be read.
    """
    taken = planned_movies(ledger)
    things = [(f"{SHOTS}/{clip.name}" if clip.reel else clip.name, clip) for clip in clips]
    films = [(reel.name, reel) for reel in reels]
    return Files(
        clips=named(things, folder, workspace=workspace, taken=taken),
        reels=named(films, folder, workspace=workspace, taken=taken),
    )


def said(path: Path, workspace: Path | None) -> str:
    """A file as a row says it: relative to the workspace where it lies inside."""
    if workspace is not None and path.is_relative_to(workspace):
        return path.relative_to(workspace).as_posix()
    return str(path)


def put_in_line(
    clips: Sequence[Clip],
    bench: Bench,
    source: str,
    folder: Path,
    *,
    workspace: Path | None,
    reels: Sequence[BoardReel] = (),
    deadline: datetime | None = None,
    priority: int = BATCH,
) -> tuple[NewSegment, ...]:
    """Write an order and its segments; from here on a power cut costs only time.

    A file of every clip's name is kept free: one that is there, or promised to another segment,
    gets a number. Shots of a reel lie in a folder of their own. Reels stand in line before all
    clips: each is joined as soon as its last clip is there.

    Raises:
        LedgerError, LockHeld, DiskFull: nothing was written.
    """
    now = bench.now()
    order = f"{now.astimezone():%y%m%d}-{''.join(secrets.choice(ALPHABET) for _ in range(5))}"
    names = {reel.name: f"{order}-r{number}" for number, reel in enumerate(reels, 1)}
    files = files_for(clips, reels, bench.ledger, folder, workspace=workspace)
    segments = [
        NewSegment(
            id=names[reel.name],
            work=work_to_text(reel.work),
            movie=said(movie, workspace),
            product=reel.work.edit.product,
            template=", ".join(dict.fromkeys(reel.templates)),
            priority=priority,
            deadline=deadline,
            kind="reel",
        )
        for reel, movie in files.reels
    ]
    digits = max(2, len(str(len(clips))))
    segments += [
        NewSegment(
            id=f"{order}-{number:0{digits}d}",
            work=work_to_text(clip.work),
            movie=said(movie, workspace),
            product=clip.product,
            template=clip.work.origin.template if clip.work.origin else "",
            priority=priority,
            deadline=deadline,
            estimate=clip.estimate,
            reel_id=names.get(clip.reel, ""),
        )
        for number, (clip, movie) in enumerate(files.clips, 1)
    ]
    add_order(bench.ledger, order, source, segments, now=now)
    return tuple(segments)

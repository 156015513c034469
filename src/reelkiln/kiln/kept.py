"""What lies on the disk of a segment that is being made: its takes, what was told of them, and, for
a clip of a reel, its kept takes until the reel is joined."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from reelkiln.errors import ReelkilnError, RenderFailed
from reelkiln.film.faults import on_disk
from reelkiln.film.partfile import write_bytes
from reelkiln.film.take import is_whole
from reelkiln.kiln.disk import staging_of
from reelkiln.kiln.renderer import Rendered
from reelkiln.reel import Take
from reelkiln.store.segment import SegmentRow

__all__ = [
    "REELS",
    "SEGMENTS",
    "clear",
    "ids_in",
    "keep_for_reel",
    "kept_for_reel",
    "read_rendered",
    "scratch_of",
    "write_rendered",
]

RENDERED = "rendered.json"
LATENTS = "latents"
SEGMENTS, REELS = "segments", "reels"
"""The folders in scratch with one place for each clip of the queue, and for each reel."""


def scratch_of(scratch: Path, segment_id: str) -> Path:
    """Where a segment's takes and latents lie until it has ended."""
    return scratch / SEGMENTS / segment_id


def reel_of(scratch: Path, reel_id: str) -> Path:
    """Where the kept takes of a reel's clips lie until it has ended, a folder for each clip."""
    return scratch / REELS / reel_id


def ids_in(scratch: Path) -> frozenset[str]:
    """The segments and reels of which anything lies here."""
    folders = [scratch / name for name in (SEGMENTS, REELS)]
    return frozenset(
        path.name for folder in folders if folder.is_dir() for path in folder.iterdir()
    )


def clear(row: SegmentRow, scratch: Path, workspace: Path) -> None:
    """Throw away what was in the making for a segment that has ended."""
    folder = scratch_of(scratch, row.id)
    rendered = read_rendered(folder)
    for key in rendered.latents if rendered else ():
        (scratch / LATENTS / f"{key}.latents").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(staging_of((workspace / row.movie).parent, row.id), ignore_errors=True)
    if row.kind == "reel":
        shutil.rmtree(reel_of(scratch, row.id), ignore_errors=True)


def write_rendered(folder: Path, model: str, rendered: Rendered) -> None:
    """Remember what a model rendered into a folder. Raises DiskFull, UsageError."""
    data = {"model": model, "rendered": rendered.to_json()}
    write_bytes(folder / RENDERED, json.dumps(data, allow_nan=False).encode())


def read_rendered(folder: Path, model: str = "", *, whole: bool = False) -> Rendered | None:
    """What was rendered into a folder, or None.

    Args:
        model: only what this one rendered.
        whole: only where all of its chosen takes are still there.
    """
    try:
        data = json.loads((folder / RENDERED).read_bytes())
        rendered = Rendered.from_json(data["rendered"])
    except (OSError, ValueError, KeyError, TypeError, ReelkilnError):
        return None
    if model not in ("", data["model"]):
        return None
    if whole and not all(is_whole(Path(t.path), t.sha256) for t in rendered.chosen):
        return None
    return rendered


def keep_for_reel(row: SegmentRow, scratch: Path) -> bool:
    """Put a clip's kept takes where its reel finds them; False where they are gone.

    A second call changes nothing. Links where the disk has them: no frame is written twice.

    Raises:
        DiskFull, UsageError: the system refused.
    """
    goal = reel_of(scratch, row.reel_id) / row.id
    if read_rendered(goal, whole=True) is not None:
        return True
    rendered = read_rendered(scratch_of(scratch, row.id), whole=True)
    if rendered is None:
        return False
    with on_disk(goal):
        shutil.rmtree(goal, ignore_errors=True)
        goal.mkdir(parents=True)
        chosen = tuple(_linked(take, goal) for take in rendered.chosen)
    # The note comes last: with it the folder is whole.
    write_rendered(goal, "", replace(rendered, chosen=chosen, latents=()))
    return True


def kept_for_reel(row: SegmentRow, scratch: Path) -> Rendered:
    """What a reel is to show of one of its clips.

    Raises:
        RenderFailed: its takes are gone.
    """
    rendered = read_rendered(reel_of(scratch, row.reel_id) / row.id, whole=True)
    if rendered is None:
        raise RenderFailed(
            f"the takes of {row.id} are gone", hint="Queue the storyboard again: `reelkiln batch`."
        )
    return rendered


def _linked(take: Take, folder: Path) -> Take:
    path = folder / Path(take.path).name
    try:
        os.link(take.path, path)
    except OSError:  # a disk without links
        shutil.copyfile(take.path, path)
    return replace(take, path=str(path))

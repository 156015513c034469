"""The start picture of a shot: read for rendering, told in the recipe."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.start import read_start
from reelkiln.kiln.deliver import file_sha256
from reelkiln.plan.plan import Plan
from reelkiln.reel import Shot, Size

__all__ = ["check_picture", "picture_hash", "with_picture"]


def check_picture(shot: Shot, plan: Plan) -> tuple[str, ...]:
    """What a person should know of the start picture, before anything is loaded; () without one.

    Raises:
        UsageError: it cannot be used; see `film.start`.
    """
    return _notes(shot.image, plan.size) if shot.image else ()


@lru_cache(maxsize=256)  # one picture may stand in a thousand lines of a batch
def _notes(image: str, size: Size) -> tuple[str, ...]:
    return read_start(Path(image), size).notes


def picture_hash(shot: Shot) -> str:
    """The sha256 of the start picture's file, 64 hex digits; empty without one.

    Raises:
        UsageError: it can no longer be read.
    """
    if shot.image is None:
        return ""
    try:
        return file_sha256(Path(shot.image))
    except OSError as error:
        raise UsageError(
            f"start picture {shot.image}: cannot be read: {error.strerror}",
            hint="Leave it where it is until the clip is made.",
        ) from error


def with_picture(shot: Shot, plan: Plan, image: str) -> tuple[Shot, Plan]:
    """The same shot and plan with their start picture called `image`; as they are without one.

    A recipe tells the file's name and not its folder, which is nobody else's business.
    """
    if shot.image is None:
        return shot, plan
    segments = tuple(
        segment if segment.image is None else replace(segment, image=image)
        for segment in plan.segments
    )
    return replace(shot, image=image), replace(plan, segments=segments)

"""Clips as one stream of frames: all alike, and as many as are needed."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.conform import Conform, forth_and_back
from reelkiln.reel import Clip, Size

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["alike", "first", "material"]

SHORT = 1
"""So many frames of material may be missing at the end; the last one is then held."""


def first(clips: Iterable[Clip], name: str = "") -> tuple[Clip, Iterator[Clip]]:
    """The first clip that has frames, and all of them again.

    Raises:
        FilmError: there is none; the message begins with `name`.
    """
    rest = (clip for clip in clips if len(clip.frames))
    found = next(rest, None)
    if found is None:
        raise FilmError(f"{name}there are no frames to make a film of")
    return found, chain([found], rest)


def alike(clips: Iterable[Clip], size: Size, fps: Fraction, name: str = "") -> "Iterator[Frames]":
    """The clips' frames, one by one.

    Raises:
        FilmError: a clip has another size or rate; the message begins with `name`.
    """
    for clip in clips:
        if clip.size != size or clip.fps != fps:
            raise FilmError(
                f"{name}clips of {size} at {fps} fps and {clip.size} at {clip.fps} fps do not join",
                hint="finish each on its own first",
            )
        yield from clip.frames


def material(
    frames: "Iterator[Frames]", work: Conform, *, loop: bool, name: str = ""
) -> "Iterator[Frames]":
    """The frames that go into the filters: exactly `work.fed`. Held whole only for a `loop`.

    Raises:
        FilmError: there are too few; the message begins with `name`.
    """
    kept: list[Frames] = []
    count = 0
    for frame in islice(frames, work.fed):
        count += 1
        if not loop:
            kept.clear()
        kept.append(frame)
        yield frame
    if loop:
        yield from (kept[index] for index in islice(forth_and_back(len(kept)), count, work.fed))
        return
    if count < work.needed - SHORT:
        raise FilmError(
            f"{name}the material lasts {float(count / work.source_fps):.2f} of "
            f"{float(work.frames / work.fps):.2f} seconds",
            hint="render more frames, or let them play forth and back",
        )
    yield from repeat(kept[-1], work.fed - count)

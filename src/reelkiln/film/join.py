"""Shots become one stream of frames, cut and cross-faded at exact places."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import cv2

from reelkiln.errors import UsageError
from reelkiln.film.conform import Conform, Finish, conform
from reelkiln.film.cutlist import Cutlist, cutlist
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.material import alike, first, material
from reelkiln.film.motion import retime
from reelkiln.film.program import ffmpeg_program
from reelkiln.reel import Clip, Size

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["RATES", "Piece", "cuts", "join"]

RATES = (Fraction(24), Fraction(25), Fraction(30))
"""The rates that every platform takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A shot in a reel: its clips (one size and rate), and how long it lasts, fades included.

    `crossfade` is how many seconds it fades in over the end of the piece before (0: a cut). With
    `forth_and_back`, material that is too short is played to its end, back, forth again and so on;
    a reel of one such piece that lasts 2 x (frames - 1) / rate seconds is a perfect loop.
    """

    clips: Iterable[Clip]
    seconds: Fraction
    forth_and_back: bool = False
    crossfade: Fraction = Fraction(0)


def cuts(pieces: Sequence[Piece], fps: Fraction, loop: Fraction = Fraction(0)) -> Cutlist:
    """Where each piece lies in the reel, without reading any.

    Raises:
        UsageError: the rate is not 24, 25 or 30, or the lengths do not fit: see `cutlist`.
    """
    if fps not in RATES:
        raise UsageError(f"no reel has {float(fps):g} frames per second", hint="Use 24, 25 or 30.")
    return cutlist([p.seconds for p in pieces], [p.crossfade for p in pieces], fps, loop)


def join(
    pieces: Sequence[Piece],
    size: Size,
    fps: Fraction,
    *,
    loop: Fraction = Fraction(0),
    ctrl_c: Interrupts | None = None,
) -> "Generator[Frames, None, None]":
    """The reel's frames (uint8, height x width x 3), exactly as many as `cuts` says.

    Each piece is cropped around its middle, brought to the reel's rate and then scaled. With `loop`
    the last frames fade, for so many seconds, into the first piece's beginning, and the reel begins
    where that ends: from its last frame to its first there is no jump. A stream: two pieces at most
    are open at once, and a few dozen of their small frames held. Close it if you do not read it to
    its end.

    Raises:
        UsageError: as `cuts`; a size that no film can have.
        FilmError: a piece is empty, mixed or too short, or ffmpeg failed; while it is read.
    """
    places = cuts(pieces, fps, loop)
    Finish(size, Fraction(places.frames) / fps, fps)  # refuses what no film can be
    return _joined(pieces, places, size, fps, ctrl_c or Interrupts())


def _joined(
    pieces: Sequence[Piece], places: Cutlist, size: Size, fps: Fraction, ctrl_c: Interrupts
) -> "Generator[Frames, None, None]":
    streams = [
        _rated(piece, Finish(size, Fraction(span.frames) / fps, fps, piece.forth_and_back),
               f"piece {index}: ", ctrl_c)
        for index, (piece, span) in enumerate(zip(pieces, places.spans, strict=True), 1)
    ]  # fmt: skip
    beginning = places.spans[0]
    try:
        head = [next(streams[0]) for _ in range(places.loop)]
        for number in range(places.frames):
            seen: Frames | None = None
            for span, stream in zip(places.spans, streams, strict=True):
                if max(span.start, 0) <= number < span.end:
                    seen = _over(seen, _scaled(next(stream), size), span.strength(number))
            again = number - places.frames  # its number in a first piece that is seen once more
            if again >= beginning.start:
                picture = _scaled(head[again - beginning.start], size)
                seen = _over(seen, picture, beginning.strength(again))
            yield cast("Frames", seen)
    finally:
        before, ctrl_c.held = ctrl_c.held, True
        for stream in streams:
            stream.close()
        if not before:
            ctrl_c.release()


def _rated(
    piece: Piece, wish: Finish, name: str, ctrl_c: Interrupts
) -> "Generator[Frames, None, None]":
    """The piece's frames, cropped and at the wished rate, not scaled yet."""
    clip, clips = first(piece.clips, name)
    work = conform(clip.size, clip.fps, wish)
    whole = material(
        alike(clips, clip.size, clip.fps, name), work, loop=wish.forth_and_back, name=name
    )
    frames = _cropped(whole, work)
    if not work.interpolated:
        yield from (_sharpened(frame, work) for frame in frames)
        return
    moved = retime(frames, work, ffmpeg_program(), ctrl_c)
    try:
        for frame in moved:
            yield _sharpened(frame, work)
    finally:
        before, ctrl_c.held = ctrl_c.held, True
        moved.close()
        if not before:
            ctrl_c.release()


def _cropped(frames: "Iterator[Frames]", work: Conform) -> "Iterator[Frames]":
    crop = work.crop
    down = slice(crop.top, crop.top + crop.height)
    across = slice(crop.left, crop.left + crop.width)
    return (frame[down, across] for frame in frames)


def _sharpened(frame: "Frames", work: Conform) -> "Frames":
    """A little, as `conform.filters` does and why it says."""
    if not work.sharpened:
        return frame
    return cast("Frames", cv2.addWeighted(frame, 1.6, cv2.GaussianBlur(frame, (3, 3), 0), -0.6, 0))


def _scaled(frame: "Frames", size: Size) -> "Frames":
    height, width = frame.shape[:2]
    if (width, height) == (size.width, size.height):
        return frame
    how = cv2.INTER_CUBIC if size.width >= width else cv2.INTER_AREA
    return cast("Frames", cv2.resize(frame, (size.width, size.height), interpolation=how))


def _over(below: "Frames | None", above: "Frames", strength: float) -> "Frames":
    """Mixed as the values are, not as light: docs/measured/reel.md shows both."""
    if below is None:
        return above
    return cast("Frames", cv2.addWeighted(below, 1 - strength, above, strength, 0))

"""A film on disk, as a stream of clips: upright, square pixels, 8-bit RGB, at a constant rate."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation

from reelkiln.errors import FilmError
from reelkiln.film.container import frames_of, opened, picture
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

__all__ = ["CLIP_FRAMES", "evenly", "read", "to_rgb"]

CLIP_FRAMES = 64
"""The most frames in one clip."""

CLIP_BYTES = 256 * 2**20
"""The most memory that one clip takes; frames of 4K and more come in shorter clips."""

PIXELS_MAX = 8192 * 8192
FPS_MAX, GRID_MAX = 240, 120
"""A guess above 120 is the container's clock, not a rate that pictures keep."""
GAP_MAX = 60
"""A film whose picture stands longer than so many seconds is damaged, not slow."""

_HDR = {16: "PQ", 18: "HLG"}
_MATRIX = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
# Chroma at full resolution and rounding to nearest: what a gate measures must not depend on luck.
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def read(path: Path) -> Iterator[Clip]:
    """The pictures of a film, at most 64 in each clip, in the order and for the time they are seen.

    Turned films come upright, oblong pixels become square, 10 and 12 bits become 8. A variable rate
    becomes the one that the pictures' times lie on, or else their average: a picture that stands
    longer is repeated, one too many is left out. The sound is not read.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: it is no film, is damaged, is HDR, or changes its size on the way.
    """
    with opened(path) as film:
        stream = picture(film, path)
        fps = _rate(stream, path)
        frames = evenly(_timed(frames_of(film, stream)), fps, path)
        held: list[Pixels] = []
        count = 0
        for frame in _pictures(frames, path, oblong(stream)):
            held.append(frame)
            count += 1
            if len(held) == CLIP_FRAMES or (len(held) + 1) * frame.nbytes > CLIP_BYTES:
                yield Clip(np.stack(held), fps)
                held = []
        if held:
            yield Clip(np.stack(held), fps)
        if count:
            _check_whole(film, count / fps, path)


def _check_whole(film: "InputContainer", seconds: Fraction, path: Path) -> None:
    """Refuse a film of pictures alone that is much shorter than its head says (a copy that was
    broken off; a sound track may be longer than the pictures are).

    Raises:
        FilmError: over a second and a tenth of it is missing.
    """
    told = Fraction(film.duration or 0, 1_000_000)
    if not film.streams.audio and told - seconds > max(Fraction(1), told / 10):
        raise FilmError(
            f"{path} ends after {float(seconds):.1f} of {float(told):.1f} seconds",
            hint="copy or export it again",
        )


def oblong(stream: "VideoStream") -> Fraction:
    """How wide a pixel of the stream is, measured by its height."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, 4) <= aspect <= 4 else Fraction(1)


def to_rgb(frame: VideoFrame, path: Path, aspect: Fraction = Fraction(1)) -> "Pixels":
    """A decoded picture as uint8 RGB, height x width x 3, upright and with square pixels.

    `aspect` is the width of its pixels by their height; the shorter side is stretched.

    A stream that does not say its matrix is read as BT.709 from 720 lines on, else as BT.601, which
    is what players do.

    Raises:
        FilmError: the picture is HDR or over 67 million pixels; `path` names the film.
    """
    if int(frame.color_trc) in _HDR:
        raise FilmError(
            f"{path} is HDR ({_HDR[int(frame.color_trc)]})", hint="convert it to SDR (BT.709) first"
        )
    if frame.width * frame.height > PIXELS_MAX:
        raise FilmError(f"{path} has {frame.width}x{frame.height} pixels, too many to read")
    guessed = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
    source = _MATRIX.get(int(frame.colorspace), guessed)
    rgb = frame.reformat(
        width=round(frame.width * max(aspect, Fraction(1))),
        height=round(frame.height / min(aspect, Fraction(1))),
        format="rgb24",
        src_colorspace=source if frame.format.name.startswith("yuv") else None,
        interpolation=_EXACT,
    )
    pixels = np.asarray(rgb.to_ndarray(), np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, k=(frame.rotation // 90) % 4))


def evenly(
    frames: Iterable[tuple[Fraction, VideoFrame]], fps: Fraction, path: Path
) -> Iterator[VideoFrame]:
    """Pictures with their times (seconds), put on the grid of a constant rate.

    Each picture takes the nearest place; places left open show the picture before again, and a
    picture whose place is taken is left out.

    Raises:
        FilmError: a picture stands for over 60 seconds.
    """
    start: Fraction | None = None
    before: VideoFrame | None = None
    place = 0
    for time, frame in frames:
        start = time if start is None else start
        wanted = round((time - start) * fps)
        if wanted - place > GAP_MAX * fps:
            raise FilmError(f"{path} has a gap of over {GAP_MAX} seconds", hint="repair the file")
        while before is not None and place < wanted:
            yield before
            place += 1
        if wanted >= place:
            yield frame
            place += 1
        before = frame


def _timed(frames: Iterable[VideoFrame]) -> Iterator[tuple[Fraction, VideoFrame]]:
    for frame in frames:
        if frame.pts is not None and frame.time_base is not None:
            yield frame.pts * frame.time_base, frame


def _pictures(frames: Iterable[VideoFrame], path: Path, aspect: Fraction) -> "Iterator[Pixels]":
    shape: tuple[int, ...] | None = None
    for frame in frames:
        pixels = to_rgb(frame, path, aspect)
        shape = pixels.shape if shape is None else shape
        if pixels.shape != shape:
            raise FilmError(f"{path} changes its size on the way", hint="convert it to one size")
        yield pixels


def _rate(stream: "VideoStream", path: Path) -> Fraction:
    for rate, most in ((stream.guessed_rate, GRID_MAX), (stream.average_rate, FPS_MAX)):
        if rate and 0 < rate <= most:
            return Fraction(rate).limit_denominator(1001)
    raise FilmError(f"{path} does not say its frame rate", hint="convert it to a constant rate")

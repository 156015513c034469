"""A few pictures of a film, decoded as proof: at most twelve, spread over its length."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from av.video.frame import VideoFrame

from reelkiln.errors import FilmError
from reelkiln.film.container import opened, packets_of, picture
from reelkiln.film.read import oblong
from reelkiln.reel import Size

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["GLIMPSES", "Glimpses", "glimpse", "spread"]

GLIMPSES = 12


@dataclass(frozen=True, slots=True)
class Glimpses:
    """How many pictures were decoded, whether any is interlaced, and their size as it is shown.

    `shown` is upright and with square pixels: phones store a turned picture and a note to turn it.
    """

    decoded: int
    interlaced: bool
    shown: Size


def glimpse(path: Path, keys: Sequence[Fraction]) -> Glimpses:
    """Decode pictures at up to twelve of the times `keys` (seconds, of key frames) and no other.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: a picture is damaged or of another size, or none could be decoded.
    """
    with opened(path) as film:
        stream = picture(film, path)
        stream.codec_context.thread_count = 1  # each picture alone: more threads only wait
        seen = [frame for at in spread(keys) for frame in _alone(film, stream, at)]
        sizes = {_shown(frame, oblong(stream)) for frame in seen}
    if not seen:
        raise FilmError(f"{path} shows no picture", hint="make or copy the file again")
    if len(sizes) > 1:
        raise FilmError(f"{path} changes its size on the way", hint="convert it to one size")
    return Glimpses(len(seen), any(frame.interlaced_frame for frame in seen), sizes.pop())


def _shown(frame: VideoFrame, aspect: Fraction) -> Size:
    width = round(frame.width * max(aspect, Fraction(1)))
    height = round(frame.height / min(aspect, Fraction(1)))
    return Size(height, width) if frame.rotation % 180 else Size(width, height)


def spread(keys: Sequence[Fraction]) -> list[Fraction]:
    """At most twelve of the times, the first and the last among them, evenly.

    >>> [int(at) for at in spread([Fraction(at) for at in range(100)])]
    [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    """
    if len(keys) <= GLIMPSES:
        return list(keys)
    last = len(keys) - 1
    return [keys[index * last // (GLIMPSES - 1)] for index in range(GLIMPSES)]


def _alone(film: "InputContainer", stream: "VideoStream", at: Fraction) -> list[VideoFrame]:
    film.seek(int(at / Fraction(stream.time_base or 1)), stream=stream, backward=True)
    packet = next((one for one in packets_of(film, stream) if one.size and one.is_keyframe), None)
    if packet is None:
        return []
    code = stream.codec_context
    frames = [*code.decode(packet), *code.decode(None)]
    code.flush_buffers()
    return frames

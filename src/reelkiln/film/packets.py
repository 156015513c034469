"""What the tracks of a film weigh: read from its packets, without decoding one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.container import has_codec, opened, picture

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["Track", "Weights", "even", "weigh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track: its bytes without the container, its length, its rates, where one may start.

    `kbps` is the average and `peak_kbps` that of the heaviest second, in 1000 bits per second.
    `even` says that its packets are shown at one distance, as exactly as the container's clock can
    tell (Matroska counts in milliseconds, where 24 frames a second fall between). `keys` are the
    times (seconds) of the packets that need none before them.
    """

    bytes: int
    start: Fraction
    seconds: Fraction
    kbps: float
    peak_kbps: float
    even: bool
    keys: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The first track with pictures and the first with sound. Only pictures have `keys`."""

    video: Track
    sound: Track | None


@dataclass(slots=True)
class _Scale:
    per_second: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    times: list[Fraction] = field(default_factory=list)
    keys: list[Fraction] = field(default_factory=list)
    end: Fraction = Fraction(0)

    def add(self, at: Fraction, lasts: Fraction, size: int, key: bool) -> None:
        self.per_second[int(at // 1)] += size
        self.times.append(at)
        self.end = max(self.end, at + lasts)
        if key:
            self.keys.append(at)

    def track(self, tick: Fraction) -> Track | None:
        if not self.times:
            return None
        start = min(self.times)
        total, seconds = sum(self.per_second.values()), self.end - start
        return Track(
            bytes=total,
            start=start,
            seconds=seconds,
            kbps=float(total * 8 / seconds / 1000) if seconds > 0 else 0.0,
            peak_kbps=max(self.per_second.values()) * 8 / 1000,
            even=even(self.times, tick),
            keys=tuple(sorted(self.keys)),
        )


def weigh(path: Path) -> Weights:
    """Weigh the tracks of a film.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: it is no film, has no picture, no frames, or is damaged.
    """
    with opened(path) as film:
        video = picture(film, path)
        sound = next(filter(has_codec, film.streams.audio), None)
        wanted = [video] if sound is None else [video, sound]
        scales = {stream.index: _Scale() for stream in wanted}
        for packet in film.demux(*wanted):
            if packet.size:
                _put(scales[packet.stream.index], packet, packet.stream is video)
        tracks = {
            stream.index: scales[stream.index].track(Fraction(stream.time_base or 1))
            for stream in wanted
        }
        track = tracks[video.index]
        if track is None:
            raise FilmError(f"{path} has no frames", hint="make or copy the file again")
        return Weights(video=track, sound=None if sound is None else tracks[sound.index])


def even(times: Sequence[Fraction], tick: Fraction) -> bool:
    """Whether times lie on a grid of one distance, each within a tick of the container's clock.

    >>> even([Fraction(at, 1000) for at in (0, 42, 83, 125, 167)], Fraction(1, 1000))
    True
    >>> even([Fraction(at, 1000) for at in (0, 42, 83, 167, 208)], Fraction(1, 1000))
    False
    """
    if len(times) < 3:
        return True
    row = sorted(times)
    step = (row[-1] - row[0]) / (len(row) - 1)
    return all(abs(at - row[0] - step * index) <= tick for index, at in enumerate(row))


def _put(scale: _Scale, packet: "Packet[Stream]", may_start: bool) -> None:
    base = Fraction(packet.time_base or 1)
    at = packet.pts if packet.pts is not None else packet.dts or 0
    scale.add(
        at * base, (packet.duration or 0) * base, packet.size, may_start and packet.is_keyframe
    )

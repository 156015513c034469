"""What the tracks of a film weigh: read from its packets, without decoding one."""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.container import has_codec, opened, picture

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["Track", "Weights", "weigh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track: its bytes without the container, its length, its rates, where one may start.

    `kbps` is the average and `peak_kbps` that of the heaviest second, in 1000 bits per second.
    `keys` are the times (seconds) of the packets that need none before them.
    """

    bytes: int
    start: Fraction
    seconds: Fraction
    kbps: float
    peak_kbps: float
    keys: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The first track with pictures and the first with sound. Only pictures have `keys`."""

    video: Track
    sound: Track | None


@dataclass(slots=True)
class _Scale:
    per_second: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    keys: list[Fraction] = field(default_factory=list)
    start: Fraction | None = None
    end: Fraction = Fraction(0)

    def add(self, at: Fraction, lasts: Fraction, size: int, key: bool) -> None:
        self.per_second[int(at // 1)] += size
        self.start = at if self.start is None else min(self.start, at)
        self.end = max(self.end, at + lasts)
        if key:
            self.keys.append(at)

    def track(self) -> Track | None:
        if self.start is None:
            return None
        total, seconds = sum(self.per_second.values()), self.end - self.start
        return Track(
            bytes=total,
            start=self.start,
            seconds=seconds,
            kbps=float(total * 8 / seconds / 1000) if seconds > 0 else 0.0,
            peak_kbps=max(self.per_second.values()) * 8 / 1000,
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
        track = scales[video.index].track()
        if track is None:
            raise FilmError(f"{path} has no frames", hint="make or copy the file again")
        return Weights(video=track, sound=None if sound is None else scales[sound.index].track())


def _put(scale: _Scale, packet: "Packet[Stream]", may_start: bool) -> None:
    base = Fraction(packet.time_base or 1)
    at = packet.pts if packet.pts is not None else packet.dts or 0
    scale.add(
        at * base, (packet.duration or 0) * base, packet.size, may_start and packet.is_keyframe
    )

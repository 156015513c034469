"""What the tracks of a film weigh: read from its packets, without decoding one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.container import has_codec, opened, packets_of, picture

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
    """What is put on it, in ticks of the track's clock: a film of hours has millions of packets."""

    tick: Fraction
    per_second: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    times: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    end: int = 0

    def add(self, at: int, lasts: int, size: int, key: bool) -> None:
        self.per_second[at * self.tick.numerator // self.tick.denominator] += size
        self.times.append(at)
        self.end = max(self.end, at + lasts)
        if key:
            self.keys.append(at)

    def track(self) -> Track | None:
        if not self.times:
            return None
        start = min(self.times)
        total, seconds = sum(self.per_second.values()), (self.end - start) * self.tick
        return Track(
            bytes=total,
            start=start * self.tick,
            seconds=seconds,
            kbps=float(total * 8 / seconds / 1000) if seconds > 0 else 0.0,
            peak_kbps=max(self.per_second.values()) * 8 / 1000,
            even=even(self.times),
            keys=tuple(key * self.tick for key in sorted(self.keys)),
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
        scales = {stream.index: _Scale(Fraction(stream.time_base or 1)) for stream in wanted}
        for packet in packets_of(film, *wanted):
            if packet.size:
                _put(scales[packet.stream.index], packet, packet.stream is video)
        track = scales[video.index].track()
        if track is None:
            raise FilmError(f"{path} has no frames", hint="make or copy the file again")
        return Weights(video=track, sound=None if sound is None else scales[sound.index].track())


def even(times: Sequence[int]) -> bool:
    """Whether times lie on a grid of one distance, each within one tick of the clock they count.

    >>> even([0, 42, 83, 125, 167]), even([0, 42, 83, 167, 208])
    (True, False)
    """
    row = sorted(times)
    steps = len(row) - 1
    # Nowhere divided, so that no rounding of ours counts as one of theirs.
    return all(
        abs((at - row[0]) * steps - (row[-1] - row[0]) * index) <= steps
        for index, at in enumerate(row)
    )


def _put(scale: _Scale, packet: "Packet[Stream]", may_start: bool) -> None:
    at = packet.pts if packet.pts is not None else packet.dts or 0
    scale.add(at, packet.duration or 0, packet.size, may_start and packet.is_keyframe)

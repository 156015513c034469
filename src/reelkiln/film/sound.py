"""The sound of a film: music cut to length, faded, brought to a loudness, held under a peak.

Two passes: the first measures the music as it will be heard, fades included; the second turns it up
or down and limits its peaks. Where the limiter took something away, the second is done again with
so much more. Why not ffmpeg's `loudnorm`: docs/measured/sound.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.errors import UsageError
from reelkiln.film.beds import Bed, beats, play
from reelkiln.film.faults import on_disk
from reelkiln.film.limit import limited, to_gain, true_peak
from reelkiln.film.loudness import measure_blocks
from reelkiln.film.track import Track, play_track, rights_words
from reelkiln.film.waves import BLOCK_SAMPLES, RATE, read_raw, samples_of, write_raw

if TYPE_CHECKING:
    from reelkiln.film.waves import Wave

__all__ = ["LOUDNESS", "PEAK", "Heard", "Sound", "sound_beats", "sound_rights", "write_sound"]

LOUDNESS = -14.0
"""LUFS, integrated: our aim for every platform (film/platforms/*.toml)."""

PEAK = -1.0
"""dBTP: the highest peak of a film, also after AAC has rounded it."""

CEILING = -2.0
"""dBTP that the limiter holds: AAC adds some tenths, see docs/measured/sound.md."""

LIFT_MAX = 30.0
"""Decibels that quiet music is raised by at most: beyond, it is its noise that is heard."""

NEAR, ROUNDS = 0.1, 5
"""How near in LU the second pass comes, and how often it is tried."""

SECONDS_MAX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The wish: a bed or a track, how loud, how it begins and ends.

    Args:
        source: what plays.
        gain: decibels below the loudness of -14 LUFS, from -40 to 0: 0 is as loud as a film gets.
        fade_in, fade_out: seconds, each at most half of what is heard.
        start: seconds of the music that are passed over.

    Raises:
        UsageError: a number is outside of its range.
    """

    source: Bed | Track
    gain: float = 0.0
    fade_in: Fraction = Fraction(1, 20)
    fade_out: Fraction = Fraction(3, 2)
    start: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if not -40 <= self.gain <= 0:
            raise UsageError(f"music cannot have a gain of {self.gain:g} dB", hint="use -40 to 0")
        for what, seconds in (("fade in", self.fade_in), ("fade out", self.fade_out)):
            if not 0 <= seconds <= SECONDS_MAX:
                raise UsageError(
                    f"music cannot {what} for {float(seconds):g} seconds",
                    hint=f"use 0 to {SECONDS_MAX}",
                )
        if self.start < 0:
            raise UsageError(f"music cannot start at {float(self.start):g} seconds", hint="use 0")


@dataclass(frozen=True, slots=True)
class Heard:
    """What was written: samples, the loudness (None under 0.4 s) and the peak.

    `music` of the `samples` are music; the rest is silence behind a track that was too short.
    """

    samples: int
    music: int
    lufs: float | None
    peak: float


def sound_rights(sound: Sound) -> str:
    """Whose music it is, in words for the sidecar."""
    if isinstance(sound.source, Bed):
        return f"made by reelkiln (bed {sound.source.name!r})"
    return rights_words(sound.source.rights)


def sound_beats(sound: Sound, seconds: Fraction) -> tuple[Fraction, ...] | None:
    """When beats fall in a film of so many seconds; None where nobody knows: a person's track."""
    if not isinstance(sound.source, Bed):
        return None
    whole = beats(sound.source, sound.start + seconds)
    return tuple(beat - sound.start for beat in whole if beat >= sound.start)


def write_sound(sound: Sound, seconds: Fraction, target: Path) -> Heard:
    """Write the sound of a film of so many seconds: raw 48 kHz stereo floats, for `encode.command`.

    Exactly as many samples as the film lasts. -14 LUFS (less the gain) where peaks allow it, never
    above -2 dBTP; silence stays silence. One more file of its size lies beside `target` meanwhile.

    Raises:
        UsageError: the film is not above 0 and up to 600 seconds; the track is missing or starts
            behind its end.
        DiskFull: there is no room.
        FilmError: the track has no sound, or is damaged, or lasts over 2 hours.
    """
    if not 0 < seconds <= SECONDS_MAX:
        raise UsageError(f"no film can last {float(seconds):g} seconds")
    samples = max(1, samples_of(seconds))
    raw = target.with_name(f"{target.name}.raw")
    try:
        music = write_raw(_played(sound, samples), raw)
        return _levelled(sound, raw, music, samples, target)
    finally:
        with on_disk(raw):
            raw.unlink(missing_ok=True)


def _levelled(sound: Sound, raw: Path, music: int, samples: int, target: Path) -> Heard:
    aim = LOUDNESS + sound.gain
    before = measure_blocks(_faded(read_raw(raw), music, sound))
    lift = 0.0 if before.lufs is None or before.silent else min(LIFT_MAX, aim - before.lufs)
    for _ in range(ROUNDS):
        faded = _faded(read_raw(raw), music, sound)
        loud = limited(faded, to_gain(lift), to_gain(CEILING))
        write_raw(_padded(loud, samples), target)
        after = measure_blocks(read_raw(target)).lufs
        if before.silent or after is None or abs(after - aim) <= NEAR or lift >= LIFT_MAX:
            break
        lift = min(LIFT_MAX, lift + aim - after)
    return Heard(samples, music, after, true_peak(read_raw(target)))


def _played(sound: Sound, samples: int) -> "Iterator[Wave]":
    start = samples_of(sound.start)
    if isinstance(sound.source, Track):
        yield from play_track(sound.source, samples, start)
        return
    left = samples
    for block in play(sound.source, max(samples, RATE), start):
        if left > 0:
            yield block[:left]
        left -= len(block)


def _faded(blocks: "Iterable[Wave]", music: int, sound: Sound) -> "Iterator[Wave]":
    rise = max(1, min(samples_of(sound.fade_in), music // 2))
    fall = max(1, min(samples_of(sound.fade_out), music // 2))
    at = 0
    for block in blocks:
        place = np.arange(at, at + len(block)) + 0.5
        share = np.minimum(np.minimum(place / rise, (music - place) / fall), 1)
        curve = (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)
        yield block * curve[:, None]
        at += len(block)


def _padded(blocks: "Iterable[Wave]", samples: int) -> "Iterator[Wave]":
    left = samples
    for block in blocks:
        left -= len(block)
        yield block
    while left > 0:
        yield np.zeros((min(left, BLOCK_SAMPLES), 2), np.float32)
        left -= BLOCK_SAMPLES

"""Music that we make ourselves: three beds, written down as chords and played by our own voices.

Composed and synthesised here, from nothing but these numbers: nobody's recording, nobody's tune.
A bed is a ring of eight bars in layers; slow swells whose periods share no multiple bring the
layers forward and back, so that minutes do not repeat exactly.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.errors import UsageError, unknown_name
from reelkiln.film.synth import Note, Voice, add_noise, add_note, add_thump, in_a_room
from reelkiln.film.waves import BLOCK_SAMPLES, RATE

if TYPE_CHECKING:
    from reelkiln.film.synth import Ring
    from reelkiln.film.waves import Wave

__all__ = ["BEDS", "Bed", "beats", "find_bed", "play"]

SECONDS_MIN, SECONDS_MAX = 1, 600
BEATS_PER_BAR = 4
PEAK = 0.7
"""The highest sample when every layer is fully forward."""

SWELLS = ((37.0, 0.0), (53.0, 0.75), (71.0, 0.9))
"""Seconds in which a layer goes back and comes forward again, and how far into that it starts."""


@dataclass(frozen=True, slots=True)
class Bed:
    """A bed of music: its tempo in beats per minute, its eight bars, and how it is played.

    A bar is a bass tone and the tones of its chord (69 is A at 440 Hz). A beat is a whole number of
    samples.
    """

    name: str
    says: str
    tempo: int
    bars: tuple[tuple[int, tuple[int, ...]], ...]
    seed: int

    @property
    def beat(self) -> int:
        """Samples from one beat to the next."""
        return RATE * 60 // self.tempo

    @property
    def ring(self) -> int:
        """Samples until it begins again."""
        return self.beat * BEATS_PER_BAR * len(self.bars)


_BEDS = (
    Bed(
        "calm",
        "slow pads and a few bells, in D major",
        72,
        (
            (38, (57, 61, 66, 69)),  # Dmaj7
            (37, (57, 61, 64, 69)),  # A over C sharp
            (35, (57, 62, 66, 69)),  # Bm7
            (31, (55, 59, 62, 66)),  # Gmaj7
            (42, (57, 62, 66, 69)),  # D over F sharp
            (40, (55, 59, 62, 67)),  # Em7
            (31, (55, 59, 62, 69)),  # G with the ninth
            (33, (57, 62, 64, 69)),  # A with the fourth, which leads home
        ),
        seed=1,
    ),
    Bed(
        "bright",
        "plucked eighths over warm chords, in C major",
        100,
        (
            (36, (60, 62, 64, 67)),  # C with the ninth
            (35, (59, 62, 67, 71)),  # G over B
            (33, (57, 60, 64, 67)),  # Am7
            (29, (57, 60, 64, 65)),  # Fmaj7
            (36, (60, 64, 67, 74)),  # C with the ninth, opened up
            (40, (59, 64, 67, 71)),  # Em
            (29, (57, 60, 65, 69)),  # F
            (31, (59, 62, 67, 72)),  # G with the fourth on top
        ),
        seed=2,
    ),
    Bed(
        "pulse",
        "a steady low drum and a moving bass, in A minor",
        120,
        (
            (33, (60, 64, 69, 71)),  # Am with the ninth
            (33, (60, 64, 67, 69)),  # Am7
            (29, (57, 60, 64, 69)),  # Fmaj7
            (29, (57, 60, 65, 67)),  # F with the ninth
            (36, (60, 64, 67, 71)),  # Cmaj7
            (31, (59, 62, 67, 69)),  # G with the ninth
            (38, (57, 60, 65, 69)),  # Dm7
            (28, (59, 62, 64, 67)),  # Em7
        ),
        seed=3,
    ),
)

BEDS: Mapping[str, Bed] = MappingProxyType({bed.name: bed for bed in _BEDS})
"""The beds by name."""

_PAD = Voice((1, 0.42, 0.22, 0.1, 0.05, 0.03), attack=0.7, decay=0, release=1.4, detune=7)
_DEEP = Voice((1, 0.42, 0.16, 0.05), attack=0.5, decay=0, release=1.0)
_WARM = Voice((1, 0.35, 0.18, 0.06, 0.03), attack=0.25, decay=3, release=0.8, detune=6)
_BELL = Voice((1, 0.1, 0.16, 0.02, 0.03), attack=0.012, decay=0.9, release=1.5, detune=2)
_PLUCK = Voice((1, 0.5, 0.28, 0.14, 0.08, 0.04), attack=0.006, decay=0.22, release=0.3, detune=3)
_BASS = Voice((1, 0.3, 0.08), attack=0.03, decay=1.6, release=0.25)
_LOW = Voice((1, 0.55, 0.3, 0.12, 0.05), attack=0.008, decay=0.16, release=0.08)


def find_bed(name: str) -> Bed:
    """The bed of this name.

    Raises:
        UnknownName: there is none; the hint names the nearest.
    """
    if name in BEDS:
        return BEDS[name]
    raise unknown_name("music bed", name, BEDS)


def beats(bed: Bed, seconds: Fraction) -> tuple[Fraction, ...]:
    """The times of all beats within so many seconds, exactly; every fourth begins a bar.

    >>> beats(BEDS["pulse"], Fraction(1))
    (Fraction(0, 1), Fraction(1, 2))
    """
    step = Fraction(bed.beat, RATE)
    return tuple(step * number for number in range(-(-seconds // step)))


def play(bed: Bed, samples: int, start: int = 0) -> "Iterator[Wave]":
    """So many samples of a bed from sample `start` on, as blocks (float32, samples x 2).

    The same call gives the same sound, whatever came before; all samples lie within ±0.7. Its ring
    is held in memory (20 MB to 40 MB), nothing else.

    Raises:
        UsageError: not within 1 to 600 seconds, or `start` is before the beginning.
    """
    if not SECONDS_MIN * RATE <= samples <= SECONDS_MAX * RATE:
        raise UsageError(
            f"no music bed lasts {samples / RATE:g} seconds",
            hint=f"ask for {SECONDS_MIN} to {SECONDS_MAX} seconds",
        )
    if start < 0:
        raise UsageError("music cannot start before its beginning")
    return _blocks(bed, start, start + samples)


def _blocks(bed: Bed, start: int, end: int) -> "Iterator[Wave]":
    layers = _layers(bed)
    for at in range(start, end, BLOCK_SAMPLES):
        place = np.arange(at, min(at + BLOCK_SAMPLES, end))
        block = np.zeros((len(place), 2))
        for layer, (period, begun) in zip(layers, SWELLS, strict=True):
            forward = 0.84 + 0.16 * np.cos(2 * np.pi * (place / (period * RATE) + begun))
            block += layer[place % len(layer)] * forward[:, None]
        yield block.astype(np.float32)


def _layers(bed: Bed) -> "list[Ring]":
    chance = np.random.default_rng(bed.seed)
    layers = [np.zeros((bed.ring, 2), np.float32) for _ in SWELLS]
    _PLAYERS[bed.name](bed, layers, chance)
    wets = (0.5, 0.4, 0.06)
    layers = [in_a_room(layer, wet, 2.4, chance) for layer, wet in zip(layers, wets, strict=True)]
    peak = float(np.max(sum(np.abs(layer) for layer in layers)))
    return [layer * np.float32(PEAK / peak) for layer in layers]


def _calm(bed: Bed, layers: "list[Ring]", _: np.random.Generator) -> None:
    pad, bells, low = layers
    bar = bed.beat * BEATS_PER_BAR
    # Beats of each bar with a bell, and which tone of the chord it takes.
    patterns = (((0, 3), (1.5, 2)), ((2, 1),), ((0, 2), (2.5, 3)), ((1, 3), (3, 2)))
    for number, (bass, chord) in enumerate(bed.bars):
        at = number * bar
        _chord(pad, _PAD, chord, at=at, length=bar, level=0.2)
        add_note(low, _DEEP, Note(bass, at, bar, 0.26))
        for beat, tone in patterns[number % len(patterns)]:
            pan = 0.5 if tone % 2 else -0.5
            start = at + round(beat * bed.beat)
            add_note(bells, _BELL, Note(chord[tone] + 12, start, bed.beat, 0.24, pan))


def _bright(bed: Bed, layers: "list[Ring]", chance: np.random.Generator) -> None:
    pad, plucks, low = layers
    bar, half = bed.beat * BEATS_PER_BAR, bed.beat // 2
    patterns = ((0, 2, 1, 3, 2, 1, 3, 2), (0, 1, 2, 3, 2, 3, 1, 2))
    for number, (bass, chord) in enumerate(bed.bars):
        at = number * bar
        _chord(pad, _WARM, chord, at=at, length=bar, level=0.16)
        for eighth, tone in enumerate(patterns[number // 4]):
            level = 0.3 if eighth % 4 == 0 else 0.22
            pan = 0.45 if eighth % 2 else -0.45
            add_note(plucks, _PLUCK, Note(chord[tone] + 12, at + eighth * half, half, level, pan))
        for beat, level in ((0, 0.5), (2, 0.36), (3.5, 0.26)):
            add_note(low, _BASS, Note(bass, at + round(beat * bed.beat), bed.beat, level))
        for beat in range(BEATS_PER_BAR):
            add_noise(low, at + beat * bed.beat + half, 0.05, chance)


def _pulse(bed: Bed, layers: "list[Ring]", chance: np.random.Generator) -> None:
    pad, plucks, low = layers
    bar, half = bed.beat * BEATS_PER_BAR, bed.beat // 2
    for number, (bass, chord) in enumerate(bed.bars):
        at = number * bar
        _chord(pad, _WARM, chord, at=at, length=bar, level=0.18)
        for eighth in range(8):
            octave = 12 if eighth % 4 == 3 else 0
            add_note(low, _LOW, Note(bass + octave, at + eighth * half, half, 0.34))
            add_noise(low, at + eighth * half, 0.05 if eighth % 2 else 0.02, chance)
        for beat in range(BEATS_PER_BAR):
            add_thump(low, at + beat * bed.beat, 0.6)
        for place, tone in ((0.5, 3), (1.25, 2), (2.5, 3), (3.25, 1)):
            pan = 0.5 if tone % 2 else -0.5
            start = at + round(place * bed.beat)
            add_note(plucks, _PLUCK, Note(chord[tone] + 12, start, half, 0.24, pan))
    _duck(pad, bed.beat)


def _chord(
    ring: "Ring", voice: Voice, chord: tuple[int, ...], *, at: int, length: int, level: float
) -> None:
    for number, pitch in enumerate(chord):
        pan = -0.6 + 1.2 * number / (len(chord) - 1)
        add_note(ring, voice, Note(pitch, at, length, level, pan))


def _duck(ring: "Ring", beat: int) -> None:
    """The chords make room for each beat and swell back: what gives the bed its pulse."""
    time = np.arange(len(ring)) % beat / beat
    # Down within a fiftieth of a beat, back up by its half: no step anywhere.
    down = 0.5 + 0.5 * np.cos(np.pi * np.minimum(time / 0.04, 1))
    up = 0.5 - 0.5 * np.cos(np.pi * np.clip((time - 0.04) / 0.5, 0, 1))
    ring *= (0.45 + 0.55 * np.maximum(down, up)).astype(np.float32)[:, None]


_PLAYERS: Mapping[str, Callable[[Bed, "list[Ring]", np.random.Generator], None]] = MappingProxyType(
    {"calm": _calm, "bright": _bright, "pulse": _pulse}
)

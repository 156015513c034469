"""Voices, and a room for them to sound in: notes become a loop that joins with itself.

Every loop is a ring: what rings on past its end is heard at its start, reverb included. So it can
be played for any time without a seam. Tones are sums of harmonics (the recurrence
sin kx = 2 cos x sin (k-1)x - sin (k-2)x), all far below half the sampling rate.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from reelkiln.film.waves import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ring: TypeAlias = NDArray[np.float32]

__all__ = ["Note", "Voice", "add_noise", "add_note", "add_thump", "in_a_room"]

HIGHEST = 12_000.0
"""No harmonic above so many hertz."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a tone sounds: the strengths of its harmonics from the first on, and its envelope.

    It swells for `attack` seconds, decays with the time constant `decay` (0: not at all), and fades
    for `release` seconds after its end. Two tones `detune` cents apart sound left and right.
    """

    harmonics: tuple[float, ...]
    attack: float
    decay: float
    release: float
    detune: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """A tone of the equally tempered scale (69 is A at 440 Hz): when, how long, how loud, where.

    `at` and `length` in samples, `level` from 0 to 1, `pan` from -1 (left) to 1 (right).
    """

    pitch: int
    at: int
    length: int
    level: float
    pan: float = 0.0


def add_note(ring: "Ring", voice: Voice, note: Note) -> None:
    """Add a note to a ring (float32, samples x 2), around its end where it rings on."""
    envelope = _envelope(voice, note.length) * note.level
    angle = (note.pan + 1) * np.pi / 4
    for channel, (side, strength) in enumerate(((-1, np.cos(angle)), (1, np.sin(angle)))):
        pitch = note.pitch + side * voice.detune / 200
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        tone = _tone(hertz, voice.harmonics, len(envelope))
        _add(ring[:, channel], note.at, tone * envelope * np.float32(strength))


def add_thump(ring: "Ring", at: int, level: float) -> None:
    """Add a soft low drum: a sine that falls from 110 to 48 Hz within a third of a second."""
    time = np.arange(round(0.35 * RATE)) / RATE
    phase = 2 * np.pi * (48 * time + 62 * 0.04 * (1 - np.exp(-time / 0.04)))
    swell = np.minimum(time / 0.004, 1) * np.exp(-time / 0.09) * _last(len(time), 0.05)
    for channel in range(2):
        _add(ring[:, channel], at, (level * np.sin(phase) * swell).astype(np.float32))


def add_noise(ring: "Ring", at: int, level: float, chance: np.random.Generator) -> None:
    """Add a short breath of high noise, a little different left and right."""
    count = round(0.09 * RATE)
    time = np.arange(count) / RATE
    swell = np.minimum(time / 0.006, 1) * np.exp(-time / 0.022) * _last(count, 0.02)
    for channel in range(2):
        noise = np.diff(chance.standard_normal(count + 2), n=2) / 2.5
        _add(ring[:, channel], at, (level * noise * swell).astype(np.float32))


def in_a_room(ring: "Ring", wet: float, seconds: float, chance: np.random.Generator) -> "Ring":
    """The ring with reverb that dies away by 60 dB in so many seconds; `wet` is its share.

    The answer of the room is noise that decays and loses its highs: convolved around the ring, so
    that the end rings on into the start.
    """
    count = min(len(ring), round(seconds * RATE))
    time = np.arange(count) / RATE
    hertz = np.fft.rfftfreq(len(ring), 1 / RATE)
    colour = 1 / (1 + (hertz / 3000) ** 2) * (1 - 1 / (1 + (hertz / 180) ** 2))
    early = round(0.018 * RATE)
    out = np.empty_like(ring)
    for channel in range(2):
        answer = chance.standard_normal(count) * np.exp(-6.9 * time / seconds)
        answer *= np.minimum(time / 0.01, 1) * _last(count, 0.1)
        answer /= np.sqrt(np.sum(answer**2))
        room = np.fft.rfft(np.roll(np.pad(answer, (0, len(ring) - count)), early)) * colour
        dry = ring[:, channel]
        out[:, channel] = dry + wet * np.fft.irfft(np.fft.rfft(dry) * room, len(ring))
    return out


def _tone(hertz: float, harmonics: tuple[float, ...], count: int) -> "NDArray[np.float32]":
    turns = np.arange(count) * (hertz / RATE)
    phase = ((turns - np.floor(turns)) * 2 * np.pi).astype(np.float32)
    before, now, twice = np.float32(0), np.sin(phase), 2 * np.cos(phase)
    total = np.zeros(count, np.float32)
    for number, strength in enumerate(harmonics, 1):
        if number * hertz > HIGHEST:
            break
        total += np.float32(strength) * now
        before, now = now, twice * now - before
    return total


def _envelope(voice: Voice, length: int) -> "NDArray[np.float32]":
    release = round(voice.release * RATE)
    count = length + release
    time = np.arange(count) / RATE
    swell = 0.5 - 0.5 * np.cos(np.pi * np.minimum(time / voice.attack, 1))
    if voice.decay:
        swell *= np.exp(-time / voice.decay)
    return (swell * _last(count, voice.release)).astype(np.float32)


def _last(count: int, seconds: float) -> "NDArray[np.float64]":
    """Ones that fade to nothing, along a cosine, over the last seconds."""
    left = np.arange(count, 0, -1) / RATE
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(left / seconds, 1)))


def _add(channel: "NDArray[np.float32]", at: int, tone: "NDArray[np.float32]") -> None:
    start = at % len(channel)
    while len(tone):
        part = tone[: len(channel) - start]
        channel[start : start + len(part)] += part
        tone, start = tone[len(part) :], 0

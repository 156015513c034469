"""Keeping peaks down, those between the samples too: a true-peak meter and a limiter.

What a player makes of samples can rise above each of them. As in ITU-R BS.1770-5, annex 2, the peak
is looked for among four times as many samples, found by a filter; an estimate, within some tenths
of a decibel for music. The limiter looks ahead: it is down before a peak and up again behind it.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from math import inf, log10
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.film.waves import Wave

    Line: TypeAlias = NDArray[np.float64]

__all__ = ["limited", "to_gain", "true_peak"]

OVER = 4
REACH = 16
"""Samples to each side that the filter looks at."""

AHEAD = 480
"""Samples in which the limiter goes down, and up again: a hundredth of a second."""

MARGIN = REACH + 2 * AHEAD


def to_gain(decibels: float) -> float:
    """The factor that so many decibels are."""
    return float(10.0 ** (decibels / 20))


def true_peak(blocks: "Iterable[Wave]") -> float:
    """The highest peak in dBTP (0 is full scale), minus infinity for silence."""
    peak = 0.0
    for wide in _with_margins(blocks, REACH):
        peak = max(peak, float(np.max(_envelope(wide)[REACH:-REACH], initial=0)))
    return 20 * log10(peak) if peak > 0 else -inf


def limited(blocks: "Iterable[Wave]", gain: float, ceiling: float) -> "Iterator[Wave]":
    """Blocks (float32, samples x 2) times `gain`, held under `ceiling` (a factor of full scale).

    As many samples come out as go in. Both channels are turned down alike, so nothing moves to a
    side.
    """
    for wide in _with_margins(blocks, MARGIN):
        loud = wide * gain
        over = np.minimum(1, ceiling / np.maximum(_envelope(loud), 1e-12))
        down = _smooth(_smooth(_lowest(over, AHEAD), AHEAD // 2), AHEAD // 2)
        core = slice(MARGIN, len(wide) - MARGIN)
        yield (loud[core] * down[core, None]).astype(np.float32)


def _with_margins(blocks: "Iterable[Wave]", margin: int) -> "Iterator[NDArray[np.float64]]":
    """Pieces that overlap, so that each sample once has `margin` samples on both of its sides."""
    silence = np.zeros((margin, 2))
    held = silence
    for block in chain(blocks, [silence]):
        held = np.concatenate([held, block])
        if len(held) > 2 * margin:
            yield held
            held = held[-2 * margin :]


def _envelope(wave: "NDArray[np.float64]") -> "Line":
    """The highest absolute value at each sample and the three moments behind it."""
    highest = np.max(np.abs(wave), axis=1)
    for phase in range(1, OVER):
        taps = _taps(phase / OVER)
        for channel in range(2):
            between = np.convolve(wave[:, channel], taps)[REACH : REACH + len(wave)]
            np.maximum(highest, np.abs(between), out=highest)
    return np.asarray(highest)


def _taps(shift: float) -> "Line":
    """A windowed sinc that reads a signal `shift` samples later than it was taken."""
    place = np.arange(-REACH, REACH) + shift
    taps = np.sinc(place) * np.cos(np.pi * place / (2 * (REACH + 1))) ** 2
    return np.asarray(taps / taps.sum())


def _lowest(line: "Line", reach: int) -> "Line":
    """The least value among `reach` samples to both sides, by doubling the span."""
    span, low = 1, np.pad(line, reach, mode="edge")
    width = 2 * reach + 1
    while span < width:
        step = min(span, width - span)
        low = np.minimum(low[:-step], low[step:])
        span += step
    return low


def _smooth(line: "Line", reach: int) -> "Line":
    """The mean of `reach` samples to both sides."""
    sums = np.cumsum(np.pad(line, (reach + 1, reach), mode="edge"))
    width = 2 * reach + 1
    return np.asarray((sums[width:] - sums[:-width]) / width)

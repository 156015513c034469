"""Cuts that fall on beats. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from reelkiln.errors import UsageError

__all__ = ["snap"]


def snap(
    cut_times: Sequence[Fraction], beats: Sequence[Fraction], tolerance: Fraction
) -> tuple[Fraction, ...]:
    """Move cuts onto the nearest beat that is at most `tolerance` seconds away.

    `cut_times` are the ends of the shots, from the film's start to its end, rising; the first and
    the last stay, so the film keeps its length. A cut that has no beat near it, or that would reach
    its neighbour, stays too: the order is kept and no shot vanishes.

    >>> cuts = [Fraction(0), Fraction(9, 10), Fraction(2)]
    >>> snap(cuts, [Fraction(1)], Fraction(1, 4))[1]
    Fraction(1, 1)

    Raises:
        UsageError: the times do not rise, or the tolerance is below 0.
    """
    if tolerance < 0:
        raise UsageError("the tolerance of cuts cannot be below 0 seconds")
    for times in (cut_times, beats):
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise UsageError("the times of cuts and beats must rise")
    snapped = list(cut_times)
    for number in range(1, len(snapped) - 1):
        beat = _nearest(snapped[number], beats)
        if beat is None or abs(beat - snapped[number]) > tolerance:
            continue
        if snapped[number - 1] < beat < snapped[number + 1]:
            snapped[number] = beat
    return tuple(snapped)


def _nearest(time: Fraction, beats: Sequence[Fraction]) -> Fraction | None:
    place = bisect_left(beats, time)
    near = beats[max(0, place - 1) : place + 1]
    return min(near, key=lambda beat: abs(beat - time), default=None)

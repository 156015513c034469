"""Cuts that fall on beats. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from reelkiln.errors import UsageError

__all__ = ["TOLERANCE", "snap", "snap_lengths"]

TOLERANCE = Fraction(1, 4)
"""Seconds that a cut is moved at most: less is hardly seen, more tells the shots otherwise."""


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


def snap_lengths(
    lengths: Sequence[Fraction],
    crossfades: Sequence[Fraction],
    beats: Sequence[Fraction],
    *,
    least: Fraction,
    most: Fraction,
    tolerance: Fraction = TOLERANCE,
) -> tuple[Fraction, ...]:
    """The lengths of a reel's pieces with their cuts moved onto beats; the reel's own length stays.

    A cross-fade's cut is its middle. A cut whose move would make a piece shorter than `least` or
    longer than `most` seconds stays where it is, as one without a beat near it does.

    >>> two = [Fraction(19, 10), Fraction(2)]
    >>> snap_lengths(two, [Fraction(0)] * 2, [Fraction(2)], least=Fraction(1), most=Fraction(8))
    (Fraction(2, 1), Fraction(19, 10))
    """
    cuts = _cuts(lengths, crossfades)
    moved = list(cuts)
    for number, cut in enumerate(snap(cuts, beats, tolerance)):
        tried = [*moved[:number], cut, *moved[number + 1 :]]
        around = _lengths(tried, crossfades)[max(0, number - 1) : number + 1]
        if cut != cuts[number] and all(least <= length <= most for length in around):
            moved = tried
    return tuple(_lengths(moved, crossfades))


def _cuts(lengths: Sequence[Fraction], crossfades: Sequence[Fraction]) -> list[Fraction]:
    """The reel's start, the middle of each way from piece to piece, the reel's end."""
    cuts, at = [Fraction(0)], lengths[0]
    for length, fade in zip(lengths[1:], crossfades[1:], strict=True):
        cuts.append(at - fade / 2)
        at += length - fade
    return [*cuts, at]


def _lengths(cuts: Sequence[Fraction], crossfades: Sequence[Fraction]) -> list[Fraction]:
    half = [Fraction(0), *(fade / 2 for fade in crossfades[1:]), Fraction(0)]
    return [
        end + half[number + 1] - (start - half[number])
        for number, (start, end) in enumerate(pairwise(cuts))
    ]


def _nearest(time: Fraction, beats: Sequence[Fraction]) -> Fraction | None:
    place = bisect_left(beats, time)
    near = beats[max(0, place - 1) : place + 1]
    return min(near, key=lambda beat: abs(beat - time), default=None)

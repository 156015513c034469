"""Which piece is seen in which frames of a reel. Pure arithmetic, done before anything is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from reelkiln.errors import UsageError

__all__ = ["LOOP_MAX", "Cutlist", "Span", "cutlist"]

LOOP_MAX = Fraction(1)
"""Seconds: the reel's beginning is held in memory until its end, so it must be short."""


@dataclass(frozen=True, slots=True)
class Span:
    """One piece in the reel: from frame `start` up to `end`; in the first `overlap` it fades in.

    The first piece of a loop begins before frame 0: those frames are seen at the reel's end.
    """

    start: int
    end: int
    overlap: int

    @property
    def frames(self) -> int:
        """How many frames of the piece are needed."""
        return self.end - self.start

    def strength(self, number: int) -> float:
        """How much of it is seen over the piece before, in a frame of the reel: 0 to 1.

        Frame n stands for the time (n + 1/2) / fps, as in `compose`.
        """
        into = number - self.start
        return 1.0 if into >= self.overlap else (into + 0.5) / self.overlap


@dataclass(frozen=True, slots=True)
class Cutlist:
    """The pieces' places in the order they are seen, and the reel's frames in all."""

    spans: tuple[Span, ...]
    frames: int

    @property
    def loop(self) -> int:
        """So many frames at the end fade into the beginning."""
        return self.spans[0].overlap


def cutlist(
    seconds: Sequence[Fraction],
    crossfades: Sequence[Fraction],
    fps: Fraction,
    loop: Fraction = Fraction(0),
) -> Cutlist:
    """Place pieces of these lengths, each fading into the next for so many seconds (0: a cut).

    Times are added exactly and only then rounded to the nearest frame, so that nothing drifts: the
    reel lasts as long as its pieces less their cross-fades, to half a frame. With `loop` the end
    fades into the beginning, and the reel is shorter by as much.

    >>> two = cutlist([Fraction(2), Fraction(3)], [Fraction(0), Fraction(1, 2)], Fraction(24))
    >>> two.spans
    (Span(start=0, end=48, overlap=0), Span(start=36, end=108, overlap=12))

    Raises:
        UsageError: there are no pieces; one is shorter than a frame; a cross-fade is longer than
            half of a piece that it touches; the loop is longer than a second.
    """
    _check(seconds, crossfades, fps, loop)
    spans: list[Span] = []
    at, before = Fraction(0), 0
    for index, (length, fade) in enumerate(zip(seconds, [loop, *crossfades[1:]], strict=True)):
        begin, at = at - fade, at - fade + length
        start, end = _frame(begin * fps), _frame(at * fps)
        spans.append(Span(start, end, before - start))
        if end <= max(start, before):
            raise UsageError(
                f"piece {index + 1} is shorter than a frame",
                hint="Make it longer, or leave it out.",
            )
        before = end
    return Cutlist(tuple(spans), before)


def _check(
    seconds: Sequence[Fraction], crossfades: Sequence[Fraction], fps: Fraction, loop: Fraction
) -> None:
    if not seconds:
        raise UsageError("a reel of no pieces", hint="Name at least one shot.")
    if len(crossfades) != len(seconds) or fps <= 0:
        raise ValueError("every piece has a cross-fade, and a rate is more than 0")
    if crossfades[0] != 0:
        raise UsageError(
            "the first piece has none before it to fade from", hint="Ask for a loop instead."
        )
    if loop > LOOP_MAX:
        raise UsageError(
            f"a loop cannot fade for {float(loop):g} seconds",
            hint=f"Use {float(LOOP_MAX):g} or less.",
        )
    for index, fade in enumerate([loop, *crossfades[1:]]):
        shorter = min(seconds[index], seconds[index - 1])
        if not 0 <= fade <= shorter / 2:
            where = f"into piece {index + 1}" if index else "from the end to the beginning"
            raise UsageError(
                f"a cross-fade {where} of {float(fade):g} s does not fit pieces of "
                f"{float(seconds[index - 1]):g} and {float(seconds[index]):g} s",
                hint=f"Use 0 to {float(max(shorter, Fraction(0)) / 2):g} s: half of the shorter.",
            )


def _frame(place: Fraction) -> int:
    return floor(place + Fraction(1, 2))

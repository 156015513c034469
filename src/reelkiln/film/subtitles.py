"""Captions as a SubRip file (.srt), for players and platforms that show their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from reelkiln.errors import UsageError
from reelkiln.film.text import clean

__all__ = ["Subtitle", "to_srt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtitle:
    """Words from `start` up to `end`, in seconds."""

    text: str
    start: Fraction
    end: Fraction


def to_srt(subtitles: Sequence[Subtitle]) -> str:
    """SubRip text: numbered from 1, times to the nearest millisecond, lines ended by CR LF.

    Words are written as they are: "<i>" is shown as it stands by some players and as italics by
    others, so "<" and "&" are left alone. An arrow inside words ("-->") would be taken for a line
    of times by some readers and is written "->".

    Raises:
        UsageError: a text is empty or too long, times run backwards, overlap, or lie beyond
            99:59:59.999.
    """
    blocks, last = [], 0
    for number, one in enumerate(subtitles, 1):
        start, end = _milliseconds(one.start), _milliseconds(one.end)
        if not last <= start < end < 360_000_000:
            raise UsageError(
                f"subtitle {number}: {float(one.start):g} to {float(one.end):g} s does not follow "
                "the one before",
                hint="Let each begin after the one before has ended, and last a millisecond.",
            )
        last = end
        words = clean(one.text, f"subtitle {number}")
        while "-->" in words:
            words = words.replace("-->", "->")
        blocks.append(f"{number}\n{_clock(start)} --> {_clock(end)}\n{words}\n")
    return "\n".join(blocks).replace("\n", "\r\n")


def _milliseconds(seconds: Fraction) -> int:
    return floor(seconds * 1000 + Fraction(1, 2))


def _clock(milliseconds: int) -> str:
    """Hours, minutes, seconds and milliseconds.

    >>> _clock(3_723_004)
    '01:02:03,004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{rest:03}"

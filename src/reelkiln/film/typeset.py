"""Text into a box: shrunk a little on one line, then broken into balanced lines, or refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from reelkiln.errors import UsageError
from reelkiln.film.fonts import Typeface
from reelkiln.film.text import Line, Paragraph, clean, named

__all__ = ["Block", "Room", "typeset"]

PITCH = 1.32
"""From one baseline to the next, in ems, where no ink asks for more."""
GAP = 0.12
"""The least between the ink of two lines, in ems."""
ASCENT, DESCENT = 0.955, 0.24
"""What a line takes above and below its baseline at least, in ems: blocks of like words are of like
height, whichever letters they hold, and capitals (0.71 em) stand in the middle."""
ONE_LINE_LEAST = 0.8
"""How far text shrinks to stay on one line, before it is broken."""
STEP = 0.94
"""From one size that is tried to the next."""

_BRACKET = 20
"""Brackets up to that many characters are kept on one line where that is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where text must fit: pixels, the size wished, the least legible one, and how many lines."""

    width: int
    height: int
    size: int
    least: int
    lines: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines set at one size (pixels per em), with the height of each baseline below the top.

    `width` and `height` in whole pixels hold all of the ink.
    """

    lines: tuple[Line, ...]
    size: int
    baselines: tuple[float, ...]
    width: int
    height: int


def typeset(
    text: str, faces: tuple[Typeface, ...], room: Room, what: str, language: str = ""
) -> Block:
    """Set the text: on one line if it shrinks to four fifths at most, else on several.

    Args:
        text: words; line ends in it are kept.
        faces: in the order of choice.
        room: where it must fit.
        what: how messages call the text, such as "caption 2".
        language: BCP 47 tag.

    Raises:
        UsageError: it is empty or too long, a character has no glyph (each is named with its
            place), or it does not fit at the least size.
    """
    text = clean(text, what)
    paragraphs = [_Breaker(Paragraph(line, faces, language)) for line in text.split("\n")]
    _refuse_missing(paragraphs, text, what)
    for size, most, nicely in _tries(room):
        for one in paragraphs:
            one.nicely = nicely
        broken = [line for one in paragraphs for line in one.lines(room.width / size)]
        if len(broken) > max(most, len(paragraphs)) or len(broken) > room.lines:
            continue
        block = _block(_balanced(paragraphs, room.width / size, len(broken)), size)
        if block.width <= room.width and block.height <= room.height:
            return block
    raise UsageError(
        f"{what}: {_short(text)} does not fit into {room.width}x{room.height} pixels and "
        f"{room.lines} lines, even at {room.least} pixels",
        hint="Shorten it.",
    )


def _tries(room: Room) -> Iterator[tuple[int, int, bool]]:
    """Sizes, how many lines each may take and whether only nice breaks count, best first."""
    sizes = [room.size]
    while (smaller := int(sizes[-1] * STEP)) >= room.least and smaller < sizes[-1]:
        sizes.append(smaller)
    if sizes[-1] > room.least:
        sizes.append(room.least)
    large = [size for size in sizes if size >= room.size * ONE_LINE_LEAST]
    yield from ((size, 1, True) for size in large)
    yield from ((size, room.lines, True) for size in large)
    yield from ((size, room.lines, False) for size in sizes)


class _Breaker:
    """One paragraph, and where its lines may end. Keeps what it shaped."""

    def __init__(self, paragraph: Paragraph) -> None:
        self.paragraph = paragraph
        self.nicely = True
        self._nice, self._all = _nice_ends(paragraph.text), _ends(paragraph.text)
        self._shaped: dict[tuple[int, int], Line] = {}

    def lines(self, width: float) -> list[Line]:
        """Broken greedily at `width` ems. A word that is longer alone stays whole, and too wide."""
        start, found = 0, []
        all_ends = self._nice if self.nicely else self._all
        while start < len(self.paragraph.text):
            ends = [end for end in all_ends if end > start]
            best = ends[0]
            for end in ends[1:]:
                line = self._line(start, end)
                if line.right - line.left > width:
                    break
                best = end
            found.append(self._line(start, best))
            start = best
        return found

    def _line(self, start: int, end: int) -> Line:
        if (start, end) not in self._shaped:
            self._shaped[start, end] = self.paragraph.line(start, end)
        return self._shaped[start, end]


def _ends(text: str) -> list[int]:
    """Where a line may end: behind a space, and behind a hyphen or dash between letters."""
    ends = []
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        dash = before in "-\u2010\u2013\u2014\u200b/" and after.isalpha()
        inside = at > 1 and text[at - 2].isalnum()
        # French and Spanish set a space before some signs: none of those begins a line.
        if (before == " " and after not in "!?:;»%।॥") or (dash and inside):
            ends.append(at)
    return [*ends, len(text)]


def _nice_ends(text: str) -> list[int]:
    """Of those the ones where a reader would pause: not behind a number that counts what follows,
    not before a dash, not inside a short bracket.

    >>> _nice_ends("in 14 days (SPF 50) — or")
    [3, 11, 22, 24]
    """
    nice = []
    for end in _ends(text):
        opened = max(text.rfind(sign, 0, end) for sign in "([")
        closed = min((at for sign in ")]" if (at := text.find(sign, end)) >= 0), default=-1)
        between = not any(sign in text[opened + 1 : closed] for sign in "()[]")
        bracket = opened >= 0 and closed >= 0 and between and closed - opened <= _BRACKET
        counts = text[end - 1] == " " and text[:end].rsplit(maxsplit=1)[-1].isdecimal()
        if end == len(text) or not (bracket or counts or text[end] in "\u2013\u2014"):
            nice.append(end)
    return nice


def _balanced(paragraphs: Sequence[_Breaker], width: float, count: int) -> tuple[Line, ...]:
    """The same number of lines, the longest as short as it can be: no last line of one word."""
    best = [line for one in paragraphs for line in one.lines(width)]
    low, high = width / 3, width
    for _ in range(7):
        middle = (low + high) / 2
        lines = [line for one in paragraphs for line in one.lines(middle)]
        fits = len(lines) == count and all(one.right - one.left <= width for one in lines)
        if fits:
            best, high = lines, middle
        else:
            low = middle
    return tuple(best)


def _block(lines: tuple[Line, ...], size: int) -> Block:
    pitch = max(PITCH, *(GAP - one.bottom + two.top for one, two in pairwise(lines)), PITCH)
    first = max(ASCENT, lines[0].top)
    last = max(DESCENT, -lines[-1].bottom)
    baselines = tuple(1 + (first + pitch * index) * size for index in range(len(lines)))
    width = max(ceil((line.right - line.left) * size) for line in lines)
    return Block(lines, size, baselines, width + 2, ceil(baselines[-1] + last * size) + 1)


def _refuse_missing(paragraphs: Sequence[_Breaker], text: str, what: str) -> None:
    places: list[str] = []
    begin = 0
    for one in paragraphs:
        words = one.paragraph.text
        places += [
            f"{named(words[at])} at character {begin + at + 1}" for at in one.paragraph.missing()
        ]
        begin += len(words) + 1
    if places:
        raise UsageError(
            f"{what}: {_short(text)} has characters that no font draws: {places[0]}",
            hint="Leave them out, or name a font that has them in brand.yaml.",
            details=tuple(places[1:]),
        )


def _short(text: str) -> str:
    text = text.replace("\n", " ")
    return repr(text if len(text) <= 48 else text[:47] + "…")

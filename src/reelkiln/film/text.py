"""From words to glyphs: cleaned, split by direction, face and script, and shaped by HarfBuzz.

Nothing here asks the system: HarfBuzz, its tables and the fonts come with the package, so a line is
the same on every machine. Pillow's own text drawing is never used: whether it can shape depends on
which libraries the system happens to have.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import uharfbuzz as hb

from reelkiln.errors import UsageError
from reelkiln.film.direction import base_level, levels, visual_order
from reelkiln.film.fonts import Typeface

__all__ = ["TEXT_MAX", "Glyph", "Line", "Paragraph", "clean"]

TEXT_MAX = 500
"""The longest text of one overlay, in characters."""

_JOINERS = "\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\u00ad"
"""Seen by their effect only: no font needs a glyph for them."""

_STEERING = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph and where its origin lies, in ems from the line's left end; y goes up."""

    face: Typeface
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """Shaped glyphs from left to right, in ems: what they advance, and the box of their ink."""

    glyphs: tuple[Glyph, ...]
    advance: float
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class _Run:
    start: int
    end: int
    level: int
    script: str
    face: Typeface


def clean(text: str, what: str) -> str:
    """The text in one form (NFC), spaces in a row as one, empty lines gone.

    Raises:
        UsageError: it is empty, over 500 characters, or holds characters that steer unseen; the
            message begins with `what`.
    """
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    text = "\n".join(line for line in lines if line)
    if not text:
        raise UsageError(f"{what}: there is no text", hint="Write some, or leave it out.")
    if len(text) > TEXT_MAX:
        raise UsageError(
            f"{what}: {len(text)} characters, at most {TEXT_MAX} can be shown", hint="Shorten it."
        )
    for at, one in enumerate(text, 1):
        steers = one in _STEERING or (one != "\n" and unicodedata.category(one) in ("Cc", "Cs"))
        if steers:
            raise UsageError(
                f"{what}: unseen control character U+{ord(one):04X} at character {at}",
                hint="Type the text anew without it.",
            )
    return text


@dataclass(frozen=True)
class Paragraph:
    """Clean text without line ends, the faces it is set in (first choice first) and its language.

    `language` is a BCP 47 tag; it picks a language's own forms where a face has them.
    """

    text: str
    faces: tuple[Typeface, ...]
    language: str = ""

    def missing(self) -> tuple[int, ...]:
        """The places of characters that no face has."""
        return tuple(at for at, face in enumerate(self._faces) if face is None)

    def line(self, start: int, end: int) -> Line:
        """The characters from `start` to `end` as one line, without spaces at its ends.

        Raises:
            UsageError: a face lacks a glyph that its character map promises.
        """
        while end > start and self.text[end - 1] == " ":
            end -= 1
        while start < end and self.text[start] == " ":
            start += 1
        runs = list(self._runs(start, end))
        order = visual_order([run.level for run in runs])
        glyphs: list[Glyph] = []
        pen = 0.0
        for index in order:
            shaped, advance = self._shape(runs[index], pen)
            glyphs += shaped
            pen += advance
        return _boxed(tuple(glyphs), pen)

    @cached_property
    def _levels(self) -> tuple[int, ...]:
        return levels(self.text, base_level(self.text))

    @cached_property
    def _scripts(self) -> list[str]:
        """Each character's script; signs that many scripts share take that of the one before."""
        own = [_script(one) for one in self.text]
        last = next((script for script in own if script), "Latn")
        found = []
        for script in own:
            last = script or last
            found.append(last)
        return found

    @cached_property
    def _faces(self) -> list[Typeface | None]:
        """For each character the face that draws it; None: there is none."""
        homes = {script: self._home(script) for script in set(self._scripts)}
        found: list[Typeface | None] = []
        for start, end in _clusters(self.text):
            home = homes[self._scripts[start]]
            choice = (home, *(face for face in self.faces if face is not home))
            whole = [one for one in self.text[start:end] if one not in _JOINERS]
            holds = (f for f in choice if all(ord(one) in f.covers for one in whole))
            face = next(holds, None)
            for at in range(start, end):
                some = any(ord(self.text[at]) in one.covers for one in self.faces)
                alone = face is None and (some or self.text[at] in _JOINERS)
                found.append(home if alone else face)
        return found

    def _home(self, script: str) -> Typeface:
        """The first face with every letter of that script in the text, else the one with most."""
        letters = {ord(one) for one in self.text if _script(one) == script}
        return max(self.faces, key=lambda face: len(letters & face.covers))

    def _runs(self, start: int, end: int) -> Iterator[_Run]:
        """Stretches of one level, script and face."""
        begin = start
        for at in range(start, end):
            if at + 1 == end or self._kind(at) != self._kind(at + 1):
                level, script, face = self._kind(at)
                yield _Run(begin, at + 1, level, script, face)
                begin = at + 1

    def _kind(self, at: int) -> tuple[int, str, Typeface]:
        return self._levels[at], self._scripts[at], self._faces[at] or self.faces[0]

    def _shape(self, run: _Run, pen: float) -> tuple[list[Glyph], float]:
        buffer = hb.Buffer()
        codes = [ord(one) for one in self.text]
        # The text around the run is handed over too: letters join across its ends.
        buffer.add_codepoints(codes, run.start, run.end - run.start)
        buffer.direction = "rtl" if run.level % 2 else "ltr"
        buffer.script = run.script
        buffer.language = self.language or "und"
        hb.shape(run.face.font, buffer)
        glyphs, x = [], 0.0
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions or (), strict=True):
            if info.codepoint == 0:
                raise UsageError(
                    f"{run.face.name}: no glyph for {named(self.text[info.cluster])}",
                    hint="Use another font.",
                )
            scale = run.face.upem
            at = pen + x + place.x_offset / scale
            glyphs.append(Glyph(run.face, info.codepoint, at, place.y_offset / scale))
            x += place.x_advance / scale
        return glyphs, x


def named(one: str) -> str:
    """A character as a person can find it.

    >>> named("é")
    "'é' (U+00E9, LATIN SMALL LETTER E WITH ACUTE)"
    """
    return f"{one!r} (U+{ord(one):04X}, {unicodedata.name(one, 'without a name')})"


@cache
def _script(one: str) -> str:
    """The ISO 15924 tag of a character's script, empty for signs that many scripts share."""
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(one)])
    buffer.guess_segment_properties()
    return buffer.script or ""


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Each character with the marks and joiners that follow it: one face must draw them."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not (
            unicodedata.category(text[at]).startswith("M") or text[at] in _JOINERS
        ):
            yield start, at
            start = at


def _boxed(glyphs: Sequence[Glyph], advance: float) -> Line:
    boxes = []
    for glyph in glyphs:
        extents = glyph.face.font.get_glyph_extents(glyph.number)
        if extents is None or not extents.width:
            continue
        scale = glyph.face.upem
        left, top = glyph.x + extents.x_bearing / scale, glyph.y + extents.y_bearing / scale
        boxes.append((left, left + extents.width / scale, top, top + extents.height / scale))
    if not boxes:
        return Line(tuple(glyphs), advance, 0, advance, 0, 0)
    lefts, rights, tops, bottoms = zip(*boxes, strict=True)
    return Line(
        tuple(glyphs), advance, min(*lefts, 0), max(*rights, advance), max(tops), min(bottoms)
    )

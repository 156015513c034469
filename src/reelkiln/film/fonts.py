"""Font files: the Noto faces that come along, and a brand's own."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import uharfbuzz as hb

from reelkiln.errors import UsageError

__all__ = ["FAMILIES", "SIGNS", "Typeface", "bundled", "open_font"]

FAMILIES = ("NotoSans", "NotoSansDevanagari", "NotoSansTamil", "NotoSansArabic")
"""What comes along, each regular and bold. Latin's face also holds Greek and Cyrillic."""

SIGNS = ("NotoSansMath", "NotoSansSymbols2")
"""What comes along in one weight: arrows; stars, ticks and hearts."""

BYTES_MAX = 32 * 2**20
"""The largest font file that is read."""

_HINT = "Give a TrueType or OpenType file (.ttf, .otf)."


@dataclass(frozen=True, slots=True, eq=False)
class Typeface:
    """One face, ready to shape and draw. `upem` is its units per em; `covers` its characters."""

    name: str
    font: hb.Font
    upem: int
    covers: frozenset[int]


@cache
def bundled(bold: bool = False) -> tuple[Typeface, ...]:
    """The faces of the package: Latin, Devanagari, Tamil, Arabic, and signs."""
    folder = files("reelkiln.film") / "fonts"
    names = [f"{family}-{'Bold' if bold else 'Regular'}.ttf" for family in FAMILIES]
    names += [f"{family}-Regular.ttf" for family in SIGNS]
    return tuple(_typeface((folder / name).read_bytes(), name) for name in names)


def open_font(path: Path) -> Typeface:
    """The face in a file of the user's.

    Raises:
        UsageError: it is missing, cannot be read, is over 32 MiB or holds no font.
    """
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise UsageError(f"{path}: {size / 2**20:.0f} MiB are too much for a font", hint=_HINT)
        data = path.read_bytes()
    except OSError as wrong:
        said = wrong.strerror or "cannot be read"
        raise UsageError(f"font {path}: {said}", hint="Mend its place in brand.yaml.") from None
    return _typeface(data, str(path))


def _typeface(data: bytes, name: str) -> Typeface:
    face = hb.Face(hb.Blob(data))
    covers = frozenset(face.unicodes)
    if not face.glyph_count or not covers or not _whole(data):
        raise UsageError(f"{name}: no font that can be read", hint=_HINT)
    return Typeface(name, hb.Font(face), face.upem, covers)


def _whole(data: bytes) -> bool:
    """Whether every table lies inside the file: HarfBuzz takes one that does not for empty, and
    letters would silently be blank. Layout: the table directory of the OpenType specification."""
    count = int.from_bytes(data[4:6])
    entries = (data[12 + 16 * index : 28 + 16 * index] for index in range(count))
    return all(
        len(entry) == 16 and int.from_bytes(entry[8:12]) + int.from_bytes(entry[12:16]) <= len(data)
        for entry in entries
    )

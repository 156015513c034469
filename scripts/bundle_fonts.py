"""Write the fonts that come along, cut to what captions need, from Debian's fonts-noto-core.

    apt-get download fonts-noto-core && dpkg -x fonts-noto-core_*.deb noto
    .venv/bin/python scripts/bundle_fonts.py noto/usr/share/fonts/truetype/noto

Hints go (nothing here is drawn by a rasteriser that reads them), and so do characters of scripts
that the face was not chosen for. Every layout rule of what is left stays.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import uharfbuzz as hb

TARGET = Path(__file__).resolve().parent.parent / "src" / "reelkiln" / "film" / "fonts"
LATIN = [
    (0x20, 0x7E),
    (0xA0, 0x24F),  # Latin-1, Extended-A and -B
    (0x250, 0x2FF),  # IPA and spacing modifiers
    (0x300, 0x36F),  # combining marks
    (0x370, 0x3FF),  # Greek
    (0x400, 0x52F),  # Cyrillic
    (0x1E00, 0x1EFF),  # Vietnamese and other Latin with marks
    (0x2000, 0x206F),  # punctuation
    (0x2070, 0x209F),  # raised and lowered figures
    (0x20A0, 0x20CF),  # currencies
    (0x2100, 0x214F),  # trade mark, numero and the like
    (0x2150, 0x218F),  # fractions and Roman numerals
    (0x2200, 0x22FF),  # signs of arithmetic
    (0xFB00, 0xFB06),  # ligatures
    (0xFFFD, 0xFFFD),
]
SIGNS = [
    (0x25A0, 0x25FF),  # squares, circles, triangles
    (0x2600, 0x26FF),  # stars, suns and other signs
    (0x2700, 0x27BF),  # ticks, crosses, hearts
]
ARROWS = [(0x2190, 0x21FF)]
BOTH = ("Regular", "Bold")
FACES = {
    "NotoSans": (BOTH, LATIN),
    "NotoSansDevanagari": (BOTH, []),
    "NotoSansTamil": (BOTH, []),
    "NotoSansArabic": (BOTH, []),
    "NotoSansMath": (("Regular",), ARROWS),
    "NotoSansSymbols2": (("Regular",), SIGNS),
}
"""Each family with its weights and the ranges that are kept; none: all of it."""


def cut(path: Path, kept: list[tuple[int, int]]) -> bytes:
    """The face without hints, and with no further characters than those kept."""
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    wish = hb.SubsetInput()
    wish.keep_everything()
    wish.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NAME_LEGACY
    if kept:
        wish.unicode_set.clear()
        wish.glyph_set.clear()
        wish.unicode_set.update(one for low, high in kept for one in range(low, high + 1))
    wish.drop_table_tag_set.update(int.from_bytes(tag) for tag in (b"DSIG", b"gasp"))
    return hb.subset(face, wish).blob.data


def main() -> None:
    """Write every face, and say what each holds."""
    source = Path(sys.argv[1])
    total = 0
    for family, (weights, kept) in FACES.items():
        for weight in weights:
            name = f"{family}-{weight}.ttf"
            data = cut(source / name, kept)
            (TARGET / name).write_bytes(data)
            total += len(data)
            print(f"{len(data):8} {hashlib.sha256(data).hexdigest()[:16]} {name}")
    print(f"{total / 2**20:.2f} MiB together")


if __name__ == "__main__":
    main()

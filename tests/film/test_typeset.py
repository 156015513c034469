import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.fonts import bundled
from reelkiln.film.ink import coverage
from reelkiln.film.typeset import Room, typeset

ROOM = Room(width=400, height=300, size=40, least=20, lines=3)
WORDS = [
    *["glow", "Ågf", "serum", "(SPF 50)", "—", "14", "days!", "under-eye", "₹499", "★"],
    *["क्षमता", "हिन्दी", "ज़्यादा", "வணக்கம்", "கொள்கை", "سيروم", "بشرةٌ", "٪٢٥"],
]


def block(text, **room):
    wished = {"width": 400, "height": 300, "size": 40, "least": 20, "lines": 3} | room
    return typeset(text, bundled(), Room(**wished), "caption 2")


def test_short_text_stays_on_one_line_at_full_size():
    found = block("Glow")
    assert (len(found.lines), found.size) == (1, 40)


def test_text_a_little_too_long_shrinks_before_it_is_broken():
    found = block("Glow that stays all day", width=410)
    assert len(found.lines) == 1 and 32 <= found.size < 40


def test_longer_text_is_broken_at_full_size():
    found = block("Glow that stays with you all day long")
    assert (len(found.lines), found.size) == (2, 40)


def test_text_for_too_many_lines_shrinks_further():
    found = block("Glow that stays with you " * 4)
    assert len(found.lines) <= 3 and 20 <= found.size < 40


def test_text_that_cannot_fit_is_refused_by_name():
    with pytest.raises(UsageError, match=r"caption 2: 'Glow that .*…' does not fit .* 20 pixels"):
        block("Glow that stays with you " * 9)
    with pytest.raises(UsageError, match="does not fit"):
        block("Donaudampfschifffahrtsgesellschaftskapitän" * 2)
    with pytest.raises(UsageError, match="does not fit"):
        block("a\nb\nc\nd")


def test_lines_are_balanced():
    found = block("Glow that stays with you the whole day", width=500)
    widths = [line.advance for line in found.lines]
    assert len(widths) == 2 and min(widths) > 0.75 * max(widths)


def test_line_ends_of_the_text_are_kept():
    assert len(block("Glow\nall day").lines) == 2


@pytest.mark.parametrize("kept", ["14 days", "(SPF 50)", "days —"])
def test_what_belongs_together_stays_on_a_line(kept):
    text = f"It takes {kept} or so"
    found = block(text, width=230, size=34)
    whole = block(kept, width=9999, size=34).lines[0]
    inside = [glyph.number for glyph in whole.glyphs]
    lines = [[glyph.number for glyph in line.glyphs] for line in found.lines]
    assert len(lines) > 1
    assert any(inside == line[at : at + len(inside)] for line in lines for at in range(len(line)))


def test_each_character_without_a_glyph_is_named_with_its_place():
    with pytest.raises(UsageError) as refused:
        block("Glow 🚀\nab漢")
    assert "caption 2: 'Glow 🚀 ab漢'" in refused.value.message
    assert "'🚀' (U+1F680, ROCKET) at character 6" in refused.value.message
    assert refused.value.details == ("'漢' (U+6F22, CJK UNIFIED IDEOGRAPH-6F22) at character 10",)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join), st.booleans())
def test_ink_keeps_inside_its_block_and_lines_apart(text, bold):
    room = Room(width=500, height=400, size=44, least=10, lines=4)
    found = typeset(text, bundled(bold), room, "x")
    assert found.width <= 500 and found.height <= 400 and found.size <= 44
    ink = coverage(found)
    assert ink.shape == (found.height, found.width)
    rows = np.flatnonzero(ink.any(axis=1))
    spread = np.diff(rows)
    # Nothing is cut off at an edge, and between two lines lies at least one clear row.
    assert rows[0] >= 0 and not ink[-1].any() and not ink[:, -1].any()
    assert (spread > 1).sum() >= len(found.lines) - 1


def test_a_line_is_drawn_exactly():
    """A full stop covers as much as its outline says: a square of known side."""
    found = typeset("l", bundled(), Room(width=900, height=900, size=400, least=400, lines=1), "x")
    (glyph,) = found.lines[0].glyphs
    box = glyph.face.font.get_glyph_extents(glyph.number)
    area = abs(box.width * box.height) * (400 / 1000) ** 2
    assert coverage(found).sum() / 255 == pytest.approx(area, rel=0.01)


def test_letters_stand_upright_and_are_not_mirrored():
    found = typeset("F", bundled(), Room(width=99, height=99, size=60, least=60, lines=1), "x")
    ink = coverage(found)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    ink = ink[rows[0] : rows[-1], columns[0] : columns[-1]] > 128
    assert ink[2].mean() > 0.9 > ink[-2].mean()
    assert ink[:, 2].mean() > 0.9 > ink[:, -2].mean()


def test_half_a_pixel_is_half_grey():
    found = typeset("l", bundled(), Room(width=99, height=99, size=30, least=30, lines=1), "x")
    assert len(set(coverage(found)[15].tolist()) - {0, 255}) >= 1


def test_middle_line_is_centred():
    ink = coverage(block("Glow that stays\nl"))
    last = ink[-40:].any(axis=0)
    (seen,) = (np.flatnonzero(last),)
    assert abs((seen[0] + seen[-1]) / 2 - ink.shape[1] / 2) < 3

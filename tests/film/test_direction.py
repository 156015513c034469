import bidi
import pytest
from bidi.mirror import MIRRORED
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.film.direction import base_level, levels, visual_order

SIGNS = "ab\u05d0\u05d1\u0627\u064e\u0661\u066212 .,+-%()[]!:"


def shown(text, base):
    """The characters from left to right, mirrored where they run leftwards."""
    found = levels(text, base)
    return "".join(
        MIRRORED.get(text[at], text[at]) if found[at] % 2 else text[at]
        for at in visual_order(found)
    )


@given(st.text(SIGNS, min_size=1, max_size=14).map(str.strip).filter(bool), st.sampled_from((0, 1)))
def test_the_order_is_that_of_an_implementation_of_today(text, base):
    """The wheel's newer half, which gives the order and no levels, and mirrors nothing."""
    order = visual_order(levels(text, base))
    assert "".join(text[at] for at in order) == bidi.get_display(text, base_dir="LR"[base])


@pytest.mark.parametrize(
    ("text", "base"),
    [("abc", 0), ("12 abc \u0627", 0), ("123", 0), ("\u0627 abc", 1), ("12 \u05d0", 1)],
)
def test_the_first_strong_character_says_which_way_a_text_runs(text, base):
    assert base_level(text) == base


def test_numbers_in_arabic_read_from_left_to_right():
    assert shown("\u0627 120 \u0628", 1) == "\u0628 120 \u0627"


def test_both_brackets_around_latin_words_at_the_end_of_arabic_take_its_direction():
    assert shown("\u0627 (SPF)", 1) == "(SPF) \u0627"
    assert shown("a(b) \u05d0", 1) == "\u05d0 a(b)"


def test_joiners_stand_with_the_character_before():
    assert levels("\u0627\u200d\u0627 a\u200db", 1) == (1, 1, 1, 1, 2, 2, 2)

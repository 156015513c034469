import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.colour import BLACK, ENOUGH, WHITE, contrast, parse, plate

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


def test_colours_are_read():
    assert parse("#C0ffee") == (192, 255, 238)
    assert parse("fab") == (255, 170, 187)


@pytest.mark.parametrize("wrong", ["", "#12", "red", "#12345g", "#1234567", "١٢٣"])
def test_what_is_no_colour_is_refused(wrong):
    with pytest.raises(UsageError, match="is no colour"):
        parse(wrong)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [  # computed by hand from the definition
        ((255, 255, 255), (0, 0, 0), 21.0),
        ((119, 119, 119), (255, 255, 255), 4.48),
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((0, 0, 255), (255, 255, 255), 8.59),
    ],
)
def test_the_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


@given(COLOURS, st.lists(COLOURS, max_size=2), COLOURS)
def test_words_on_a_plate_can_be_read_whatever_the_film_shows(colour, inks, film):
    found = plate(colour, inks)
    mixed = tuple(
        round(found.opacity * mine + (1 - found.opacity) * theirs)
        for mine, theirs in zip(colour, film, strict=True)
    )
    assert contrast(mixed, found.ink) >= min(found.ratio, ENOUGH) - 0.05
    assert found.ratio >= ENOUGH


def test_a_dark_plate_may_be_thinner_than_one_of_middling_colour():
    assert plate((20, 20, 60)).opacity < 1
    assert plate((20, 20, 60)).ink == WHITE
    assert plate((250, 240, 200)).ink == BLACK
    assert plate((118, 118, 118)).opacity == 1

import re
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.conform import Finish, conform, cover, filters, forth_and_back
from reelkiln.reel import Size

sides = st.integers(16, 2000)
rates = st.sampled_from([Fraction(n) for n in (6, 8, 12, 16, 24, 25, 30)] + [Fraction(24000, 1001)])
evens = st.integers(16, 640).map(lambda half: 2 * half)
lengths = st.integers(10, 80).map(lambda tenths: Fraction(tenths, 10))
wishes = st.builds(lambda w, h, s, f: Finish(Size(w, h), s, f), evens, evens, lengths, rates)


@given(st.integers(2, 100), st.integers(1, 500))
def test_forth_and_back_moves_one_frame_at_a_time_and_turns_only_at_the_ends(count, length):
    order = list(islice(forth_and_back(count), length))
    assert order[0] == 0
    assert all(abs(after - before) == 1 for before, after in pairwise(order))
    turns = [
        b for (a, b), (_, c) in zip(pairwise(order), pairwise(order[1:]), strict=False) if a == c
    ]
    assert set(turns) <= {0, count - 1}


def test_one_frame_played_forth_and_back_stands():
    assert list(islice(forth_and_back(1), 5)) == [0] * 5


@given(sides, sides, evens, evens)
def test_the_crop_is_centred_inside_and_of_the_wished_aspect(width, height, across, down):
    crop = cover(Size(width, height), Size(across, down))
    assert crop.width == width or crop.height == height
    assert 1 <= crop.width <= width
    assert 1 <= crop.height <= height
    assert abs(width - crop.width - 2 * crop.left) <= 1
    assert abs(height - crop.height - 2 * crop.top) <= 1
    ideal = min(Fraction(width), Fraction(height * across, down))
    assert abs(crop.width - ideal) <= 1


@given(sides, sides, rates, wishes)
def test_enough_frames_go_in_for_an_interpolator_that_stops_at_the_last_but_one(w, h, rate, wish):
    work = conform(Size(w, h), rate, wish)
    assert work.frames == round(wish.seconds * wish.fps) or 2 * wish.seconds * wish.fps % 2 == 1
    if work.interpolated:
        assert (work.fed - 2) / rate >= (work.frames - 1) / wish.fps
        assert (work.needed - 1) / rate < work.frames / wish.fps <= work.needed / rate
    else:
        assert work.fed == work.needed == work.frames


@given(sides, sides, rates, wishes)
def test_a_filter_chain_holds_nothing_but_names_and_numbers(width, height, rate, wish):
    assert re.fullmatch(r"[a-z0-9_=:,+./]+", filters(conform(Size(width, height), rate, wish)))


def test_motion_is_interpolated_before_the_picture_is_enlarged():
    wish = Finish(Size(720, 1280), Fraction(4))
    chain = filters(conform(Size(128, 128), Fraction(8), wish))
    assert chain.index("crop=") < chain.index("minterpolate=") < chain.index("scale=720:1280")


def test_equal_rates_are_not_interpolated():
    chain = filters(conform(Size(64, 64), Fraction(24), Finish(Size(64, 64), Fraction(1))))
    assert "minterpolate" not in chain


@pytest.mark.parametrize(
    ("size", "seconds", "fps"),
    [
        (Size(721, 1280), 4, 24),
        (Size(720, 1281), 4, 24),
        (Size(30, 64), 4, 24),
        (Size(8192, 64), 4, 24),
        (Size(64, 64), 0, 24),
        (Size(64, 64), -1, 24),
        (Size(64, 64), 601, 24),
        (Size(64, 64), 4, 0),
        (Size(64, 64), 4, 61),
    ],
)
def test_an_impossible_wish_is_refused_when_it_is_said(size, seconds, fps):
    with pytest.raises(UsageError):
        Finish(size, Fraction(seconds), Fraction(fps))

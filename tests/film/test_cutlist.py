import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.cutlist import cutlist

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30)])


@st.composite
def plans(draw):
    """Lengths in seconds, cross-fades that fit between them, a rate and a loop that fits."""
    lengths = draw(st.lists(st.fractions(Fraction(1, 2), 8), min_size=1, max_size=8))
    shares = draw(st.lists(st.fractions(0, 1), min_size=len(lengths), max_size=len(lengths)))
    halves = [min(lengths[at], lengths[at - 1]) / 2 for at in range(len(lengths))]
    fades = [share * half for share, half in zip(shares, halves, strict=True)]
    return lengths, [Fraction(0), *fades[1:]], draw(RATES), min(fades[0], Fraction(1))


@given(plans())
def test_pieces_follow_each_other_without_a_gap_and_fit_exactly(plan):
    lengths, fades, fps, loop = plan
    cuts = cutlist(lengths, fades, fps, loop)
    assert len(cuts.spans) == len(lengths)
    assert cuts.spans[0].start == -cuts.loop <= 0
    assert cuts.spans[-1].end == cuts.frames
    for before, after in pairwise(cuts.spans):
        assert after.start == before.end - after.overlap
        assert after.start >= before.start + before.overlap, "never three pieces at once"
        assert after.end > before.end
    exact = (sum(lengths) - sum(fades) - loop) * fps
    assert abs(cuts.frames - exact) <= Fraction(1, 2), "nothing drifts"
    for span, length, fade in zip(cuts.spans, lengths, [loop, *fades[1:]], strict=True):
        assert abs(span.frames - length * fps) <= 1
        assert abs(span.overlap - fade * fps) <= 1
        assert fade or not span.overlap, "a cut is a cut"


@given(plans())
def test_every_frame_shows_one_piece_or_a_fade_that_only_grows(plan):
    cuts = cutlist(*plan)
    for number in range(cuts.frames):
        seen = [span for span in cuts.spans if span.start <= number < span.end]
        assert 1 <= len(seen) <= 2
        if len(seen) == 2:
            assert 0 < seen[1].strength(number) < 1
            assert seen[1].strength(number) < seen[1].strength(number + 1)
        else:
            assert number < 0 or seen[0].strength(number) == 1


@given(plans(), st.data())
def test_a_fade_longer_than_half_of_its_shorter_neighbour_is_refused(plan, data):
    lengths, fades, fps, _ = plan
    at = data.draw(st.integers(0, len(lengths) - 1))
    half = min(lengths[at], lengths[at - 1]) / 2
    much = half + Fraction(1, 1000)
    if at:
        fades[at] = much
    with pytest.raises(UsageError) as caught:
        cutlist(lengths, fades, fps, Fraction(0) if at else much)
    where = f"into piece {at + 1}" if at else "loop|from the end to the beginning"
    assert re.search(where, caught.value.message)
    assert caught.value.hint


def test_fifteen_seconds_in_thirds_do_not_drift():
    third = Fraction(1, 3)
    cuts = cutlist([third] * 45, [Fraction(0)] * 45, Fraction(25))
    assert cuts.frames == 375
    assert {span.frames for span in cuts.spans} == {8, 9}


@pytest.mark.parametrize(
    ("lengths", "fades", "loop", "says"),
    [
        ([], [], 0, "no pieces"),
        ([1], [Fraction(1, 4)], 0, "the first piece has none before it"),
        ([1, Fraction(1, 100)], [0, 0], 0, "piece 2 is shorter than a frame"),
        ([1, 0], [0, 0], 0, "piece 2 is shorter than a frame"),
        ([1, 1], [0, Fraction(-1, 4)], 0, "into piece 2 of -0.25 s does not fit"),
        ([4], [0], Fraction(3, 2), "a loop cannot fade for 1.5 seconds"),
    ],
)
def test_what_fits_nowhere_is_named(lengths, fades, loop, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        cutlist([*map(Fraction, lengths)], [*map(Fraction, fades)], Fraction(24), Fraction(loop))

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.snap import snap

times = st.lists(
    st.integers(0, 400).map(lambda n: Fraction(n, 24)), min_size=2, max_size=12, unique=True
).map(sorted)
beats = st.lists(st.integers(0, 400).map(lambda n: Fraction(n, 23)), max_size=60, unique=True).map(
    sorted
)
tolerances = st.fractions(0, 2, max_denominator=50)


@given(times, beats, tolerances)
def test_order_count_and_length_stay_and_nothing_moves_far(cuts, where, tolerance):
    moved = snap(cuts, where, tolerance)
    assert len(moved) == len(cuts)
    assert (moved[0], moved[-1]) == (cuts[0], cuts[-1])
    assert list(moved) == sorted(set(moved))
    for before, after in zip(cuts, moved, strict=True):
        assert abs(before - after) <= tolerance
        assert after == before or after in where


@given(times, beats, tolerances)
def test_a_cut_that_stays_had_no_beat_or_no_room(cuts, where, tolerance):
    moved = snap(cuts, where, tolerance)
    for number in range(1, len(cuts) - 1):
        if moved[number] in where:
            continue
        far = min((abs(beat - cuts[number]) for beat in where), default=tolerance + 1)
        nearest = [beat for beat in where if abs(beat - cuts[number]) == far]
        fits = [moved[number - 1] < beat < cuts[number + 1] for beat in nearest]
        assert far > tolerance or not all(fits)


def test_cuts_go_to_the_nearest_beat():
    cuts = [Fraction(0), Fraction(9, 10), Fraction(21, 10), Fraction(7, 2), Fraction(5)]
    where = [Fraction(n) for n in range(6)]
    assert snap(cuts, where, Fraction(1, 5)) == (0, 1, 2, Fraction(7, 2), 5)


def test_no_beats_no_cuts_no_change():
    assert snap([], [Fraction(1)], Fraction(1)) == ()
    assert snap([Fraction(0), Fraction(1), Fraction(2)], [], Fraction(1)) == (0, 1, 2)


def test_times_that_do_not_rise_are_refused():
    with pytest.raises(UsageError, match="rise"):
        snap([Fraction(1), Fraction(1)], [], Fraction(1))
    with pytest.raises(UsageError, match="rise"):
        snap([Fraction(1)], [Fraction(2), Fraction(1)], Fraction(1))
    with pytest.raises(UsageError, match="tolerance"):
        snap([Fraction(1)], [], Fraction(-1))

from fractions import Fraction
from functools import cache
from itertools import islice, pairwise

import numpy as np
import pytest

from reelkiln.errors import UnknownName, UsageError
from reelkiln.film.beds import BEDS, beats, find_bed, play
from reelkiln.film.waves import BLOCK_SAMPLES, RATE

every_bed = pytest.mark.parametrize("bed", BEDS.values(), ids=lambda bed: bed.name)


def heard(bed, samples, start=0):
    return np.concatenate(list(play(bed, samples, start)))


@cache
def turn(bed):
    """A whole turn of a bed and the first second of the next."""
    sound = heard(bed, bed.ring + RATE)
    sound.flags.writeable = False
    return sound


@every_bed
def test_a_bed_joins_with_itself_and_never_clips(bed):
    sound = turn(bed)
    assert sound.dtype == np.float32
    assert sound.shape == (bed.ring + RATE, 2)
    assert np.abs(sound).max() <= 0.7
    assert np.sqrt(np.mean(sound**2)) > 0.03
    steps = np.abs(np.diff(sound, n=2, axis=0)).max(axis=1)
    assert steps[bed.ring - 5 : bed.ring + 5].max() <= np.quantile(steps, 0.9995) * 1.5


@pytest.mark.parametrize("bed", [BEDS["bright"], BEDS["pulse"]], ids=lambda bed: bed.name)
def test_the_same_name_gives_the_same_sound_however_it_is_cut(bed):
    again = heard(bed, 2 * RATE + 17, 1000)
    assert np.array_equal(turn(bed)[1000 : 2 * RATE + 1017], again)


@every_bed
def test_no_mean_no_lean_and_two_sides(bed):
    sound = turn(bed)[: bed.ring].astype(np.float64)
    assert np.abs(sound.mean(axis=0)).max() < 1e-3
    left, right = np.sqrt(np.mean(sound**2, axis=0))
    assert left == pytest.approx(right, rel=0.15)
    together = np.corrcoef(sound.T)[0, 1]
    assert 0.2 < together < 0.97  # wide, yet still there on one loudspeaker


def test_ten_minutes_are_a_stream():
    blocks = play(BEDS["bright"], 600 * RATE)
    assert [len(block) for block in islice(blocks, 3)] == [BLOCK_SAMPLES] * 3


@pytest.mark.parametrize("samples", [RATE - 1, 600 * RATE + 1])
def test_beds_last_from_one_second_to_ten_minutes(samples):
    with pytest.raises(UsageError, match="no music bed lasts"):
        play(BEDS["calm"], samples)


def test_beats_fall_where_the_drum_is():
    bed = BEDS["pulse"]
    sound = turn(bed)[: 4 * RATE].mean(axis=1)
    slow = np.convolve(np.abs(np.convolve(sound, np.ones(300) / 300, "same")), np.ones(600), "same")
    for beat in beats(bed, Fraction(4))[1:]:
        at = int(beat * RATE)
        assert slow[at : at + 4000].max() > 1.3 * slow[at - 4000 : at].mean()


@every_bed
def test_beats_are_exact_and_within(bed):
    times = beats(bed, Fraction(10))
    assert times[0] == 0
    assert times[-1] < 10 <= times[-1] + Fraction(60, bed.tempo)
    assert {later - sooner for sooner, later in pairwise(times)} == {Fraction(60, bed.tempo)}


def test_an_unknown_bed_is_named_with_its_neighbour():
    with pytest.raises(UnknownName, match="clam") as caught:
        find_bed("clam")
    assert "calm" in caught.value.hint
    assert find_bed("calm") is BEDS["calm"]

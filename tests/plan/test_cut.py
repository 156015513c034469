"""Shots into segments, for each way a model reaches its seconds."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.toys import CARDS, LED, cards, shot, shots
from reelkiln.errors import UsageError
from reelkiln.plan.cut import cut, segment_seed

EPIC, SPARK = CARDS["epicrealism"], CARDS["spark"]


@pytest.mark.parametrize(
    ("card", "seconds", "frames"),
    [
        (SPARK, 1, [16]),
        (SPARK, 8, [16]),
        (EPIC, 2, [16]),
        (EPIC, Fraction(17, 10), [14]),
        (EPIC, 4, [32]),
        (EPIC, 8, [64]),
        (LED, 2, [49]),
        (LED, 4, [97]),
        (LED, 5, [97, 33]),
        (LED, 8, [97, 97, 17]),
    ],
)
def test_frames_of_each_segment(card, seconds, frames):
    segments = cut(shot(card, seconds=Fraction(seconds)), card)
    assert [segment.frames for segment in segments] == frames


@given(st.data(), cards)
def test_segments_cover_the_seconds_or_play_forth_and_back(data, card):
    wish = data.draw(shots(card))
    segments = cut(wish, card)
    covered = sum(segment.frames - segment.lead_frames for segment in segments)
    if card.reach.kind == "forth-and-back":
        assert covered == card.frames_max
    else:
        assert covered >= ceil(wish.seconds * card.fps)
        # the last segment is needed
        assert covered - segments[-1].frames + segments[-1].lead_frames < wish.seconds * card.fps
    assert [segment.index for segment in segments] == list(range(len(segments)))


@given(st.data(), cards)
def test_segments_carry_the_words_and_the_lead(data, card):
    wish = replace(data.draw(shots(card)), image="start.png")
    first, *others = cut(wish, card)
    assert (first.seed, first.lead_frames, first.image) == (wish.seed, 0, "start.png")
    for segment in (first, *others):
        assert (segment.prompt, segment.negative) == (wish.prompt, wish.negative)
    for segment in others:
        assert (segment.lead_frames, segment.image) == (card.reach.lead, None)


@given(st.integers(0, 2**32 - 1), st.integers(0, 10_000), st.integers(1, 10_000))
def test_seeds_are_32_bit_and_never_alike(seed, index, further):
    one, other = segment_seed(seed, index), segment_seed(seed, index + further)
    assert 0 <= one < 2**32
    assert one != other


def test_windows_end_somewhere():
    short = replace(EPIC, frames_max=32)
    with pytest.raises(UsageError, match="cannot reach 5 seconds") as refused:
        cut(shot(short, seconds=Fraction(5)), short)
    assert "at most 4 seconds" in refused.value.hint

"""From what is wished to what a model renders."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.toys import CARDS, LED, cards, sizes
from reelkiln.plan.fit import (
    PIXEL_SLACK,
    crop_share,
    fit_frames,
    fit_size,
    is_legal,
    legal_sizes,
    smaller_sizes,
)
from reelkiln.reel import ASPECTS, Size

EPIC, SPARK = CARDS["epicrealism"], CARDS["spark"]


@pytest.mark.parametrize(
    ("card", "wished", "rendered"),
    [
        (SPARK, ASPECTS["9:16"], Size(128, 224)),
        (SPARK, ASPECTS["16:9"], Size(224, 128)),
        (SPARK, ASPECTS["1:1"], Size(160, 160)),
        (EPIC, ASPECTS["1:1"], Size(512, 512)),
        (EPIC, ASPECTS["9:16"], Size(384, 704)),
        (EPIC, ASPECTS["16:9"], Size(704, 384)),
        (EPIC, ASPECTS["4:5"], Size(448, 576)),
        (EPIC, Size(64, 64), Size(512, 512)),
        (LED, Size(704, 480), Size(704, 480)),
        (replace(EPIC, only_native=True), ASPECTS["9:16"], Size(512, 512)),
    ],
)
def test_the_size_nearest_in_shape_is_rendered(card, wished, rendered):
    assert fit_size(card, wished) == rendered


@given(cards, sizes)
def test_a_rendered_size_is_legal(card, wished):
    size = fit_size(card, wished)
    for side in (size.width, size.height):
        assert side % card.side_multiple == 0
        assert card.side_min <= side <= card.side_max
    near = [abs(size.pixels / native.pixels - 1) <= PIXEL_SLACK for native in card.native]
    assert any(near)
    assert size in card.native or not card.only_native


@given(cards, sizes)
def test_no_legal_size_loses_less_to_the_crop(card, wished):
    least = min(crop_share(size, wished) for size in legal_sizes(card))
    assert crop_share(fit_size(card, wished), wished) == pytest.approx(least, abs=1e-6)


@given(cards, sizes)
def test_lying_on_the_side_changes_nothing_but_the_sides(card, wished):
    size, turned = fit_size(card, wished), fit_size(card, Size(wished.height, wished.width))
    assert crop_share(turned, Size(wished.height, wished.width)) == pytest.approx(
        crop_share(size, wished)
    )


@given(cards, sizes)
def test_smaller_sizes_are_legal_and_fall_for_every_shape(card, wished):
    found = smaller_sizes(card, wished)
    pixels = [size.pixels for size in found]
    assert pixels == sorted(set(pixels), reverse=True)
    assert all(is_legal(card, size) for size in found)
    assert card.only_native != bool(found)
    if found:  # the smallest is small, however slender the wish
        assert pixels[-1] < 0.56 * min(native.pixels for native in card.native)


def test_a_slender_picture_gets_smaller_by_being_less_slender():
    small = [str(size) for size in smaller_sizes(EPIC, Size(454, 1748))]
    assert small == ["256x832", "256x640", "256x512", "256x384"]
    assert smaller_sizes(EPIC, Size(900, 600))[0] == Size(576, 384)


def test_legal_sizes_come_once_each():
    for card in (EPIC, SPARK, LED):
        sizes_ = list(legal_sizes(card))
        assert len(set(sizes_)) == len(sizes_)


def test_a_picture_of_the_wished_shape_is_not_cropped():
    assert crop_share(Size(128, 128), Size(720, 720)) == 0


@given(cards, st.integers(-5, 300))
def test_a_frame_count_is_legal_and_the_least(card, wished):
    frames = fit_frames(card, wished)
    assert 1 <= frames <= card.frames_max
    assert frames % card.frame_step == card.frame_rest
    assert frames >= min(wished, card.frames_max)
    assert frames - card.frame_step < max(wished, 1)


@pytest.mark.parametrize(("wished", "frames"), [(1, 1), (2, 9), (9, 9), (48, 49), (98, 97)])
def test_frames_of_a_model_that_counts_in_eights(wished, frames):
    assert fit_frames(LED, wished) == frames

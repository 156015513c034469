"""The measures: exact where a formula is exact, the same however a stream is cut, always finite."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.gate.change import colours, longest_run, overlap
from reelkiln.gate.edges import bars
from reelkiln.gate.light import burnt_share, flashes, softness
from reelkiln.gate.measure import Gauge, Wanted, measure
from reelkiln.gate.motion import join_steps, jumps, leaps, pulses, stride
from reelkiln.reel import Clip

from .sources import glide, product, texture

RATE = Fraction(8)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return glide(texture(5, 16.0), 3.0)


def even(level: int, frames: int = 6, height: int = 48, width: int = 64) -> Clip:
    return Clip(np.full((frames, height, width, 3), level, np.uint8), RATE)


def test_temporal_flickering_is_vbenchs_formula(clip):
    frames = clip.frames.astype(np.float64)
    pairs = [np.abs(one - two).mean() for one, two in pairwise(frames)]
    expected = np.mean([(255 - pair) / 255 for pair in pairs])
    assert measure(clip)["temporal_flickering"] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=5, deadline=None)
@given(cuts=st.sets(st.integers(1, 15), max_size=4))
def test_marks_do_not_depend_on_how_the_stream_is_cut(clip, cuts):
    wanted = Wanted(("#808080",), (8,))
    gauge = Gauge(wanted)
    edges = [0, *sorted(cuts), 16]
    for start, end in pairwise(edges):
        gauge.add(Clip(clip.frames[start:end], clip.fps))
    whole = measure(clip, wanted)
    assert gauge.marks() == pytest.approx(whole, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 5),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    kind=st.sampled_from(["noise", "black", "white"]),
)
def test_every_mark_is_finite_at_any_size(frames, height, width, kind):
    shape = (frames, height, width, 3)
    pixels = {
        "noise": np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8),
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
    }[kind]
    marks = measure(Clip(pixels, RATE), Wanted(("#000000",), (1, 2)))
    assert all(math.isfinite(value) for value in marks.values())
    assert marks["frames"] == frames


def test_a_stream_without_frames_has_marks_too():
    assert Gauge().marks() == {"frames": 0.0, "seconds": 0.0}


def test_lost_values_are_counted_over_the_whole_stream():
    gauge = Gauge()
    gauge.add(Clip(even(9).frames, RATE, 1.0))
    gauge.add(Clip(even(9).frames, RATE, 0.5))
    assert gauge.marks()["finite"] == 0.75


def test_black_flat_and_frozen_are_what_they_are():
    marks = measure(even(3))
    assert marks["black_share"] == marks["frozen_run"] == marks["frozen_share"] == 1.0
    assert marks["contrast"] == 0.0
    assert marks["levels"] == 1.0
    assert marks["temporal_flickering"] == 1.0
    assert measure(even(30))["black_share"] == 0.0


def test_a_small_thing_moving_on_a_still_ground_is_not_frozen():
    frames = np.full((8, 144, 256, 3), 200, np.uint8)
    for at in range(8):
        frames[at, 60:68, 10 + 3 * at : 18 + 3 * at] = 20
    marks = measure(Clip(frames, RATE))
    assert marks["change"] < 1.0
    assert marks["frozen_run"] == 0.0


def test_flashes_are_blind_to_fades_and_cuts():
    assert max(flashes([10, 20, 30, 40, 90, 95])) == 0.0
    assert flashes([10, 10, 30, 10, 10]) == [0.0, 20.0, 0.0]


def test_pulses_are_what_the_next_step_takes_back():
    assert pulses([5.0, -4.0, 0.0, 3.0, 3.0]) == [4.0, 0.0, 0.0, 0.0]


def test_an_even_fade_is_no_flicker_and_every_other_frame_darker_is(clip):
    fade = np.linspace(1.0, 0.6, 16)[:, None, None, None]
    faded = Clip((clip.frames * fade).astype(np.uint8), RATE)
    assert measure(faded)["flicker"] < 0.5
    dark = np.where(np.arange(16) % 2, 0.9, 1.0)[:, None, None, None]
    assert measure(Clip((clip.frames * dark).astype(np.uint8), RATE))["flicker"] == pytest.approx(
        10, abs=1.5
    )


def test_jumps_stand_out_of_their_surroundings():
    assert jumps([4.0, 4.0, 20.0, 4.0, 4.0], 1.0) == [1.0, 1.0, 5.0, 1.0, 1.0]
    assert jumps([0.1, 0.3, 0.1], 2.0) == pytest.approx([0.05, 0.15, 0.05])


def test_one_long_step_leaps_and_a_swing_does_not():
    def top(steps):
        return max(leaps(steps, steps))

    assert top([3.0, 3.0, 3.0, 30.0, 3.0, 3.0, 3.0]) == 10
    assert top([3.0, 3.0, 30.0, 30.0, 3.0, 3.0, 3.0]) == 10, "there and back"
    assert top([1.0, 1.0, 4.0, 9.0, 12.0, 11.0, 8.0, 4.0, 1.0, 1.0, 1.0]) < 2.5
    # What it is held against is how far flow went, whether that explained anything or not.
    assert max(leaps([0.0, 0.0, 9.0, 0.0, 0.0], [9.0] * 5)) == 1
    assert leaps([9.0], [9.0]) == [pytest.approx(3.6)]
    assert leaps([], []) == []


def test_only_a_way_that_explains_the_change_is_a_stride():
    before = (np.indices((48, 64)).sum(axis=0) * 3 % 200).astype(np.uint8)
    after = np.roll(before, 5, axis=1)
    flow = np.full((48, 64, 2), (5.0, 0.0), np.float32)
    assert stride(before, after, before, flow) == 5
    assert stride(before, after, after, flow) == 0
    assert stride(before, before, before, flow) == 0, "nothing changed"


def test_a_light_that_swells_is_no_seam():
    assert join_steps([0.0, 2.0, 4.0, 5.6, 6.0, 3.0], (4,))["join"] == 0
    assert join_steps([0.0, 0.5, -0.5, 5.6, 0.0, 0.5], (4,))["join"] == pytest.approx(5.1)
    assert join_steps([0.0, 0.5, -0.5, -5.6, 0.0, 0.5], (4,))["join"] == pytest.approx(5.1)
    assert join_steps([4.0, 4.0, 4.0, 0.0, 4.0], (4,))["join"] == 0, "no change is no step"


def test_stars_are_seen_and_stray_pixels_of_a_black_picture_are_not():
    night = np.random.default_rng(3).integers(0, 6, (16, 90, 160, 3)).astype(np.uint8)
    for at, frame in enumerate(night):
        frame[40 : 40 + 1, 30 + at : 33 + at] = 200
    assert measure(Clip(night, RATE))["black_share"] == 1
    for at, frame in enumerate(night):
        frame[20:24, 60 + at : 64 + at] = 200
    assert measure(Clip(night, RATE))["black_share"] == 0


def test_fine_stripes_have_their_colours_in_common_with_themselves_a_pixel_on():
    stripes = np.zeros((288, 512, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (220, 60, 40), (30, 90, 200)
    assert overlap(colours(stripes), colours(np.roll(stripes, 1, axis=1))) > 0.95


def test_a_brighter_segment_shows_at_its_join(clip):
    frames = clip.frames.astype(float)
    frames[8:] *= 0.95
    marks = measure(Clip(frames.astype(np.uint8), RATE), Wanted(joins=(8,)))
    assert marks["join"] == pytest.approx(5, abs=1)
    assert marks["join_ratio"] > 5
    assert "join" not in measure(clip)
    assert join_steps([1.0], (0, 9)) == {}


def test_motion_that_flow_explains_leaves_little_error(clip):
    marks = measure(clip)
    assert marks["speed"] == pytest.approx(1.5, abs=0.3)  # 3 pixels of 512 are 1.5 of 256
    assert marks["warp_error"] < 1.5
    assert marks["midpoint_fit"] > 0.99


def test_a_loop_closes():
    there = product((180, 40, 50), (225, 205, 170)).frames[:8]
    loop = Clip(np.concatenate([there, there[::-1]]), RATE)
    open_end = Clip(product((180, 40, 50), (225, 205, 170)).frames, RATE)
    assert measure(loop)["loop_gap"] < 0.1
    assert measure(open_end)["loop_gap"] > 2


def test_longest_run_and_overlap():
    assert longest_run([True, True, False, True]) == 2
    assert longest_run([]) == 0
    assert overlap(np.float32([0.5, 0.5]), np.float32([0.0, 1.0])) == 0.5


def test_bars_need_a_step_and_two_sides():
    low = np.array([0] * 6 + [50] * 30 + [0] * 6, np.uint8)
    high = np.array([1] * 6 + [200] * 30 + [1] * 6, np.uint8)
    assert bars(np.stack([low, low, high, high])) == (6, 6)
    # A planet in black space: only a few pixels of the next lines stand out.
    assert bars(np.stack([low * 0, low * 0, low * 0, high])) == (0, 0)


def test_a_white_ground_is_not_burnt():
    picture = np.full((90, 160, 3), 255, np.uint8)
    picture[30:60, 60:100] = 90
    assert burnt_share(picture) == 0.0
    picture[40:50, 70:80] = 255
    assert burnt_share(picture) == pytest.approx(100 / (90 * 160))
    picture[:, :80] = 60
    assert burnt_share(picture) > 0.3


def test_softness_grows_with_blur_and_forgives_a_soft_ground():
    import cv2

    frame = product((180, 40, 50), (225, 205, 170)).frames[4]
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    blurred = [softness(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (1, 2, 4)]
    assert softness(grey) < 0.3
    assert softness(grey) < blurred[0] < blurred[1] < blurred[2]
    ramp = np.tile(np.linspace(90, 110, 160).astype(np.uint8), (90, 1))
    assert softness(ramp) == 1.0, "nothing to be sharp"
    dotted = ramp.copy()
    dotted[40:44, 80:84] = 200
    assert softness(dotted) == 0.0, "one small sharp thing is enough"
    assert softness(np.full((90, 160), 90, np.uint8)) == 0.0, "flat is another fault"


def test_a_colour_must_be_written_as_hex():
    with pytest.raises(UsageError, match="not #rrggbb"):
        measure(even(9), Wanted(("red",)))


@pytest.mark.parametrize("side", [64, 128, 320])
def test_noise_has_its_colours_in_common_with_itself_moved(side):
    rng = np.random.default_rng(side)
    picture = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    moved = np.roll(picture, (5, 3), axis=(0, 1))
    assert overlap(colours(picture), colours(moved)) > 0.75


def test_one_level_in_the_dark_is_no_flash():
    ground = np.full((16, 96, 96, 3), 18, np.uint8)
    ground[5] = ground[9] = 17
    for at, frame in enumerate(ground):
        frame[30:50, 10 + 2 * at : 40 + 2 * at] = 120
    assert measure(Clip(ground, Fraction(8)))["flicker_max"] < 4
    ground[5] = ground[5] // 2
    assert measure(Clip(ground, Fraction(8)))["flicker_max"] > 5


def test_a_thing_on_a_light_ground_has_no_bars_but_a_pillar_has():
    frames = np.full((16, 90, 160, 3), 255, np.uint8)
    for at, frame in enumerate(frames):
        frame[20:80, 65:95] = 90 + 4 * at
    assert measure(Clip(frames, Fraction(8)))["bars"] == 0
    frames[:, :, 65:95] = np.arange(16, dtype=np.uint8)[:, None, None, None] * 4 + 90
    assert measure(Clip(frames, Fraction(8)))["bars"] > 0.6

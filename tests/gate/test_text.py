"""Writing: found, compared with what was asked, and watermarks that only time shows."""

from __future__ import annotations

import sys
from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import MissingLibrary
from reelkiln.gate.judge import judge
from reelkiln.gate.measure import measure
from reelkiln.gate.nsfw import nsfw_marks, open_detector
from reelkiln.gate.overlay import Overlay
from reelkiln.gate.stays import integrated, staying
from reelkiln.gate.text import (
    Word,
    distance,
    open_reader,
    pictures,
    plain,
    read_text,
    text_marks,
)
from reelkiln.gate.view import view
from reelkiln.reel import Clip

from .defects import garbled, pattern, watermark
from .sources import glide, product, texture

BOTTLE = product((180, 40, 50), (225, 205, 170))
CLOUDS = glide(texture(5, 16.0), 3.0)
letters = st.text("abcde", max_size=8)


@given(letters, letters, letters)
def test_distance_is_a_metric(one, two, three):
    assert distance(one, two) == distance(two, one)
    assert (distance(one, two) == 0) == (one == two)
    assert distance(one, three) <= distance(one, two) + distance(two, three)
    assert abs(len(one) - len(two)) <= distance(one, two) <= max(len(one), len(two))


@pytest.mark.parametrize(
    ("found", "asked", "unasked", "wrong"),
    [
        ([], (), 0, None),
        (["stockphoto"], (), 1, None),
        (["ab", "a1"], (), 0, None),
        (["KILN TEA 50%"], ("Kiln tea 50%",), 0, 0),
        (["KILN", "TEA"], ("Kiln tea",), 0, 0),
        (["KILM TEA"], ("Kiln tea",), 0, 1),
        (["KILN TEA", "zhrtkw"], ("Kiln tea",), 1, 0),
        ([], ("Kiln tea",), 0, 1),
    ],
)
def test_found_text_against_what_was_asked(found, asked, unasked, wrong):
    marks = text_marks([Word(text, 0.99) for text in found], asked)
    assert marks["text_unasked"] == unasked
    assert marks.get("text_wrong") == wrong


def test_the_share_of_wrong_letters():
    marks = text_marks([Word("Kilm tea", 0.9)], ("kiln tea",))
    assert marks["text_misspelling"] == pytest.approx(1 / 7)


@pytest.mark.parametrize("clip", [BOTTLE, CLOUDS], ids=["bottle", "clouds"])
def test_no_writing_is_read_where_there_is_none(clip):
    assert text_marks(read_text(clip, open_reader())) == {"text_unasked": 0.0}


@pytest.mark.parametrize("spoil", [garbled, watermark])
def test_garbled_text_and_a_see_through_watermark_are_refused(spoil):
    marks = text_marks(read_text(spoil(CLOUDS, 1, 3), open_reader()))
    assert marks["text_unasked"] >= 1
    assert not judge(marks).kept


def test_a_single_picture_can_be_read_and_none_at_all_too():
    spoilt = garbled(BOTTLE, 2, 1)
    one = type(spoilt)(spoilt.frames[:1], spoilt.fps)
    assert text_marks(read_text(one, open_reader()))["text_unasked"] >= 1
    assert read_text(type(spoilt)(spoilt.frames[:0], spoilt.fps), open_reader()) == []


def lit_windows(seed: int = 5) -> Clip:
    """A dark house front passes, a few of its windows lit: each leaves a bright trace in a mean."""
    rng = np.random.default_rng(seed)
    front = np.full((288, 700, 3), 14, np.uint8)
    for row in range(18, 268, 36):
        for left in range(10, 680, 44):
            ink = (232, 196, 120) if rng.random() < 0.25 else (30, 32, 42)
            cv2.rectangle(front, (left, row), (left + 22, row + 22), ink, -1)
    return Clip(np.stack([front[:, 6 * at : 6 * at + 512] for at in range(16)]), Fraction(8))


def test_a_faint_watermark_over_lit_windows_is_read():
    reader = open_reader()
    assert text_marks(read_text(lit_windows(), reader))["text_unasked"] == 0
    stays = pictures(watermark(lit_windows(), 0, 0))[0]
    assert np.ptp(stays, axis=2).max() == 0, "not the coloured mean"
    assert [plain(word.text) for word in reader(stays)] == ["stockphoto"]


def test_what_stays_is_the_mark_and_not_what_passes():
    clean, marked = lit_windows().frames, watermark(lit_windows(), 1, 0).frames
    inside = (marked[0].astype(int) - clean[0])[..., 0] > 40

    def clear(picture) -> float:
        """How far the mark stands out of all else."""
        return (picture[inside].mean() - picture[~inside].mean()) / picture[~inside].std()

    stays = staying(list(marked)).astype(float)
    assert clear(stays) > 2 * clear(marked.mean(axis=(0, 3)))
    # Of the windows alone nothing stays: no step of theirs is in the same place for long.
    assert staying(list(clean)).std() < 0.25 * stays.std()


def test_a_scene_that_stands_still_or_is_short_has_nothing_to_set_a_mark_apart():
    assert staying([BOTTLE.frames[3]] * 16) is None
    assert staying(list(lit_windows().frames[:7])) is None


@pytest.mark.parametrize("shape", [(40, 64), (41, 63), (33, 32)])
def test_a_picture_comes_back_from_its_own_steps(shape):
    picture = np.random.default_rng(2).normal(0, 30, shape).astype(np.float32)
    down, across = np.zeros((2, *shape), np.float32)
    down[:-1], across[:, :-1] = np.diff(picture, axis=0), np.diff(picture, axis=1)
    back = integrated(down, across)
    assert back - back.mean() == pytest.approx(picture - picture.mean(), abs=0.02)


def test_an_overlay_without_letters_shows_over_time():
    def energy(clip) -> float:
        overlay = Overlay()
        for frame in clip.frames:
            overlay.see(view(frame))
        return overlay.marks()["ghost"]

    clouds = glide(texture(8, 6.0), 7.0)
    mark = np.indices((64, 64)).sum(axis=0) // 8 % 2 * 60
    frames = clouds.frames.astype(int)
    frames[:, 100:164, 200:264] += mark[..., None]
    stamped = type(clouds)(np.clip(frames, 0, 255).astype(np.uint8), clouds.fps)
    assert energy(stamped) > 2 * energy(clouds)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_pattern_that_repeats_over_a_moving_scene_is_refused(kind):
    clouds = glide(texture(8, 6.0), 7.0)
    assert measure(clouds)["ghost_repeats"] < 0.05
    verdict = judge(measure(pattern(clouds, 1, kind)))
    assert any("faint pattern" in reason for reason in verdict.reasons)
    assert verdict.action == "other_seed"


def test_one_still_thing_and_one_straight_line_are_no_pattern():
    clouds = glide(texture(8, 6.0), 7.0)
    frames = clouds.frames.copy()
    frames[:, 90:200, 180:260] = (200, 40, 60)
    frames[:, 240:] = (90, 70, 50)
    assert measure(type(clouds)(frames, clouds.fps))["ghost_repeats"] < 0.05


def before_a_wall(seed: int = 3) -> Clip:
    """A ball rolls before bricks: a scene that stands, whose wall repeats itself."""
    rng = np.random.default_rng(seed)
    wall = np.full((288, 512, 3), 90, np.uint8)
    for row in range(0, 288, 24):
        for left in range(row // 24 % 2 * 24 - 48, 512, 48):
            tint = rng.uniform(0.8, 1.1) * np.array((168, 92, 74))
            cv2.rectangle(wall, (left + 2, row + 2), (left + 45, row + 21), tint.tolist(), -1)
    rolled = [
        cv2.circle(wall.copy(), (60 + 24 * at, 140), 60, (40, 110, 190), -1) for at in range(16)
    ]
    return Clip(np.stack(rolled), Fraction(8))


def test_a_wall_of_bricks_is_the_scene_s_own():
    marks = measure(before_a_wall())
    assert marks["static_share"] > 0.75
    assert marks["ghost_repeats"] == 0.0


def test_a_string_that_swings_before_a_wall_hides_nothing_and_proves_nothing():
    """All that passes over a brick are a string's two edges, whose slopes may look like its own."""
    frames = before_a_wall().frames[[0] * 16].copy()
    frames[:, 80:200, :130] = frames[:, 80:200, 260:390]  # the ball is away
    for at, frame in enumerate(frames):
        cv2.line(frame, (256, 0), (40 + 27 * at, 270), (30, 30, 30), 2, cv2.LINE_AA)
    assert judge(measure(Clip(frames, Fraction(8)))).reasons == ()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_pattern_over_a_scene_that_stands_shows_where_something_passes(kind):
    assert measure(BOTTLE)["ghost_repeats"] < 0.05
    assert not judge(measure(pattern(BOTTLE, 1, kind))).kept


def test_where_nothing_passes_or_little_was_seen_time_says_nothing():
    spoilt = pattern(BOTTLE, 1, 0)
    still = type(BOTTLE)(spoilt.frames[[0] * 16], BOTTLE.fps)
    assert "ghost_repeats" not in measure(still)
    assert "ghost_repeats" not in measure(type(BOTTLE)(CLOUDS.frames[:6], CLOUDS.fps))


def test_stripes_repeat_in_one_direction_only():
    clouds = glide(texture(8, 6.0), 7.0)
    frames = clouds.frames.copy()
    frames[:, :, 20::40] = 30
    assert measure(type(clouds)(frames, clouds.fps))["ghost_repeats"] < 0.05


def test_what_was_there_in_one_half_only_is_no_overlay():
    clouds = glide(texture(8, 6.0), 7.0)
    frames = clouds.frames.copy()
    frames[:8] = pattern(clouds, 2, 0).frames[:8]
    assert measure(type(clouds)(frames, clouds.fps))["ghost_repeats"] == 0


def test_the_detector_gets_what_it_expects_and_its_findings_come_back(monkeypatch):
    """nudenet is not installed here (AGPL); this stands in for it, as its 3.4.2 behaves."""
    shown = []

    class NudeDetector:
        def detect(self, picture):
            assert isinstance(picture, np.ndarray)
            assert picture.flags["C_CONTIGUOUS"]
            shown.append(picture)
            return [{"class": "BUTTOCKS_EXPOSED", "score": 0.6, "box": [0, 0, 4, 4]}]

    monkeypatch.setitem(sys.modules, "nudenet", SimpleNamespace(NudeDetector=NudeDetector))
    assert nsfw_marks(BOTTLE, open_detector()) == {"nsfw": 0.6}
    # It reads files with OpenCV: blue comes first.
    assert np.array_equal(shown[0], BOTTLE.frames[0][..., ::-1])


def test_absent_extras_are_named_and_not_measured(monkeypatch):
    open_reader.cache_clear()
    for name in ("rapidocr", "nudenet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingLibrary, match="text") as no_text:
        open_reader()
    assert "reelkiln[text]" in no_text.value.hint
    with pytest.raises(MissingLibrary, match="nsfw") as no_nsfw:
        open_detector()
    assert "AGPL" in no_nsfw.value.hint
    assert nsfw_marks(BOTTLE, None) == {}


def test_only_naked_skin_counts():
    def detector(_picture):
        return [
            {"class": "FACE_FEMALE", "score": 0.99},
            {"class": "BUTTOCKS_EXPOSED", "score": 0.7},
        ]

    marks = nsfw_marks(BOTTLE, detector)
    assert marks == {"nsfw": 0.7}
    assert judge(marks).action == "person"
    assert nsfw_marks(BOTTLE, lambda _picture: []) == {"nsfw": 0.0}

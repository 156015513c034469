import os
import re
import weakref
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from film.scenes import (
    BACKGROUND,
    box_at,
    ffmpeg,
    make,
    moving_box,
    plain,
    shown_frames,
    wish,
)
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.facts import Colour, Sound, probe
from reelkiln.film.finish import finish
from reelkiln.film.read import read
from reelkiln.reel import Clip, Size


def pixels(movie):
    return np.concatenate([clip.frames for clip in read(movie)])


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds from 16 frames at 8 fps, as the bundled model draws them."""
    target = tmp_path_factory.mktemp("film") / "film.mp4"
    make(target, moving_box(16, width=128, height=128), seconds=2, size="144x256")
    return target


def test_the_facts_of_a_finished_film(film):
    facts = probe(film)
    assert facts.frames == 48
    assert facts.decoded
    assert facts.size == Size(144, 256)
    assert (facts.fps, facts.seconds, facts.start) == (24, 2, 0)
    assert facts.constant_rate
    assert (facts.codec, facts.profile, facts.pixel_format) == ("h264", "High", "yuv420p")
    tags = Colour(primaries="bt709", transfer="bt709", matrix="bt709", range="tv")
    assert facts.colour == tags
    assert (facts.gop, facts.closed_gop, facts.b_frames) == (12, True, 2)
    assert facts.sound == Sound(codec="aac", rate=48_000, channels=2, seconds=Fraction(2))
    assert facts.moov_first
    assert facts.edit_lists == 0
    assert facts.bytes == film.stat().st_size


def test_ffmpeg_sees_the_same_film(film):
    said = ffmpeg("-i", str(film)).stderr
    assert "h264 (High)" in said
    assert re.search(r"yuv420p\(tv, bt709, progressive\), 144x256", said)
    assert re.search(r"Audio: aac \(LC\).*48000 Hz, stereo", said)
    assert "Duration: 00:00:02.00, start: 0.000000" in said
    done = ffmpeg("-v", "error", "-xerror", "-i", str(film), "-f", "null", "-")
    assert (done.returncode, done.stderr) == (0, "")


def test_ffmpeg_sees_closed_groups_of_half_the_rate_with_pairs_of_b_frames(film):
    frames = shown_frames(film)
    assert len(frames) == 48
    keys = [index for index, (_, key) in enumerate(frames) if key]
    assert keys == [0, 12, 24, 36]
    assert all(frames[index][0] == "I" for index in keys)
    # A group is closed when it starts with an instantaneous refresh (unit type 5) at each key.
    said = ffmpeg("-v", "trace", "-i", str(film), "-c", "copy", "-bsf:v", "trace_headers", "-f",
                  "null", "-").stderr  # fmt: skip
    assert len(re.findall(r"nal_unit_type .* = 5$", said, re.MULTILINE)) == len(keys)
    kinds = "".join(kind for kind, _ in frames)
    assert "BBB" not in kinds
    assert kinds.count("BB") >= len(keys) * 3


def test_no_box_of_the_file_is_an_edit_list_and_the_moov_is_first(film):
    data = film.read_bytes()
    assert b"elst" not in data[: data.index(b"mdat")]
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_sound_is_silence(film):
    said = ffmpeg("-i", str(film), "-af", "volumedetect", "-f", "null", "-").stderr
    assert float(re.search(r"max_volume: (-?[\d.]+|-inf) dB", said)[1]) <= -90
    assert "n_samples: 192000" in said  # two seconds of two channels


COUNTS = [
    # frames, fps, seconds, wished fps, forth and back
    (8, 8, 1, 24, False),
    (16, 8, 2, 24, False),
    (15, 8, 2, 24, False),  # one short: the last is held
    (16, 8, 4, 24, True),
    (16, 8, 8, 24, True),
    (64, 8, 8, 24, False),
    (40, 8, 1.5, 24, False),
    (49, 24, 2, 24, False),
    (25, 24, 1, 24, True),
    (24, 24, 8, 24, True),
    (30, 30, 1, 24, False),
    (48, 48, 1, 24, False),
    (16, 8, 2, 25, False),
    (16, 8, 2, 30, False),
    (24, 24000 / 1001, 1, 24, False),
    (24, 24, 1, 24000 / 1001, False),
    (12, 12, 1, 24, False),
    (1, 8, 1, 24, True),
    (2, 8, 3, 24, True),
    (8, 8, 1 / 24, 24, False),
]


@pytest.mark.parametrize("case", COUNTS, ids=str)
def test_a_film_has_exactly_the_frames_asked_for(tmp_path, case):
    frames, fps, seconds, rate, loop = case
    target = tmp_path / "a.mp4"
    material = moving_box(frames, fps=fps, step=0)
    facts = make(target, material, seconds=seconds, fps=rate, loop=loop, size="32x32")
    asked = wish(seconds, rate)
    assert facts.frames == asked.frames == sum(len(clip.frames) for clip in read(target))
    assert facts.fps == asked.fps
    assert facts.seconds == Fraction(asked.frames) / asked.fps
    assert abs(facts.sound.seconds - facts.seconds) <= Fraction(1, 48_000) or facts.frames == 1


@pytest.mark.parametrize("source", [(65, 49), (33, 97), (128, 128), (31, 200)])
@pytest.mark.parametrize("size", ["64x112", "96x64", "32x32"])
def test_sizes_of_all_kinds(tmp_path, source, size):
    material = moving_box(4, fps=24, width=source[0], height=source[1])
    facts = make(tmp_path / "a.mp4", material, seconds=1 / 8, size=size)
    assert str(facts.size) == size


def test_the_middle_is_kept_and_the_sides_are_cropped(tmp_path):
    frames = np.zeros((2, 64, 128, 3), np.uint8)
    frames[:, :, 32:96] = 255
    make(tmp_path / "a.mp4", Clip(frames, Fraction(24)), seconds=1 / 12)
    assert pixels(tmp_path / "a.mp4").min() > 240


def test_interpolated_frames_lie_where_the_motion_was(tmp_path):
    clip = moving_box(16, width=128, height=64, step=5)
    make(tmp_path / "a.mp4", clip, seconds=2, size="128x64")
    seen = [box_at(frame) for frame in pixels(tmp_path / "a.mp4")]
    drawn = [box_at(frame) for frame in clip.frames]
    assert len(seen) == 48
    assert np.abs(np.array(seen[::3]) - np.array(drawn)).max() < 1
    moves = [after - before for before, after in pairwise(seen[:45])]
    assert min(moves) > 0, "no frame is held before the material ends"
    assert max(moves) < 5, "no frame jumps by a whole step"
    assert np.abs(np.array(seen[46:]) - drawn[-1]).max() < 1, "then the last one is held"


def test_forth_and_back_returns_the_way_it_came(tmp_path):
    clip = moving_box(8, fps=24, width=128, height=64, step=5)
    make(tmp_path / "a.mp4", clip, seconds=1, size="128x64", loop=True)
    drawn = [box_at(frame) for frame in clip.frames]
    order = [*range(8), *range(6, -1, -1), *range(1, 8), 6, 5]
    seen = [box_at(frame) for frame in pixels(tmp_path / "a.mp4")]
    assert np.abs(np.array(seen) - np.array(drawn)[order]).max() < 1


@pytest.mark.parametrize(
    "colour",
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 60), BACKGROUND],
)
def test_a_colour_comes_back_as_it_was(tmp_path, colour):
    make(tmp_path / "a.mp4", plain(colour, 4), seconds=1 / 6)
    seen = pixels(tmp_path / "a.mp4").astype(int)
    assert np.abs(seen - np.array(colour)).max() <= 4


def test_the_matrix_is_the_one_that_the_tag_says(tmp_path):
    make(tmp_path / "a.mp4", plain((255, 0, 0), 4), seconds=1 / 6)
    raw = tmp_path / "raw.yuv"
    ffmpeg("-v", "error", "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", str(raw))
    luma, blue, red = (int(raw.read_bytes()[at]) for at in (0, 64 * 64, 64 * 64 * 5 // 4))
    # BT.709 (ITU-R BT.709-6, item 3.2): Y' = 0.2126 R'; with BT.601 luma would be 81, blue 90.
    assert luma == pytest.approx(16 + 219 * 0.2126, abs=1)
    assert blue == pytest.approx(128 - 224 * 0.2126 / 1.8556, abs=1)
    assert red == pytest.approx(240, abs=1)


def test_equal_input_gives_equal_bytes_however_many_cores_there_are(tmp_path):
    clip, tags = moving_box(16), {"title": "t", "comment": "c"}
    make(tmp_path / "a.mp4", clip, seconds=2, size="144x256", tags=tags)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        turned = dict(reversed(tags.items()))
        make(tmp_path / "b.mp4", clip, seconds=2, size="144x256", tags=turned)
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_many_short_clips_are_one_stream(tmp_path):
    clip = moving_box(24, fps=24)
    parts = [Clip(clip.frames[at : at + 5], clip.fps) for at in range(0, 24, 5)]
    parts.insert(2, Clip(clip.frames[:0], clip.fps))
    finish(parts, tmp_path / "a.mp4", wish(1), {}, lambda done, total: None)
    make(tmp_path / "b.mp4", clip, seconds=1)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_no_more_material_is_asked_for_than_is_needed(tmp_path):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield moving_box(1, fps=24)

    finish(endless(), tmp_path / "a.mp4", wish(0.5), {}, lambda done, total: None)
    assert len(taken) <= 13


def test_a_stream_is_never_held_whole(tmp_path):
    given, most = [], 0

    def stream():
        nonlocal most
        for _ in range(24):
            clip = moving_box(1, fps=24)
            given.append(weakref.ref(clip.frames))
            most = max(most, sum(frames() is not None for frames in given))
            yield clip

    finish(stream(), tmp_path / "a.mp4", wish(1), {}, lambda done, total: None)
    assert len(given) == 24
    assert most <= 5


def test_progress_only_grows_and_ends_at_all(tmp_path):
    heard = []
    make(tmp_path / "a.mp4", on_frame=lambda *step: heard.append(step))
    assert heard == sorted(heard)
    assert heard[-1] == (24, 24)


def test_an_older_film_is_replaced_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_text("old")
    (tmp_path / ".a.mp4.1.part.mp4").write_text("of a process that died")
    make(target, seconds=1 / 12)
    assert probe(target).frames == 2
    assert sorted(p.name for p in tmp_path.glob("*a.mp4*")) == [".a.mp4.1.part.mp4", "a.mp4"]


@pytest.mark.parametrize(
    ("clips", "says"),
    [
        ([], "no frames"),
        ([Clip(np.zeros((0, 64, 64, 3), np.uint8), Fraction(8))], "no frames"),
        ([moving_box(4), moving_box(4, width=32)], "64x64 at 8 fps and 32x64 at 8 fps"),
        ([moving_box(4), moving_box(4, fps=12)], "at 8 fps and 64x64 at 12 fps"),
        ([moving_box(6)], "0.75 of 1.00 seconds"),
    ],
)
def test_material_that_makes_no_film_is_named(tmp_path, clips, says):
    target = tmp_path / "a.mp4"
    target.write_text("old")
    with pytest.raises(FilmError, match=re.escape(says)):
        finish(clips, target, wish(1), {}, lambda done, total: None)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.glob("*.mp4")] == ["a.mp4"]


def test_a_folder_that_is_missing_or_no_folder_is_told_before_any_frame_is_taken(tmp_path):
    def never():
        raise AssertionError("a frame was taken")
        yield

    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    for target, says in [
        (tmp_path / "gone" / "a.mp4", "folder does not exist"),
        (tmp_path / "file" / "a.mp4", "folder is a file"),
        (tmp_path / "folder.mp4", "is a folder"),
        (tmp_path / ("x" * 300 + ".mp4"), "name is too long"),
    ]:
        with pytest.raises(UsageError, match=says):
            finish(never(), target, wish(1), {}, lambda done, total: None)

"""Any file through the gate: a verdict with a name, never an exception."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from gate.defects import flicker, frozen, jump, watermark
from gate.sources import product
from reelkiln.errors import UsageError
from reelkiln.gate.limits import FIXED
from reelkiln.gate.measure import Wanted
from reelkiln.gate.text import open_reader
from reelkiln.kiln.inspect import inspect, stills
from reelkiln.kiln.looks import Tools
from reelkiln.reel import Clip

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
BOTTLE = product((180, 40, 50), (225, 205, 170))
SMOOTH = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "4")


def encode(clip: Clip, target: str, *options: str) -> Path:
    height, width = clip.frames.shape[1:3]
    command = [FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(clip.fps), "-i", "-", *(options or SMOOTH)]
    subprocess.run([*command, target], input=clip.frames.tobytes(), check=True)
    return Path(target)


def test_a_good_film_passes_with_every_number():
    seen = inspect(encode(BOTTLE, "good.mp4"))
    assert seen.verdict.kept, seen.verdict.reasons
    assert seen.verdict.marks["frames"] == len(BOTTLE.frames) == len(seen.traces["luma"])
    assert seen.flags == ()
    assert seen.unmeasured == ("writing", "nudity", "fit to the words", "product", "palette")
    assert len(stills(seen)) == 12


@pytest.mark.parametrize(
    ("spoil", "mark", "frames"),
    [
        (flicker, "flicker", range(16)),
        (frozen, "frozen_run", range(2, 16)),
        (jump, "leap", [8]),
    ],
)
def test_faults_survive_the_encoder_and_are_placed_in_time(spoil, mark, frames):
    seen = inspect(encode(spoil(BOTTLE, 1, 0), "bad.mp4"))
    assert not seen.verdict.kept
    flag = next(flag for flag in seen.flags if flag.mark == mark)
    assert flag.frame in frames
    assert flag.seconds == pytest.approx(flag.frame / 8)
    assert flag.frame in stills(seen)


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((288, 512), ("-c:v", "libx264", "-pix_fmt", "yuv420p10le")),
        ((287, 511), ("-c:v", "libx264", "-pix_fmt", "yuv444p")),
    ],
    ids=["ten bits", "odd size"],
)
def test_ten_bits_and_odd_sizes_are_films_like_others(size, options):
    clip = Clip(BOTTLE.frames[:, : size[0], : size[1]].copy(), BOTTLE.fps)
    assert inspect(encode(clip, "film.mp4", *options)).verdict.kept


def test_a_variable_rate_is_judged_as_it_is_seen():
    steady = encode(BOTTLE, "steady.mp4")
    times = "setpts='if(lt(N,8),N,8+(N-8)*3)/8/TB'"
    command = [FFMPEG, "-v", "error", "-i", str(steady), "-vf", times, "-fps_mode", "vfr"]
    subprocess.run([*command, "vfr.mp4"], check=True)
    seen = inspect(Path("vfr.mp4"))
    assert seen.verdict.kept, seen.verdict.reasons
    assert seen.verdict.marks["seconds"] == pytest.approx(4, abs=0.6)


def test_one_frame_is_no_film():
    seen = inspect(encode(Clip(BOTTLE.frames[:1], Fraction(8)), "one.mp4"))
    assert seen.verdict.reasons == ("this is no film (frames: 1)",)
    assert seen.verdict.action == "person"


def test_files_that_are_no_films_get_a_verdict():
    Path("empty.mp4").write_bytes(b"")
    Path("words.mp4").write_text("hello")
    sound = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "sound.mp4"]
    subprocess.run(sound, check=True)
    for name in ("empty.mp4", "words.mp4", "sound.mp4"):
        seen = inspect(Path(name))
        assert not seen.verdict.kept
        assert seen.verdict.action == "person"
        assert len(seen.verdict.reasons) == 1
        assert seen.verdict.reasons[0].startswith(name)
        assert stills(seen) == {}


def test_a_film_broken_in_the_middle_is_told_as_such():
    many = Clip(np.concatenate([BOTTLE.frames] * 6), Fraction(24))
    data = bytearray(encode(many, "whole.mp4").read_bytes())
    start = data.find(b"mdat")
    for at in range(start + (len(data) - start) * 4 // 5, start + (len(data) - start) * 9 // 10):
        data[at] = (at * 131) % 256
    Path("torn.mp4").write_bytes(data)
    seen = inspect(Path("torn.mp4"), limits=FIXED.without("leap", "jump"))
    assert not seen.verdict.kept
    assert seen.verdict.action == "person"
    assert "cannot be read to its end" in seen.verdict.reasons[0]
    assert seen.verdict.marks["frames"] == 64
    assert len(stills(seen)) == 12


@pytest.mark.parametrize("sound", [(), ("-f", "lavfi", "-i", "sine=d=6")])
def test_a_film_that_was_broken_off_between_two_frames_is_told_as_such(sound):
    source = ["-f", "lavfi", "-i", "mandelbrot=s=160x90:r=8:start_scale=1:end_scale=0.5:end_pts=60"]
    making = [FFMPEG, "-v", "error", *source, *sound, "-t", "6", "-g", "8", "whole.mkv"]
    subprocess.run(making, check=True)
    data = Path("whole.mkv").read_bytes()
    Path("off.mkv").write_bytes(data[: len(data) // 2])
    assert not [one for one in inspect(Path("whole.mkv")).verdict.reasons if "end" in one]
    seen = inspect(Path("off.mkv"))
    if not sound:  # a sound track may be longer than the pictures: then nobody can tell
        assert "off.mkv ends after" in seen.verdict.reasons[0]
        assert seen.verdict.action == "person"


def test_a_missing_file_is_a_mistake_of_the_command():
    with pytest.raises(UsageError):
        inspect(Path("nowhere.mp4"))


@pytest.mark.text
def test_writing_is_read_where_a_reader_is_given():
    film = encode(watermark(BOTTLE, 2, 0), "marked.mp4")
    seen = inspect(film, wanted=Wanted(("#808080",)), tools=Tools(reader=open_reader()))
    assert seen.verdict.marks["text_unasked"] >= 1
    assert seen.unmeasured == ("nudity", "fit to the words", "product")

from fractions import Fraction

import numpy as np
import pytest

from film.scenes import BACKGROUND, BOX, box_at, ffmpeg, made_by_ffmpeg, make, moving_box
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.read import read
from reelkiln.reel import Size

COUNTER = "color=s=64x48:r=24:d=1,format=yuv444p,geq=lum=16+N*9:cb=128:cr=128"
"""Frames whose brightness counts them."""
LOSSLESS = ("-c:v", "libx264", "-qp", "0")


def everything(path):
    clips = list(read(path))
    assert all(1 <= len(clip.frames) <= 64 for clip in clips)
    assert all(clip.frames.dtype == np.uint8 for clip in clips)
    assert len({(clip.size, clip.fps) for clip in clips}) == 1
    return np.concatenate([clip.frames for clip in clips]), clips[0].fps


def counted(frames):
    """The numbers that COUNTER's frames carry."""
    return [round((float(frame.mean()) * 219 / 255) / 9) for frame in frames]


def test_a_film_is_a_stream_of_short_clips(tmp_path):
    make(tmp_path / "a.mp4", moving_box(150, fps=24, step=0), seconds=150 / 24)
    assert [len(clip.frames) for clip in read(tmp_path / "a.mp4")] == [64, 64, 22]


def test_reading_stops_when_nobody_asks_for_more(tmp_path):
    make(tmp_path / "a.mp4", moving_box(150, fps=24, step=0), seconds=150 / 24)
    stream = read(tmp_path / "a.mp4")
    next(stream)
    stream.close()
    (tmp_path / "a.mp4").unlink()


def test_a_turned_film_comes_upright(tmp_path):
    make(
        tmp_path / "a.mp4", moving_box(2, fps=24, width=96, height=64), seconds=1 / 12, size="96x64"
    )
    upright, _ = everything(tmp_path / "a.mp4")
    for degrees in (90, 180, 270):
        turned = made_by_ffmpeg(
            tmp_path / f"{degrees}.mp4",
            "-display_rotation", str(degrees), "-i", str(tmp_path / "a.mp4"), "-c", "copy",
        )  # fmt: skip
        ffmpeg("-v", "error", "-i", str(turned), str(tmp_path / f"{degrees}-%d.png"))
        seen, _ = everything(turned)
        assert seen.shape[1:3] == ((96, 64) if degrees != 180 else (64, 96))
        assert np.array_equal(seen, np.rot90(upright, k=degrees // 90, axes=(1, 2)))
        # ffmpeg turns films by itself: what it shows is what we read.
        from PIL import Image

        with Image.open(tmp_path / f"{degrees}-1.png") as other:
            assert np.abs(np.asarray(other.convert("RGB")).astype(int) - seen[0]).mean() < 4


@pytest.mark.parametrize("size", ["63x47", "33x65", "2x2", "1x7"])
def test_odd_sizes(tmp_path, size):
    path = made_by_ffmpeg(
        tmp_path / "a.mkv", "-f", "lavfi", "-i", f"color=red:s={size}:r=24:d=0.1", "-c:v",
        "libx264", "-pix_fmt", "yuv444p",
    )  # fmt: skip
    frames, _ = everything(path)
    width, height = map(int, size.split("x"))
    assert frames.shape[1:3] == (height, width)
    assert frames[0, 0, 0, 0] > 240


def soft_colours() -> np.ndarray:
    """A picture without edges, so that only the colours' own conversion can change it."""
    down, across = np.mgrid[0:48, 0:64]
    return np.stack([across * 4, down * 5, 250 - across * 2 - down * 2], axis=2).astype(np.uint8)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc", "fcc", "smpte240m"])
@pytest.mark.parametrize("form", ["yuv420p10le", "yuv422p", "yuv444p", "yuvj420p"])
def test_every_form_of_pixels_comes_out_as_the_same_picture(tmp_path, form, matrix):
    (tmp_path / "raw").write_bytes(soft_colours().tobytes())
    range_ = "pc" if form == "yuvj420p" else "tv"
    scale = f"scale=out_color_matrix={matrix}:out_range={range_}:flags=accurate_rnd"
    path = made_by_ffmpeg(
        tmp_path / "a.mkv", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-i",
        str(tmp_path / "raw"), "-vf", f"{scale},format={form}", "-colorspace", matrix,
        "-color_range", range_, "-c:v", "libx264", "-qp", "1",
    )  # fmt: skip
    frames, _ = everything(path)
    difference = np.abs(frames[0].astype(int) - soft_colours())
    assert difference.mean() < 1.5
    assert difference.max() <= 8


def test_rgb_and_grey_films(tmp_path):
    (tmp_path / "raw").write_bytes(soft_colours().tobytes())
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-i", str(tmp_path / "raw"))
    path = made_by_ffmpeg(tmp_path / "a.mkv", *raw, "-c:v", "libx264rgb", "-qp", "0")
    assert np.array_equal(everything(path)[0][0], soft_colours())
    path = made_by_ffmpeg(tmp_path / "b.mkv", *raw, "-pix_fmt", "gray", "-c:v", "ffv1")
    grey = everything(path)[0][0].astype(int)
    assert (grey == grey[:, :, :1]).all()
    luma = soft_colours() @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[:, :, 0] - luma).mean() < 2


def test_oblong_pixels_become_square(tmp_path):
    path = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:r=24:d=0.1", "-vf", "setsar=2/1",
        *LOSSLESS,
    )  # fmt: skip
    assert next(read(path)).size == Size(128, 64)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mov", "a.avi", "a.ts"])
def test_a_constant_rate_stays_whatever_clock_the_container_has(tmp_path, name):
    codec = ("-c:v", "libvpx-vp9", "-lossless", "1") if name.endswith("webm") else LOSSLESS
    path = made_by_ffmpeg(tmp_path / name, "-f", "lavfi", "-i", COUNTER, *codec)
    frames, fps = everything(path)
    assert fps == 24
    assert counted(frames) == list(range(24))


def test_a_variable_rate_becomes_an_even_one(tmp_path):
    # Frames 8 to 15 are gone: the seventh stands nine frames long.
    path = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", COUNTER, "-vf", "select='not(between(n,8,15))'",
        "-fps_mode", "vfr", *LOSSLESS,
    )  # fmt: skip
    frames, fps = everything(path)
    seen = counted(frames)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 23
    assert abs(len(frames) / fps - 1) < 0.06, "a second is still a second"
    assert sum(number == 7 for number in seen) / fps == pytest.approx(9 / 24, abs=0.07)


def test_the_box_is_where_it_was_drawn(tmp_path):
    clip = moving_box(6, fps=24, width=96, height=64, step=9)
    make(tmp_path / "a.mp4", clip, seconds=0.25, size="96x64")
    frames, fps = everything(tmp_path / "a.mp4")
    assert fps == Fraction(24)
    for seen, drawn in zip(frames, clip.frames, strict=True):
        assert abs(box_at(seen) - box_at(drawn)) < 0.5
    assert np.abs(frames[:, 2, 2].astype(int) - np.array(BACKGROUND)).max() <= 4
    assert np.abs(frames[0, 32, 10].astype(int) - np.array(BOX)).max() <= 12


def test_hdr_is_named(tmp_path):
    path = made_by_ffmpeg(
        tmp_path / "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=0.1", "-c:v", "libx265",
        "-pix_fmt", "yuv420p10le", "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    )  # fmt: skip
    with pytest.raises(FilmError, match=r"a\.mp4 is HDR \(PQ\)"):
        next(read(path))


def test_a_film_that_changes_its_size_is_named(tmp_path):
    for size in ("64x48", "48x64"):
        made_by_ffmpeg(tmp_path / f"{size}.ts", "-f", "lavfi", "-i", f"testsrc=s={size}:r=24:d=0.5")
    both = tmp_path / "a.ts"
    both.write_bytes((tmp_path / "64x48.ts").read_bytes() + (tmp_path / "48x64.ts").read_bytes())
    with pytest.raises(FilmError, match="changes its size"):
        list(read(both))


def test_a_gap_of_hours_is_named_and_not_filled(tmp_path):
    path = made_by_ffmpeg(
        tmp_path / "a.mkv", "-f", "lavfi", "-i", "testsrc=s=32x32:r=24:d=0.2", "-vf",
        "setpts=PTS+gte(N\\,2)*100000/TB", "-fps_mode", "passthrough",
    )  # fmt: skip
    with pytest.raises(FilmError, match="a gap of over 60 seconds"):
        list(read(path))


def test_files_that_are_no_films_are_named(tmp_path):
    sound = made_by_ffmpeg(tmp_path / "sound.mp4", "-f", "lavfi", "-i", "sine=d=0.2")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.mp4").write_text("not a film" * 100)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{sound}\n#EXT-X-ENDLIST\n")
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {sound}\n")
    for name, kind, says in [
        ("sound.mp4", FilmError, "has no picture"),
        ("empty.mp4", FilmError, "is not a film"),
        ("words.mp4", FilmError, "is not a film"),
        ("list.mp4", FilmError, "is not a film"),
        ("concat.mp4", FilmError, "is not a film"),
        ("folder.mp4", UsageError, "is a folder"),
        ("gone.mp4", UsageError, "is missing"),
    ]:
        with pytest.raises(kind, match=f"{name} {says}") as caught:
            list(read(tmp_path / name))
        assert caught.value.hint


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    with pytest.raises(UsageError, match="is missing"):
        list(read(Path("http://127.0.0.1:9/a.mp4")))

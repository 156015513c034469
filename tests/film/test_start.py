"""Start pictures of every kind that people have, good and bad."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reelkiln.errors import UsageError
from reelkiln.film.start import read_start
from reelkiln.reel import Size

RED, BLUE = (200, 30, 40), (20, 40, 190)
SQUARE = Size(128, 128)


def halves(mode: str = "RGB", size: tuple[int, int] = (200, 200)) -> Image.Image:
    """Left red, right blue."""
    picture = Image.new("RGB", size, BLUE)
    picture.paste(RED, (0, 0, size[0] // 2, size[1]))
    return picture.convert(mode)


def frame(path: Path, size: Size = SQUARE) -> np.ndarray:
    clip = read_start(path, size).clip
    assert clip.frames.shape == (1, size.height, size.width, 3)
    assert clip.frames.dtype == np.uint8
    assert (clip.fps, clip.finite_share) == (Fraction(1), 1.0)
    return clip.frames[0]


def near(pixel: np.ndarray, colour: tuple[int, int, int], off: int = 6) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= off)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tiff", "a.bmp", "a.dat"])
def test_every_usual_format_becomes_one_frame(tmp_path, name):
    path = tmp_path / name
    halves().save(path, **({"format": "PNG"} if name == "a.dat" else {}))
    seen = frame(path)
    assert near(seen[64, 20], RED)
    assert near(seen[64, 108], BLUE)


def test_the_middle_is_cut_and_what_is_lost_is_said(tmp_path):
    halves(size=(400, 200)).save(tmp_path / "wide.png")
    start = read_start(tmp_path / "wide.png", SQUARE)
    assert start.notes == ("50% of the start picture, left and right, lie outside 128x128",)
    assert near(start.clip.frames[0, 64, 60], RED)
    assert near(start.clip.frames[0, 64, 67], BLUE)
    halves(size=(200, 210)).save(tmp_path / "close.png")
    assert read_start(tmp_path / "close.png", SQUARE).notes == ()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_phones_rotation_is_applied(tmp_path, turn):
    """All eight ways to hold a camera: what was red and left stays red and left."""
    upright = halves(size=(120, 200))
    methods = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(methods[turn]) if turn in methods else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    seen = frame(tmp_path / "phone.jpg", Size(120, 200))
    assert near(seen[100, 15], RED, 10)
    assert near(seen[100, 105], BLUE, 10)


def test_transparent_parts_are_laid_on_white_and_that_is_said(tmp_path):
    picture = halves("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 200, 60))
    picture.save(tmp_path / "cut-out.png")
    start = read_start(tmp_path / "cut-out.png", SQUARE)
    assert near(start.clip.frames[0, 10, 64], (255, 255, 255), 0)
    assert near(start.clip.frames[0, 100, 20], RED)
    assert start.notes == ("transparent parts of the start picture are filled with white",)


@pytest.mark.parametrize("mode", ["LA", "P", "L", "1", "RGBA", "YCbCr"])
def test_other_modes_without_clear_pixels_say_nothing(tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "YCbCr" else "a.png")
    halves(mode).save(path)
    assert read_start(path, SQUARE).notes == ()


def test_a_palette_with_a_clear_colour(tmp_path):
    picture = halves("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    clear = picture.getpixel((10, 10))
    picture.save(tmp_path / "p.png", transparency=clear)
    seen = frame(tmp_path / "p.png")
    assert near(seen[64, 20], (255, 255, 255), 0)
    assert near(seen[64, 108], BLUE, 12)


def test_sixteen_bits_become_eight(tmp_path):
    ramp = np.linspace(0, 65_535, 200 * 200).reshape(200, 200).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    seen = frame(tmp_path / "deep.png")
    assert seen[0].max() <= 2
    assert seen[-1].min() >= 253
    assert np.all(np.diff(seen[:, 64, 0].astype(int)) >= 0)


def test_cmyk_of_a_printer(tmp_path):
    halves("CMYK").save(tmp_path / "print.jpg", quality=95)
    seen = frame(tmp_path / "print.jpg")
    assert near(seen[64, 20], RED, 12)
    assert near(seen[64, 108], BLUE, 12)


def test_a_colour_profile_is_converted(tmp_path):
    """In a profile whose red and blue lamps are exchanged, red numbers mean blue."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"----", 1).replace(b"bXYZ", b"rXYZ", 1)
    picture = halves()
    picture.save(tmp_path / "x.png", icc_profile=exchanged.replace(b"----", b"bXYZ", 1))
    seen = frame(tmp_path / "x.png")
    assert seen[64, 20, 2] > 150 > seen[64, 20, 0]
    picture.save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    assert near(frame(tmp_path / "broken.png")[64, 20], RED)


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_start(path, SQUARE)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value.message


def test_no_picture_at_all(tmp_path):
    for name, data in {"a.png": b"", "b.png": b"words, not pixels", "c.mp4": b"\0" * 99}.items():
        (tmp_path / name).write_bytes(data)
        assert "is no PNG, JPEG, WebP, TIFF or BMP" in refused(tmp_path / name)
    assert "there is no such file" in refused(tmp_path / "gone.png")
    assert "folder" in refused(tmp_path) or "damaged" in refused(tmp_path)


def header_only(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds none."""

    def chunk(name: bytes, data: bytes) -> bytes:
        sum_ = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", sum_)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_too_many_pixels_are_refused_by_the_header_alone(tmp_path):
    """The file holds no pixel: had it been unpacked, it would be called damaged."""
    path = tmp_path / "huge.png"
    path.write_bytes(header_only(8000, 5001))
    assert "40 megapixels, at most 40 are read" in refused(path)
    path.write_bytes(header_only(20_000, 20_000))
    assert "too many pixels" in refused(path)
    path.write_bytes(header_only(8000, 5000))
    assert "damaged" in refused(path)


def test_a_picture_cut_short(tmp_path):
    halves().save(tmp_path / "whole.jpg")
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    assert "damaged" in refused(tmp_path / "cut.jpg")


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_an_animation(tmp_path, name):
    pictures = [halves(), halves().rotate(90)]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=100)
    assert "moves, it holds 2 pictures" in refused(tmp_path / name)


def test_a_gif_is_not_among_the_formats(tmp_path):
    halves().save(tmp_path / "a.gif")
    assert "is no PNG, JPEG" in refused(tmp_path / "a.gif")


def test_a_stamp_is_too_small(tmp_path):
    halves(size=(63, 400)).save(tmp_path / "stamp.png")
    assert "63x400 pixels are too few" in refused(tmp_path / "stamp.png")


def test_floating_point_numbers(tmp_path):
    Image.fromarray(np.ones((100, 100), np.float32)).save(tmp_path / "f.tiff")
    assert "floating-point" in refused(tmp_path / "f.tiff")

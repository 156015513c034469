import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from reelkiln.errors import UsageError
from reelkiln.film.logo import read_logo


def saved(path, image, **how):
    image.save(path, **how)
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_logo_fills_its_box_without_its_clear_border(tmp_path):
    image = Image.new("RGBA", (400, 300))
    image.paste((200, 10, 20, 255), (100, 100, 300, 200))
    found = read_logo(saved(tmp_path / "a.png", image), 120, 90)
    assert found.mode == "RGBA" and found.size == (120, 60)
    assert found.getpixel((60, 30)) == (200, 10, 20, 255)


def test_hidden_colours_of_clear_pixels_do_not_show(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 1] = 255  # green, where nothing is to be seen
    pixels[16:48, 16:48] = (255, 0, 0, 255)
    pixels[0, 0, 3] = pixels[-1, -1, 3] = 255
    found = np.asarray(read_logo(saved(tmp_path / "a.png", Image.fromarray(pixels)), 21, 21))
    edge = found[6:15, 4:17][found[6:15, 4:17, 3] > 40]
    assert edge[:, 1].max() < 8


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "RGB", "1"])
def test_every_kind_of_picture_is_read(tmp_path, mode):
    name = "a.jpg" if mode == "CMYK" else "a.png"
    found = read_logo(saved(tmp_path / name, Image.new("L", (40, 20), 255).convert(mode)), 20, 20)
    assert found.size == (20, 10) and found.mode == "RGBA"


def test_a_photo_lying_on_its_side_is_turned(tmp_path):
    image = Image.new("RGB", (40, 20), (9, 9, 9))
    exif = image.getexif()
    exif[0x0112] = 6
    assert read_logo(saved(tmp_path / "a.jpg", image, exif=exif), 50, 50).size == (25, 50)


@pytest.mark.parametrize("size", [(20_000, 10_000), (60_000, 60_000), (9_000, 9_000)])
def test_far_too_large_a_logo_is_refused_from_its_header(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png_of(*size))
    with pytest.raises(UsageError, match=r"a\.png: (\d+ megapixels|far too many pixels)"):
        read_logo(tmp_path / "a.png", 100, 100)


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(40), b"<svg/>", png_of(4, 4)[:30]])
def test_what_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UsageError, match=r"logo .*a\.png: (no PNG, JPEG or WebP|cannot be read)"):
        read_logo(tmp_path / "a.png", 100, 100)


def test_a_logo_cut_short_is_named(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (90, 90, 3), np.uint8)
    whole = saved(tmp_path / "a.png", Image.fromarray(noise)).read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"a\.png: cannot be read"):
        read_logo(tmp_path / "a.png", 100, 100)


def test_a_missing_logo_and_a_clear_one_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.png: there is no such file"):
        read_logo(tmp_path / "none.png", 100, 100)
    with pytest.raises(UsageError, match="all of it is transparent"):
        read_logo(saved(tmp_path / "a.png", Image.new("RGBA", (9, 9))), 100, 100)

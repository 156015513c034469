import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from film.scenes import BOX, made_by_ffmpeg, make, moving_box
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.sheet import moments, write_contact_sheet, write_poster
from reelkiln.film.xmp import MADE_BY_AI
from reelkiln.reel import Clip


def picture(path):
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_the_poster_is_a_frame_of_the_film_in_full_size(tmp_path):
    make(tmp_path / "a.mp4", moving_box(8), size="96x160")
    write_poster(tmp_path / "a.mp4", tmp_path / "a.png")
    shown = picture(tmp_path / "a.png")
    assert shown.shape == (160, 96, 3)
    assert np.abs(shown.reshape(-1, 3).astype(int) - np.array(BOX)).sum(1).min() < 20


@pytest.mark.parametrize("plain", [0, 255])
def test_the_poster_is_neither_the_black_beginning_nor_the_white_end(tmp_path, plain):
    seen = moving_box(48, fps=24, step=0).frames.copy()
    seen[:20] = plain
    seen[30:] = plain
    make(tmp_path / "a.mp4", Clip(seen, Fraction(24)), seconds=2)
    write_poster(tmp_path / "a.mp4", tmp_path / "a.png")
    assert np.ptp(picture(tmp_path / "a.png")) > 100


def test_a_fade_with_more_detail_than_the_scene_is_not_the_poster(tmp_path):
    seen = moving_box(48, fps=24, step=0).frames.copy()
    seen[:24] = (np.indices((64, 64)).sum(0) // 4 % 2 * 30)[..., None]
    make(tmp_path / "a.mp4", Clip(seen, Fraction(24)), seconds=2)
    write_poster(tmp_path / "a.mp4", tmp_path / "a.png")
    assert picture(tmp_path / "a.png").max() > 200


def test_a_film_that_is_all_black_has_a_poster_too(tmp_path):
    make(tmp_path / "a.mp4", Clip(np.zeros((4, 64, 64, 3), np.uint8), Fraction(24)), seconds=1 / 6)
    write_poster(tmp_path / "a.mp4", tmp_path / "a.png")
    assert picture(tmp_path / "a.png").max() < 10


def test_the_contact_sheet_shows_the_film_in_order(tmp_path):
    grey = np.arange(0, 240, 5, dtype=np.uint8)
    frames = np.broadcast_to(grey[:, None, None, None], (48, 64, 64, 3))
    make(tmp_path / "a.mp4", Clip(np.ascontiguousarray(frames), Fraction(24)), seconds=2)
    write_contact_sheet(tmp_path / "a.mp4", tmp_path / "s.png")
    sheet = picture(tmp_path / "s.png")
    # Four columns and two rows of 64 x (64 + 18) cells, 8 apart.
    assert sheet.shape[:2] == (2 * (64 + 18 + 8) + 8, 4 * (64 + 8) + 8)
    middles = [
        int(sheet[8 + row * 90 + 32, 8 + column * 72 + 32, 0])
        for row in range(2)
        for column in range(4)
    ]
    assert middles == sorted(middles)
    wanted = [grey[int(at * 24)] for at in moments(Fraction(2), 8)]
    assert np.abs(np.array(middles) - np.array(wanted).astype(int)).max() <= 4
    assert sheet[8 + 64 : 8 + 64 + 18, 8 : 8 + 64].max() > 150, "a time stands under each"


def test_a_long_film_gets_more_pictures_and_one_frame_gets_one(tmp_path):
    long = made_by_ffmpeg(
        tmp_path / "long.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=90", "-g", "100"
    )
    write_contact_sheet(long, tmp_path / "long.png")
    assert picture(tmp_path / "long.png").size / 3 >= 24 * 64 * 64
    make(tmp_path / "one.mp4", moving_box(1, fps=24), seconds=1 / 24)
    write_contact_sheet(tmp_path / "one.mp4", tmp_path / "one.png")
    assert picture(tmp_path / "one.png").shape[:2] == (64 + 18 + 16, 64 + 16)


def test_large_frames_are_made_small(tmp_path):
    make(tmp_path / "a.mp4", moving_box(2, fps=24), seconds=1 / 12, size="320x640")
    write_contact_sheet(tmp_path / "a.mp4", tmp_path / "s.png")
    assert max(picture(tmp_path / "s.png").shape) < 600


@pytest.mark.parametrize("write", [write_poster, write_contact_sheet])
def test_what_cannot_be_read_or_written_is_named(tmp_path, write):
    (tmp_path / "no.mp4").write_text("no film")
    with pytest.raises(FilmError, match=r"no\.mp4 is not a film"):
        write(tmp_path / "no.mp4", tmp_path / "a.png")
    make(tmp_path / "a.mp4", seconds=1 / 12)
    with pytest.raises(UsageError, match=r"a\.png cannot be written"):
        write(tmp_path / "a.mp4", tmp_path / "gone" / "a.png")
    assert not list(tmp_path.glob("*.png"))


def test_the_pictures_say_that_they_are_made_by_ai_where_they_are(tmp_path):
    make(tmp_path / "a.mp4")
    for write in (write_poster, write_contact_sheet):
        for made_by_ai in (True, False):
            write(tmp_path / "a.mp4", tmp_path / "a.png", made_by_ai=made_by_ai)
            with Image.open(tmp_path / "a.png") as image:
                said = image.text.get("XML:com.adobe.xmp", "")
            assert (MADE_BY_AI in said) is made_by_ai

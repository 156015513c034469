import hashlib
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelkiln.errors import UsageError
from reelkiln.film.colour import contrast
from reelkiln.film.look import look
from reelkiln.film.overlay import Caption, Disclosure, EndCard, Logo, draw
from reelkiln.film.platforms import load_platforms
from reelkiln.film.stage import Stage, show_safe_zone
from reelkiln.reel import Size

PLATFORMS = load_platforms()
REELS = PLATFORMS["instagram-reels"]
STAGE = Stage.of(Size(540, 960), REELS.safe_zone)
LOOK = look(["#b4235a", "#ffe8c7"])
TEXTS = [
    "Glow starts here",
    "Ågård: 20% off (today) — Éj!",
    "14 दिनों में निखरी त्वचा, सिर्फ़ ₹499",
    "வைட்டமின் சி சீரம்: பொலிவான சருமம்",
    "سيروم فيتامين سي (SPF 50): بشرةٌ مشرقة خلال 14 يومًا",
    "<b>%{pts}</b> [a];drawtext=text='x'",
]


@pytest.fixture
def logo(tmp_path):
    image = Image.new("RGBA", (600, 200))
    image.paste((255, 240, 220, 255), (10, 10, 590, 190))
    image.save(tmp_path / "logo.png")
    return tmp_path / "logo.png"


def seen(picture):
    """Left, top, right, bottom of what is not clear, in the frame."""
    return picture.whole().getchannel("A").getbbox()


def inside(box, stage):
    left, top, right, bottom = stage.box
    return box[0] >= left and box[1] >= top and box[2] <= right and box[3] <= bottom


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(PLATFORMS)),
    st.sampled_from([(1080, 1920), (1080, 1350), (1080, 1080), (1920, 1080), (360, 640)]),
    st.sampled_from(TEXTS),
    st.sampled_from(["lower", "middle", "upper", "top"]),
)
def test_words_never_leave_the_safe_zone(platform, size, text, where):
    stage = Stage.of(Size(*size), PLATFORMS[platform].safe_zone)
    caption = draw(Caption(text=text, where=where), stage, LOOK)
    assert inside(seen(caption), stage)
    note = draw(Disclosure(text=text), stage, LOOK)
    assert inside(seen(note), stage)
    card = draw(EndCard(headline=text, action=text), stage, LOOK).whole()
    ground = np.asarray(card)
    assert (ground[..., 3] == 255).all()
    rows, columns = np.nonzero((ground[..., :3] != LOOK.main).any(axis=2))
    assert inside((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), stage)


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_disclosure_logo_and_captions_never_cover_each_other(platform, logo):
    stage = Stage.of(PLATFORMS[platform].delivery.size, PLATFORMS[platform].safe_zone)
    wide = "Made with artificial intelligence, every single picture"
    shown = [
        Disclosure(text=wide),
        Logo(path=logo),
        Caption(text="Up here, with a few more words than one line", where="upper"),
        Caption(text="Down here", where="lower"),
    ]
    masks = [np.asarray(draw(one, stage, LOOK).whole())[..., 3] > 0 for one in shown]
    assert all(inside(seen(draw(one, stage, LOOK)), stage) for one in shown)
    for one, other in itertools.combinations(masks, 2):
        assert not (one & other).any()


def test_sizes_go_with_the_delivery():
    small = draw(Caption(text="Glow"), STAGE, LOOK).image
    large = draw(Caption(text="Glow"), Stage.of(Size(1080, 1920), REELS.safe_zone), LOOK).image
    assert large.height == pytest.approx(2 * small.height, abs=4)


def test_words_stand_in_the_middle_of_their_plate():
    picture = np.asarray(draw(Caption(text="HHH"), STAGE, look(["#000000"])).image)
    ink = picture[..., 0] > 128
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    assert abs(rows[0] - (picture.shape[0] - 1 - rows[-1])) <= 2
    assert abs(columns[0] - (picture.shape[1] - 1 - columns[-1])) <= 2


@pytest.mark.parametrize("main", ["#ffffff", "#000000", "#777777", "#b4235a", "#ffe066", "#ff0000"])
@pytest.mark.parametrize("film", [0, 128, 255])
def test_words_of_a_caption_can_be_read_on_any_film(main, film):
    caption = draw(Caption(text="Il"), STAGE, look([main]))
    frame = Image.new("RGBA", caption.image.size, (film, film, film, 255))
    frame.alpha_composite(caption.image)
    pixels = np.asarray(frame)[..., :3]
    plate = tuple(int(one) for one in pixels[pixels.shape[0] // 2, 4])
    row = pixels[pixels.shape[0] // 2]
    assert max(contrast(plate, tuple(int(one) for one in pixel)) for pixel in row) >= 4.4


def test_the_brand_has_its_colours_and_its_font():
    card = np.asarray(draw(EndCard(headline="Glow", action="Buy"), STAGE, LOOK).image)
    colours = {tuple(pixel) for pixel in card.reshape(-1, 4)[:, :3].tolist()}
    assert {(0xB4, 0x23, 0x5A), (0xFF, 0xE8, 0xC7)} <= colours
    face = Path(sys.modules["reelkiln.film.fonts"].__file__).parent / "fonts/NotoSans-Regular.ttf"
    own = look(["#b4235a"], heading=face, body=face)
    assert own.body[0].name == str(face) and len(own.body) == 7
    thin, bold = (draw(Caption(text="Glow"), STAGE, one).image.width for one in (own, LOOK))
    assert thin < bold


def test_a_text_without_place_is_named():
    with pytest.raises(UsageError, match=r"caption 3: 'Glow"):
        draw(Caption(text="Glow all day " * 30), STAGE, LOOK, "caption 3")
    with pytest.raises(UsageError, match="end card: headline: 'Glow"):
        draw(EndCard(headline="Glow all day " * 30), STAGE, LOOK)
    with pytest.raises(UsageError, match="end card: call to action: "):
        draw(EndCard(headline="Glow", action="🚀"), STAGE, LOOK)
    with pytest.raises(UsageError, match=r"none\.png: there is no such file"):
        draw(EndCard(headline="Glow", logo=Path("none.png")), STAGE, LOOK)


def test_the_preview_darkens_what_the_platform_covers():
    frame = np.full((960, 540, 3), 200, np.uint8)
    found = np.asarray(show_safe_zone(frame, STAGE))
    left, top, right, bottom = STAGE.box
    assert found.shape == frame.shape
    inner = found[top + 9 : bottom - 9, left + 9 : right - 9]
    assert (inner == 200).all()
    outer = np.concatenate([found[:top].reshape(-1, 3), found[bottom:].reshape(-1, 3)])
    assert (outer[:, 1] < 120).all()


DRAWN = """
import hashlib, sys
if {hidden}:
    sys.modules["PIL._imagingft"] = None  # FreeType, Raqm, FriBidi and HarfBuzz as Pillow has them
    from PIL import features
    assert not any(features.check(one) for one in ("freetype2", "raqm", "fribidi", "harfbuzz"))
from reelkiln.film.look import look
from reelkiln.film.overlay import Caption, draw
from reelkiln.film.stage import Stage
from reelkiln.reel import Size
stage = Stage(size=Size(540, 960), box=(20, 20, 520, 940))
for text in {texts!r}:
    picture = draw(Caption(text=text), stage, look(["#b4235a"])).whole()
    print(hashlib.sha256(picture.tobytes()).hexdigest())
try:
    maps = open("/proc/self/maps").read()
except OSError:  # not Linux
    maps = ""
print([one for one in ("raqm", "fribidi", "libharfbuzz", "libfreetype") if one in maps.lower()])
"""


@pytest.mark.parametrize("hidden", [False, True])
def test_the_system_s_text_libraries_have_no_say(hidden):
    code = DRAWN.format(hidden=hidden, texts=TEXTS)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    *sums, loaded = done.stdout.split("\n")[:-1]
    stage = Stage(size=Size(540, 960), box=(20, 20, 520, 940))
    drawn = [draw(Caption(text=text), stage, look(["#b4235a"])).whole() for text in TEXTS]
    assert sums == [hashlib.sha256(picture.tobytes()).hexdigest() for picture in drawn]
    assert len(set(sums)) == len(TEXTS)
    assert loaded == "[]" or not hidden

"""What lies over a reel: each thing in its time, inside the zone, in four scripts without the
system's text libraries; and where captions cover least."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reelkiln.film.calm import calmest, detail
from reelkiln.film.look import look
from reelkiln.film.overlay import EndCard, draw
from reelkiln.film.platforms import load_platforms
from reelkiln.film.stage import Stage
from reelkiln.film.subtitles import Subtitle
from reelkiln.film.titles import Ending, Titles, lay
from reelkiln.reel import Size

LOOK = look(["#e8b7a6", "#f6ede4", "#2f2a28"])
LANGUAGES = {
    "en": ("Meet the serum", "Find it in our shop", "Made with AI"),
    "hi": ("मिलिए विटामिन सी सीरम से", "हमारी दुकान में देखें", "एआई से बनाया गया"),
    "ta": ("வைட்டமின் சி சீரம்", "எங்கள் கடையில் காணுங்கள்", "செயற்கை நுண்ணறிவால் உருவாக்கப்பட்டது"),
    "ar": ("تعرّفوا على سيروم فيتامين سي", "تجدونه في متجرنا", "صُنع بالذكاء الاصطناعي"),
}


@pytest.fixture
def logo(tmp_path):
    image = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(image).ellipse((20, 20, 280, 180), fill="#e8b7a6", outline="#2f2a28", width=9)
    image.save(tmp_path / "logo.png")
    return tmp_path / "logo.png"


def titles(logo=None, language="en", **more):
    caption, action, note = LANGUAGES[language]
    return Titles(
        seconds=Fraction(6),
        captions=(
            Subtitle(text=caption, start=Fraction(0), end=Fraction(2)),
            Subtitle(text=caption, start=Fraction(2), end=Fraction(4)),
        ),
        language=language,
        disclosure=note,
        logo=logo,
        ending=Ending(
            card=EndCard(headline="Ethereal Glow", action=action, tags="#glow #skin", logo=logo),
            start=Fraction(4),
            fade_in=Fraction(2, 5),
        ),
        **more,
    )


@pytest.mark.parametrize("platform", load_platforms().values(), ids=lambda one: one.name)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("where", ["lower", "upper"])
def test_every_title_in_every_script_fits_every_platform(platform, language, where, logo):
    size = platform.delivery.size
    small = Size(size.width // 2, size.height // 2)
    stage = Stage.of(small, platform.safe_zone)
    laid = lay(titles(logo, language, where=where), stage, LOOK)
    boxes = {one["name"]: one["box"] for one in laid.boxes()}
    assert list(boxes) == ["end card", "caption 1", "caption 2", "logo", "disclosure"]
    left, top, right, bottom = stage.box
    for name, box in boxes.items():
        assert left <= box[0] < box[2] <= right and top <= box[1] < box[3] <= bottom, name
    assert boxes["end card"][1] >= boxes["disclosure"][3]
    middle = (boxes["caption 1"][1] + boxes["caption 1"][3]) / 2
    assert (middle < (top + bottom) / 2) is (where == "upper")


def strengths(laid, at):
    return {
        name: float(one.strength(Fraction(at)))
        for name, one in zip(laid.names, laid.shown, strict=True)
        if one.strength(Fraction(at)) > 0
    }


def test_each_title_has_its_time(logo):
    stage = Stage(size=Size(270, 480), box=(10, 10, 260, 470))
    laid = lay(titles(logo), stage, LOOK)
    assert strengths(laid, 1) == {"caption 1": 1, "logo": 1, "disclosure": 1}
    assert strengths(laid, 3) == {"caption 2": 1, "logo": 1, "disclosure": 1}
    assert strengths(laid, "4.2") == {"end card": 0.5, "disclosure": 1}
    assert strengths(laid, "5.99") == {"end card": 1, "disclosure": 1}
    looped = lay(titles(logo, loop=Fraction(1, 2)), stage, LOOK)
    assert strengths(looped, "5.75") == {"end card": 0.5, "disclosure": 1}
    bare = lay(Titles(seconds=Fraction(3), logo=logo), stage, LOOK)
    assert strengths(bare, "2.5") == {"logo": 1}


def test_a_logo_never_vanishes_on_the_ground_of_its_own_colour(logo):
    stage = Stage(size=Size(540, 960), box=(20, 20, 520, 940))
    card = np.asarray(draw(EndCard(headline="Glow", logo=logo), stage, LOOK).image)[..., :3]
    pink, cream = (np.array(colour) for colour in (LOOK.main, LOOK.accents[0]))
    found = np.argwhere((card == cream).all(axis=-1))
    top, left = found.min(axis=0)
    bottom, right = found.max(axis=0)
    inside = card[(top + bottom) // 2, (left + right) // 2]
    assert (inside == pink).all()  # the drop, now on cream
    other = look(["#7d9a82", "#f6ede4"])
    plain = np.asarray(draw(EndCard(headline="Glow", logo=logo), stage, other).image)[..., :3]
    assert not (plain == np.array(other.accents[0])).all(axis=-1)[:400].any()


def test_captions_go_where_they_cover_less():
    still = np.full((224, 128, 3), 200, np.uint8)
    still[120:170, 30:100] = np.random.default_rng(1).integers(0, 255, (50, 70, 3))
    size = Size(1080, 1920)
    below, above = (200, 1060, 880, 1200), (200, 420, 880, 560)
    assert detail(still, below, size) > 20 * detail(still, above, size)
    places = {"lower": [below], "upper": [above]}
    assert calmest(places, [[still]], size) == "upper"
    assert calmest(places, [[still[::-1]]], size) == "lower"
    calm = np.full_like(still, 90)
    assert calmest(places, [[calm]], size) == "lower"


HIDDEN = """
import sys
sys.modules["PIL._imagingft"] = None  # FreeType, Raqm, FriBidi and HarfBuzz as Pillow has them
from film.test_titles import LANGUAGES, LOOK, titles
from reelkiln.film.stage import Stage
from reelkiln.film.titles import lay
from reelkiln.reel import Size
import hashlib
stage = Stage(size=Size(270, 480), box=(10, 10, 260, 470))
for language in LANGUAGES:
    shown = lay(titles(None, language), stage, LOOK).shown
    print(hashlib.sha256(b"".join(one.picture.image.tobytes() for one in shown)).hexdigest())
"""


def test_titles_are_the_same_without_the_system_s_text_libraries():
    import hashlib
    import os
    from pathlib import Path

    stage = Stage(size=Size(270, 480), box=(10, 10, 260, 470))
    wanted = []
    for language in LANGUAGES:
        shown = lay(titles(None, language), stage, LOOK).shown
        drawn = b"".join(one.picture.image.tobytes() for one in shown)
        wanted.append(hashlib.sha256(drawn).hexdigest())
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.stdout.split() == wanted, done.stderr
    assert len(set(wanted)) == len(LANGUAGES)

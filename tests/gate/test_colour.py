"""CIEDE2000 against its authors' own pairs, and palettes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reelkiln.gate.colour import ciede2000, dominant, lab_of, palette_distance
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.product import foreground, open_photo, product_marks
from reelkiln.reel import Clip

from .sources import product, texture

# Sharma, Wu and Dalal 2005, table 1: two colours and their difference.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_ciede2000_is_the_published_one(one, other, expected):
    assert float(ciede2000(np.array(one), np.array(other))) == pytest.approx(expected, abs=1e-4)
    assert float(ciede2000(np.array(other), np.array(one))) == pytest.approx(expected, abs=1e-4)


def test_colours_in_lab():
    assert lab_of(("#ffffff", "#000000"))[:, 0] == pytest.approx([100, 0], abs=0.1)
    red = lab_of(("#ff0000",))[0]
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.2)


def test_a_clip_is_near_its_own_colours_and_far_from_others():
    clip = product((180, 40, 50), (225, 205, 170))
    ground = "#e1cdaa"
    near = measure(clip, Wanted(("#b42832", ground, "#a08c6e", "#8c7d64")))["palette"]
    far = measure(clip, Wanted(("#1030a0", "#20c040")))["palette"]
    assert near < 7
    assert far > 25


def test_small_colours_do_not_count():
    labs, shares = np.array([[50.0, 0, 0], [90.0, 0, 0]]), np.array([0.995, 0.005])
    assert len(dominant((labs, shares))[0]) == 1
    assert palette_distance((labs, shares), labs[:1]) == 0.0


def test_a_product_is_found_again_and_another_is_not():
    clip = product((180, 40, 50), (225, 205, 170))
    label = texture(1, 4.0)[:160, :160].astype(np.uint8)
    frames = clip.frames.copy()
    frames[:, 60:220, 300:460] = label
    marked = Clip(frames, Fraction(8))
    other = texture(2, 4.0)[:160, :160].astype(np.uint8)
    same, different = (product_marks(marked, open_photo(solid(one))) for one in (label, other))
    assert same["product_shape"] > 0.2
    assert different["product_shape"] < 0.1
    assert 0 <= different["product_colour"] <= 1
    assert product_marks(Clip(frames[:0], Fraction(8)), open_photo(solid(label))) == {}


def solid(picture: np.ndarray) -> np.ndarray:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def packshot(colour, ground=(255, 255, 255)) -> np.ndarray:
    """A plain block of colour on a plain ground."""
    picture = np.full((120, 90, 3), ground, np.uint8)
    picture[30:110, 30:60] = colour
    return solid(picture)


def test_the_ground_of_a_packshot_is_no_part_of_the_product():
    expected = np.zeros((120, 90), np.uint8)
    expected[30:110, 30:60] = 255
    assert np.array_equal(foreground(packshot((180, 40, 50))), expected)
    clear = packshot((180, 40, 50))
    clear[..., 3] = expected
    clear[..., :3][expected == 0] = (1, 200, 3)
    assert np.array_equal(foreground(clear), expected)
    plain = solid(np.full((20, 30, 3), 200, np.uint8))
    assert (foreground(plain) == 255).all()


def test_the_colours_of_a_packshot_are_found_whatever_stands_behind_the_product():
    marks = {
        name: product_marks(product((180, 40, 50), ground), open_photo(packshot(colour)))
        for name, ground, colour in (
            ("same", (225, 205, 170), (180, 40, 50)),
            ("same on white", (255, 255, 255), (180, 40, 50)),
            ("other on white", (255, 255, 255), (40, 60, 200)),
        )
    }
    assert marks["same"]["product_colour"] > 0.6
    assert marks["same on white"]["product_colour"] > 0.6
    assert marks["other on white"]["product_colour"] < 0.3

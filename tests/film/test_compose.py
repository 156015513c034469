from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from reelkiln.errors import UsageError
from reelkiln.film.compose import Shown, compose
from reelkiln.film.overlay import Picture
from reelkiln.reel import Size

SIZE = Size(24, 16)


def picture(pixels, left=4, top=6):
    return Picture(Image.fromarray(pixels), left, top, SIZE)


def plain(colour):
    return picture(np.full((5, 7, 4), colour, np.uint8))


def shown(start=0, end=100, fades=(0, 0), what=None):
    return Shown(
        picture=what or plain((10, 200, 30, 255)),
        start=Fraction(start),
        end=Fraction(end),
        fade_in=Fraction(fades[0]),
        fade_out=Fraction(fades[1]),
    )


def film(count=1, value=100):
    return [np.full((16, 24, 3), value, np.uint8) for _ in range(count)]


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, (5, 7, 4)), arrays(np.uint8, (16, 24, 3)))
def test_pictures_lie_over_frames_as_alpha_says(pixels, frame):
    (found,) = compose([frame], Fraction(24), [shown(what=picture(pixels))])
    alpha = pixels[..., 3:] / 255
    wanted = frame.astype(float)
    wanted[6:11, 4:11] = pixels[..., :3] * alpha + wanted[6:11, 4:11] * (1 - alpha)
    assert np.abs(found - wanted).max() <= 1.5
    outside = np.ones((16, 24), bool)
    outside[6:11, 4:11] = False
    assert (found[outside] == frame[outside]).all()


@given(
    st.fractions(0, 5), st.fractions(Fraction(1, 100), 5), st.fractions(0, 3), st.fractions(0, 3),
    st.fractions(-1, 12),
)  # fmt: skip
def test_strength_is_a_share_and_nothing_outside_its_time(start, length, rise, fall, at):
    one = shown(start, start + length, (rise, fall))
    strength = one.strength(at)
    assert 0 <= strength <= 1
    if not start <= at < start + length:
        assert strength == 0
    elif start + rise <= at <= start + length - fall:
        assert strength == 1


def test_it_fades_in_and_out():
    frames = list(compose(film(8), Fraction(8), [shown(0, 1, (Fraction(1, 4), Fraction(1, 2)))]))
    green = [int(frame[8, 8, 1]) for frame in frames]
    assert green == pytest.approx([125, 175, 200, 200, 187.5, 162.5, 137.5, 112.5], abs=0.6)


@pytest.mark.parametrize("alpha", [255, 254])
def test_a_picture_without_clear_parts_fades_like_any_other(alpha):
    what = plain((10, 200, 30, alpha))
    one = shown(0, 1, (Fraction(1), 0), what)
    frames = list(compose(film(4), Fraction(4), [one]))
    assert [int(frame[8, 8, 1]) for frame in frames] == pytest.approx(
        [112.5, 137.5, 162.5, 187.5], abs=1
    )


def test_the_span_is_held_to_the_frame():
    frames = list(compose(film(6), Fraction(2), [shown(1, 2)]))
    assert [bool((frame != 100).any()) for frame in frames] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_frames_are_not_changed_in_place_and_uncovered_ones_not_copied():
    given_frames = film(2)
    found = list(compose(given_frames, Fraction(1), [shown(1, 2)]))
    assert found[0] is given_frames[0]
    assert found[1] is not given_frames[1] and (given_frames[1] == 100).all()


def test_later_pictures_lie_over_earlier_ones():
    red, blue = plain((255, 0, 0, 255)), plain((0, 0, 255, 255))
    (found,) = compose(film(), Fraction(1), [shown(what=red), shown(what=blue)])
    assert found[8, 8].tolist() == [0, 0, 255]


def test_it_is_a_stream():
    def endless():
        while True:
            yield film()[0]

    assert next(compose(endless(), Fraction(24), [shown()])).shape == (16, 24, 3)


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(UsageError, match="a frame is 8x8, its overlay was drawn for 24x16"):
        list(compose([np.zeros((8, 8, 3), np.uint8)], Fraction(1), [shown()]))


@pytest.mark.parametrize(("start", "end", "fade"), [(1, 1, 0), (2, 1, 0), (-1, 1, 0), (0, 1, -1)])
def test_impossible_times_are_refused(start, end, fade):
    with pytest.raises(UsageError):
        shown(start, end, (fade, 0))

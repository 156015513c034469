"""How near two clips are."""

from fractions import Fraction

import numpy as np
import pytest

from reelkiln.gate.alike import EQUAL, Likeness, likeness
from reelkiln.reel import Clip


def clip(frames: np.ndarray) -> Clip:
    return Clip(frames, Fraction(8), 1.0)


GRAY = np.full((3, 16, 16, 3), 100, np.uint8)
NOISE = np.random.default_rng(7).integers(0, 256, (2, 32, 24, 3), dtype=np.uint8)


def alike(one: np.ndarray, other: np.ndarray) -> Likeness:
    found = likeness([clip(one)], [clip(other)])
    assert found is not None
    return found


def test_one_level_everywhere_is_48_db_and_equal_clips_are_equal():
    assert alike(GRAY, GRAY + 1).psnr == pytest.approx(48.13, abs=0.01)
    assert alike(NOISE, NOISE) == Likeness(EQUAL, pytest.approx(1.0))
    assert alike(GRAY * 0, GRAY * 0 + 255).psnr == pytest.approx(0.0)


def test_flat_pictures_are_as_similar_as_their_light():
    # Without structure the formula is (2ab + C1) / (a² + b² + C1), C1 = (0.01 · 255)².
    c1 = 2.55**2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert alike(GRAY, GRAY + 50).ssim == pytest.approx(expected, abs=1e-6)


def test_similarity_is_even_handed_and_falls_with_the_damage():
    rng = np.random.default_rng(1)
    smooth = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 7, (2, 32, 24, 3))
    damaged = [
        np.clip(smooth + rng.normal(0, spread, smooth.shape), 0, 255).astype(np.uint8)
        for spread in (2, 8, 32)
    ]
    figures = [alike(smooth, each).ssim for each in damaged]
    assert figures == sorted(figures, reverse=True)
    assert -1 <= figures[-1] < figures[0] < 1
    assert alike(damaged[1], smooth).ssim == pytest.approx(figures[1])
    assert alike(NOISE, 255 - NOISE).ssim < 0  # the structure of a negative


def test_a_stream_in_pieces_is_one_clip():
    other = GRAY.copy()
    other[2] += 10
    whole = likeness([clip(GRAY)], [clip(other)])
    pieces = likeness([clip(GRAY[:1]), clip(GRAY[1:])], [clip(other[:1]), clip(other[1:])])
    assert pieces == whole


def test_other_sizes_or_lengths_cannot_be_compared():
    assert likeness([clip(GRAY)], [clip(GRAY[:2])]) is None
    assert likeness([clip(GRAY)], [clip(GRAY), clip(GRAY)]) is None
    assert likeness([clip(GRAY)], [clip(GRAY[:, :12])]) is None
    assert likeness([clip(GRAY[:, :8])], [clip(GRAY[:, :8])]) is None  # smaller than a window
    assert likeness([], []) is None

"""How near two clips are."""

from fractions import Fraction

import numpy as np
import pytest

from reelkiln.gate.alike import EQUAL, psnr
from reelkiln.reel import Clip


def clip(frames: np.ndarray) -> Clip:
    return Clip(frames, Fraction(8), 1.0)


GRAY = np.full((3, 16, 16, 3), 100, np.uint8)


def test_one_level_everywhere_is_48_db_and_equal_clips_are_equal():
    assert psnr([clip(GRAY)], [clip(GRAY + 1)]) == pytest.approx(48.13, abs=0.01)
    assert psnr([clip(GRAY)], [clip(GRAY)]) == EQUAL
    assert psnr([clip(GRAY * 0)], [clip(GRAY * 0 + 255)]) == pytest.approx(0.0)


def test_a_stream_in_pieces_is_one_clip():
    other = GRAY.copy()
    other[2] += 10
    whole = psnr([clip(GRAY)], [clip(other)])
    assert psnr([clip(GRAY[:1]), clip(GRAY[1:])], [clip(other[:1]), clip(other[1:])]) == whole


def test_other_sizes_or_lengths_cannot_be_compared():
    assert psnr([clip(GRAY)], [clip(GRAY[:2])]) is None
    assert psnr([clip(GRAY)], [clip(GRAY), clip(GRAY)]) is None
    assert psnr([clip(GRAY)], [clip(GRAY[:, :8])]) is None
    assert psnr([], []) is None

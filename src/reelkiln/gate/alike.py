"""How near two clips are, picture by picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from reelkiln.reel import Clip

__all__ = ["Likeness", "likeness"]

EQUAL = 99.0
"""What is said, in dB, of clips that do not differ at all."""

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The window and the two constants of Wang, Bovik, Sheikh and Simoncelli, "Image quality
assessment", IEEE Transactions on Image Processing 13 (4), 2004."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near two clips are: `psnr` in dB, at most 99 (equal); `ssim` -1 to 1 (equal).

    Both say how different pictures are, not how good.
    """

    psnr: float
    ssim: float


def likeness(one: Iterable[Clip], other: Iterable[Clip]) -> Likeness | None:
    """The peak signal-to-noise ratio and the structural similarity of two clips of equal shape.

    PSNR is 10 log10(255² / mean squared difference) over all values of all frames; SSIM the mean
    over all frames of that of their luma, in windows of 11 pixels that lie wholly inside.

    Returns:
        None where the clips differ in size, in length, or in how they are cut into pieces, or are
        smaller than a window.
    """
    total, count, similar = 0.0, 0, []
    for left, right in zip_longest(one, other):
        if left is None or right is None or left.frames.shape != right.frames.shape:
            return None
        if min(left.frames.shape[1:3]) < _WINDOW:
            return None
        gap = left.frames.astype(np.float32) - right.frames
        total += float(np.square(gap).sum(dtype=np.float64))
        count += gap.size
        similar += [_ssim(*pair) for pair in zip(left.frames, right.frames, strict=True)]
    if not similar:
        return None
    psnr = EQUAL if not total else min(EQUAL, 10 * math.log10(255**2 * count / total))
    return Likeness(psnr, sum(similar) / len(similar))


def _ssim(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The similarity of two frames, uint8 (height, width, 3), by their luma."""
    x, y = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64) for frame in (one, other))
    mean_x, mean_y = _smooth(x), _smooth(y)
    spread_x, spread_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    shared = _smooth(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    form = (2 * shared + _C2) / (spread_x + spread_y + _C2)
    return float((light * form).mean())


def _smooth(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian mean around each pixel whose window lies inside the picture."""
    edge = _WINDOW // 2
    smooth: NDArray[np.float64] = cv2.GaussianBlur(picture, (_WINDOW, _WINDOW), _SIGMA)
    return smooth[edge:-edge, edge:-edge]

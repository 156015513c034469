"""How near two clips are, picture by picture."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reelkiln.reel import Clip

__all__ = ["psnr"]

EQUAL = 99.0
"""What is said, in dB, of clips that do not differ at all."""


def psnr(one: Iterable[Clip], other: Iterable[Clip]) -> float | None:
    """Peak signal-to-noise ratio of two clips of equal shape in dB, at most 99 (equal).

    10 log10(255² / mean squared difference) over all values of all frames. None where the clips
    differ in size, in length, or in how they are cut into pieces.
    """
    total, count = 0.0, 0
    for left, right in zip_longest(one, other):
        if left is None or right is None or left.frames.shape != right.frames.shape:
            return None
        gap = left.frames.astype(np.float32) - right.frames
        total += float(np.square(gap).sum(dtype=np.float64))
        count += gap.size
    if not count:
        return None
    return EQUAL if not total else min(EQUAL, 10 * math.log10(255**2 * count / total))

"""One frame, looked at once: grey, middle-sized and small, so that no measure converts it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane: TypeAlias = NDArray[np.uint8]
    Field: TypeAlias = NDArray[np.float32]

__all__ = ["MID_SIDE", "SMALL_SIDE", "Trace", "View", "peak", "touching", "view"]

MID_SIDE = 384
"""Longer side, in pixels, of the picture in which lines and edges are sought."""

SMALL_SIDE = 256
"""Longer side, in pixels, of the picture in which motion is sought (VBench scales its limits to
a short side of 256; a sixth of that is enough for optical flow at 16 frames in 0.1 s)."""

_LEAST_SIDE = 32
"""Optical flow needs a few patches in each direction."""

Trace: TypeAlias = list[float]
"""One number per frame, or per pair of neighbouring frames, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A frame and what is derived from it.

    `rgb` is uint8 (height, width, 3); `grey` is its BT.601 luma, uint8, at full size; `mid` and
    `small` are `grey` with a longer side of at most `MID_SIDE` and `SMALL_SIDE` pixels, both sides
    at least 32.
    """

    rgb: Plane
    grey: Plane
    mid: Plane
    small: Plane


def view(frame: Plane) -> View:
    """Derive a View from one RGB frame, uint8 (height, width, 3)."""
    rgb = np.ascontiguousarray(frame)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    mid = _within(grey, MID_SIDE)
    return View(rgb, grey, mid, _within(mid, SMALL_SIDE))


def _within(plane: Plane, side: int) -> Plane:
    height, width = plane.shape
    scale = min(1.0, side / max(height, width))
    target = (max(_LEAST_SIDE, round(width * scale)), max(_LEAST_SIDE, round(height * scale)))
    if target == (width, height):
        return plane
    # Down to a half, the four nearest pixels hold all there is, and take a fifth of the time.
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    shrunk: Plane = cv2.resize(plane, target, interpolation=how)
    return shrunk


def touching(mask: Plane) -> NDArray[np.bool_]:
    """Which pixels of a mask hang together with the picture's edge (eight neighbours).

    `mask` is uint8 (height, width), not 0 where set.
    """
    _, parts = cv2.connectedComponents(mask)
    rims = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    reached: NDArray[np.bool_] = (mask > 0) & np.isin(parts, rims)
    return reached


def peak(values: Trace) -> float:
    """The largest value, 0 for none."""
    return max(values, default=0.0)

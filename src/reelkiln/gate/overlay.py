"""Overlays: what stays where it is while the scene moves under it, such as a ghost watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from reelkiln.gate.view import Field, Plane, View

__all__ = ["Overlay", "ghost"]

_BLOCK = 8
"""Side of the blocks, in pixels of the middle picture, that are called static or not."""


def gradients(plane: Plane) -> Field:
    """Horizontal and vertical slopes of a grey picture in levels a pixel, float32 (h, w, 2)."""
    sides = [cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)]
    slopes: Field = np.stack(sides, axis=-1) * np.float32(1 / 8)
    return slopes


def ghost(mean: Field, strength: Field) -> tuple[float, float]:
    """Share of static texture inside the clip, and the energy of its strongest cluster.

    `mean` is float32 (height, width, 2), the mean over time of the gradients; `strength` is the
    mean of their lengths, (height, width), both in levels per pixel. Where texture moves, gradients
    of all directions cancel; under an overlay they don't (after Dekel et al., "On the
    effectiveness of visible watermarks", CVPR 2017, who take the median over many pictures).

    Returns:
        `static`: share (0 to 1) of textured blocks whose gradients agree over time. Near 1 the
        camera is still and time says nothing about overlays.
        `energy`: the strongest mean static gradient of a window a quarter as wide and an eighth as
        high as the frame, over the median static gradient of all windows (plus 0.3 levels).
    """
    agreed = np.linalg.norm(mean, axis=2)
    height, width = strength.shape
    blocks = (max(1, width // _BLOCK), max(1, height // _BLOCK))
    still = cv2.resize(agreed, blocks, interpolation=cv2.INTER_AREA)
    all_of_it = cv2.resize(strength, blocks, interpolation=cv2.INTER_AREA)
    textured = all_of_it > 1.0
    share = float((still[textured] > 0.7 * all_of_it[textured]).mean()) if textured.any() else 1.0
    window = (max(1, blocks[0] // 4), max(1, blocks[1] // 8))
    floor = still * (still > 0.7 * all_of_it)
    clusters = cv2.blur(floor, window, borderType=cv2.BORDER_REFLECT)
    return share, float(clusters.max() / (np.median(clusters) + 0.3))


class Overlay:
    """Gathers gradients over a stream."""

    def __init__(self) -> None:
        self._sum: Field | None = None
        self._strength: Field | None = None
        self._count = 0

    def see(self, now: View) -> None:
        """Take in the next frame."""
        slope = gradients(now.mid)
        length: Field = cv2.magnitude(slope[..., 0], slope[..., 1])
        self._sum = slope if self._sum is None else self._sum + slope
        self._strength = length if self._strength is None else self._strength + length
        self._count += 1

    def marks(self) -> dict[str, float]:
        """`static_share` and `ghost` of the whole stream (see `ghost`); nothing under 4 seen."""
        if self._sum is None or self._strength is None or self._count < 4:
            return {}
        share = np.float32(1 / self._count)
        static, energy = ghost(self._sum * share, self._strength * share)
        return {"static_share": static, "ghost": energy}

"""The product in the picture against a photo of it. Weak without a network that knows things: marks
to compare takes by, with no fixed limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from reelkiln.gate.view import touching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelkiln.gate.view import Field, Plane
    from reelkiln.reel import Clip

__all__ = ["Photo", "foreground", "open_photo", "product_marks"]

_SIDE = 320
_RATIO = 0.8
"""Lowe's ratio: the best match must be so much nearer than the second (IJCV 2004)."""

_GROUND = 12
"""Levels by which the ground of a packshot differs from its border at most."""

_POINTS = 8
"""Points and matches that say anything: a homography needs four."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A product photo, looked at once: its colours (16 x 16 shares of a and b in CIELAB that sum to
    1), its SIFT points and their descriptions."""

    shades: Field
    points: Sequence[Any]
    words: Plane | None


def open_photo(picture: Plane) -> Photo:
    """Look at a photo, uint8 RGBA (height, width, 4). What is see-through or ground is left out."""
    fitted = _fit(picture)
    rgb, mask = np.ascontiguousarray(fitted[..., :3]), foreground(fitted)
    points, words = _sift().detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), mask)
    return Photo(_shades(rgb, mask), points, words)


def foreground(picture: Plane) -> Plane:
    """Where the product is: uint8 (height, width), 255 there and 0 elsewhere.

    `picture` is uint8 RGBA. See-through pixels are ground, and so is, where at least 85 % of the
    border is of one colour within 12 levels, what hangs together with the border in that colour
    (the white of a packshot). A photo that would be left empty counts whole.
    """
    rgb, solid = np.ascontiguousarray(picture[..., :3]), (picture[..., 3] > 127)
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).astype(int)
    colour = np.median(border, axis=0)
    if (np.abs(border - colour).max(axis=1) <= _GROUND).mean() >= 0.85:
        alike = (np.abs(rgb.astype(int) - colour).max(axis=2) <= _GROUND).astype(np.uint8)
        solid &= ~touching(alike)
    mask: Plane = np.where(solid, 255, 0).astype(np.uint8)
    return mask if mask.any() else np.full_like(mask, 255)


def product_marks(clip: Clip, photo: Photo) -> dict[str, float]:
    """How much of a product photo is found again, best of three frames; empty without frames.

    `product_colour` is the share (0 to 1) of the photo's colours (histogram of a and b in CIELAB,
    16 x 16, the product alone) that the frame holds: the sum over colours of the smaller of the
    photo's share and the frame's share times the frame's area over the product's least area, a
    twelfth (after Swain and Ballard, IJCV 1991). `product_shape` is the share (0 to 1) of the
    photo's SIFT points (Lowe, IJCV 2004) found in the frame at places that one homography explains
    (RANSAC).
    """
    if not len(clip.frames):
        return {}
    places = sorted({0, len(clip.frames) // 2, len(clip.frames) - 1})
    frames = [_fit(clip.frames[at]) for at in places]
    return {
        "product_colour": max(_common(photo.shades, frame) for frame in frames),
        "product_shape": max(_shape(photo, frame) for frame in frames),
    }


_LEAST_AREA = 12
"""A product takes a twelfth of the frame at least, or nobody sees it."""


def _common(shades: Field, frame: Plane) -> float:
    held = _shades(frame, None) * _LEAST_AREA
    return float(np.minimum(shades, held).sum())


def _fit(picture: Plane) -> Plane:
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    fitted: Plane = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return fitted


def _shades(picture: Plane, mask: Plane | None) -> Field:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [1, 2], mask, [16, 16], [0, 256, 0, 256])
    share: Field = counts / counts.sum()
    return share


def _sift() -> Any:
    return cv2.SIFT.create(nfeatures=500)


def _shape(photo: Photo, frame: Plane) -> float:
    there, other = _sift().detectAndCompute(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), None)
    if photo.words is None or other is None or min(len(photo.words), len(other)) < _POINTS:
        return 0.0
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(photo.words, other, k=2)
    good = [
        pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance
    ]
    if len(good) < _POINTS:
        return 0.0
    start = np.array([photo.points[match.queryIdx].pt for match in good], np.float32)
    end = np.array([there[match.trainIdx].pt for match in good], np.float32)
    _, inliers = cv2.findHomography(start, end, cv2.RANSAC, 5.0)
    return 0.0 if inliers is None else float(inliers.sum()) / len(photo.points)

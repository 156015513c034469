"""The product in the picture against a photo of it. Weak without a network that knows things: a
mark to compare takes by, with no fixed limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from reelkiln.gate.view import Field, Plane
    from reelkiln.reel import Clip

__all__ = ["product_marks"]

_SIDE = 320
_RATIO = 0.8
"""Lowe's ratio: the best match must be so much nearer than the second (IJCV 2004)."""


def product_marks(clip: Clip, photo: Plane) -> dict[str, float]:
    """How much of a product photo is found again, best of three frames; empty without frames.

    `photo` is uint8 RGB (height, width, 3). `product_colour` is the share (0 to 1) of the photo's
    colours (histogram of a and b in CIELAB, 16 x 16) that the frame holds (Swain and Ballard,
    IJCV 1991). `product_shape` is the share (0 to 1) of the photo's SIFT points (Lowe,
    IJCV 2004) found in the frame at places that one homography explains (RANSAC).
    """
    if not len(clip.frames):
        return {}
    places = sorted({0, len(clip.frames) // 2, len(clip.frames) - 1})
    frames = [_fit(clip.frames[at]) for at in places]
    picture = _fit(photo)
    shades = _shades(picture)
    colour = max(float(np.minimum(shades, _shades(frame)).sum()) for frame in frames)
    return {"product_colour": colour, "product_shape": max(_shape(picture, one) for one in frames)}


def _fit(picture: Plane) -> Plane:
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    fitted: Plane = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return fitted


def _shades(picture: Plane) -> Field:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [1, 2], None, [16, 16], [0, 256, 0, 256])
    share: Field = counts / counts.sum()
    return share


def _shape(photo: Plane, frame: Plane) -> float:
    finder = cv2.SIFT.create(nfeatures=500)
    points, words = finder.detectAndCompute(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), None)
    there, other = finder.detectAndCompute(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), None)
    if words is None or other is None or len(words) < 8 or len(other) < 8:
        return 0.0
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words, other, k=2)
    good = [
        pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance
    ]
    if len(good) < 8:
        return 0.0
    start = np.array([points[match.queryIdx].pt for match in good], np.float32)
    end = np.array([there[match.trainIdx].pt for match in good], np.float32)
    _, inliers = cv2.findHomography(start, end, cv2.RANSAC, 5.0)
    return 0.0 if inliers is None else float(inliers.sum()) / len(points)

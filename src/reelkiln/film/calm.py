"""Where words cover least of what is to be seen: beside the product, not on it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from reelkiln.film.conform import cover
from reelkiln.reel import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.reel import Frames

    Box = tuple[int, int, int, int]
    Sights = NDArray[np.float32]

__all__ = ["calmest", "covered", "sights"]

CLEARLY, HARDLY = 0.8, 0.02
"""A place must cover so many times as much at most, and so much less of all that is to be seen, to
be taken instead of the one before it."""

_SIDE = 128
"""Pixels of the shorter side of a frame that is looked at: a product is found in fewer."""
_MARGIN = 12
"""The part of a frame's width, at its left and its right, that shows the backdrop."""
_NEAR, _FAR = 6.0, 30.0
"""Levels of CIELAB up to which a colour is backdrop, and from which on it is not at all: 2.3 are
just to be seen (Mahy et al., 1994), and a wall that light falls on differs by a few more."""
_STEP = 32.0
"""Levels of lightness (0 to 100) between neighbours that count as half a product."""
_LEAST = 0.02
"""A frame with less to be seen than this share of it shows nothing that could be covered."""


def calmest(
    places: "Mapping[str, Sequence[Box]]", stills: "Sequence[Sequence[Frames]]", size: Size
) -> str:
    """The place whose boxes cover least; the first one unless another is clearly better.

    Of all that is to be seen a place must cover less, and less than others for its size: where all
    is alike, a smaller box is no better.

    Args:
        places: for each place one box (left, top, right, bottom, pixels of `size`) a shot.
        stills: for each shot frames (uint8, height x width x 3) as they were rendered.
        size: of the delivery, for which the frames are cropped around their middle and scaled.
    """
    seen = [[sights(still, size) for still in shot] for shot in stills]
    best, least, dense = "", float("inf"), float("inf")
    for name, boxes in places.items():
        pairs = zip(boxes, seen, strict=True)
        share = _mean(covered(one, box, size) for box, shot in pairs for one in shot)
        density = share / _mean(_area(box, size) for box in boxes)
        if not best or (share < least - HARDLY and density < CLEARLY * dense):
            best, least, dense = name, share, density
    return best


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def covered(seen: "Sights", box: "Box", size: Size) -> float:
    """The share (0 to 1) of what is to be seen that lies under a box of `size`."""
    scale = seen.shape[1] / size.width
    left, top, right, bottom = (round(edge * scale) for edge in box)
    whole = max(float(seen.sum()), _LEAST * seen.size)
    return float(seen[top:bottom, left:right].sum()) / whole


def _area(box: "Box", size: Size) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top) / size.pixels


def sights(still: "Frames", size: Size) -> "Sights":
    """How much there is to be seen in each pixel, 0 (backdrop) to 1, of the frame as delivered, at
    most 128 pixels on its shorter side.

    What stands there differs from the backdrop, which a row shows at its left and right edges, and
    so does what it encloses: a white label on a bottle in front of a white wall. (That the edges
    are backdrop is the boundary prior of Wei et al., ECCV 2012; enclosed areas are filled by
    reconstruction, Vincent, IEEE TIP 1993.) Detail counts half as much, wherever it is.
    """
    lab = cv2.cvtColor(_delivered(still, size).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    margin = max(1, lab.shape[1] // _MARGIN)
    left, right = (np.median(part, axis=1) for part in (lab[:, :margin], lab[:, -margin:]))
    across = np.linspace(0, 1, lab.shape[1], dtype=np.float32)[None, :, None]
    between = left[:, None] * (1 - across) + right[:, None] * across
    grounds = (left[:, None], right[:, None], between)
    far = np.minimum.reduce([np.linalg.norm(lab - ground, axis=2) for ground in grounds])
    stands = np.clip((far - _NEAR) / (_FAR - _NEAR), 0, 1).astype(np.float32)
    return np.maximum(_filled(stands), _detail(lab[..., 0]))


def _delivered(still: "Frames", size: Size) -> "Frames":
    """What is left of a frame once it is cropped to the shape of `size`, made smaller."""
    crop = cover(Size(still.shape[1], still.shape[0]), size)
    kept = still[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    scale = min(1.0, _SIDE / min(crop.width, crop.height))
    small = (max(1, round(crop.width * scale)), max(1, round(crop.height * scale)))
    fitted: Frames = cv2.resize(np.ascontiguousarray(kept), small, interpolation=cv2.INTER_AREA)
    return fitted


def _filled(values: "Sights") -> "Sights":
    """Each pixel as high as the lowest wall around it: what every way to the frame's edge meets."""
    filled = np.ones_like(values)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        filled[edge] = values[edge]
    kernel = np.ones((3, 3), np.uint8)
    while True:
        lower: Sights = np.maximum(cv2.erode(filled, kernel), values)
        if np.array_equal(lower, filled):
            return filled
        filled = lower


def _detail(light: "Sights") -> "Sights":
    """Half of how much the lightness (0 to 100) of a pixel differs from its neighbours', 0 to 0.5:
    of those to its right and below."""
    steps = [
        np.abs(np.diff(light, axis=axis, append=light.take([-1], axis=axis))) for axis in (0, 1)
    ]
    found: Sights = 0.5 * np.clip(np.maximum(*steps) / _STEP, 0, 1).astype(np.float32)
    return found

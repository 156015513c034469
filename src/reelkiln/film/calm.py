"""Where words cover least of what is to be seen: beside the product, not on it. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.film.conform import cover
from reelkiln.reel import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.reel import Frames

    Box = tuple[int, int, int, int]

__all__ = ["calmest", "detail"]

CLEARLY = 0.8
"""A place must be so much calmer than the one before it in the list to be taken instead."""


def calmest(
    places: "Mapping[str, Sequence[Box]]", stills: "Sequence[Sequence[Frames]]", size: Size
) -> str:
    """The place whose boxes cover least detail; the first one unless another is clearly calmer.

    Args:
        places: for each place one box (left, top, right, bottom, pixels of `size`) a shot.
        stills: for each shot frames (uint8, height x width x 3) as they were rendered.
        size: of the delivery, for which the frames are cropped around their middle and scaled.
    """
    best, least = "", float("inf")
    for name, boxes in places.items():
        covered = sum(
            detail(still, box, size)
            for box, seen in zip(boxes, stills, strict=True)
            for still in seen
        )
        if not best or covered < CLEARLY * least:
            best, least = name, covered
    return best


def detail(still: "Frames", box: "Box", size: Size) -> float:
    """The mean step between neighbouring pixels of the luma (0 to 255) under a box."""
    crop = cover(Size(still.shape[1], still.shape[0]), size)
    scale = crop.width / size.width
    left, top, right, bottom = (round(edge * scale) for edge in box)
    seen: NDArray[np.float32] = still[
        crop.top + top : crop.top + bottom, crop.left + left : crop.left + right
    ].astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    steps = [np.abs(np.diff(seen, axis=axis)) for axis in (0, 1)]
    return float(sum(step.mean() for step in steps if step.size))

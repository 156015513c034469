"""What stays in its place while the scene moves, as a picture to be read: a faint watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelkiln.gate.view import Field, Plane

    Steps = NDArray[np.int16]

__all__ = ["integrated", "staying"]

_LEAST_FRAMES = 8

_STANDS = 2 / 3
"""Share of all steps that stays from which the scene itself stands still."""


def staying(frames: Sequence[Plane]) -> Plane | None:
    """The grey picture of what all frames have in common: uint8 (height, width), 128 being nothing.

    Of each pixel's steps to its neighbours, right and below, seven eighths of the frames must have
    the same sign; the least that seven eighths have is what stays. The picture with just these
    steps is what stays of the film (after Dekel et al., "On the effectiveness of visible
    watermarks", CVPR 2017, who take the median of gradients over many pictures that bear one mark).
    In a mean over time a bright edge that passes leaves a trace that hides a faint mark; here it
    leaves none.

    `frames` are RGB, uint8 (height, width, 3), of one size. None under 8 frames, and where over two
    thirds of all steps stay: then the scene stands still, and time cannot tell it from a mark.
    """
    if len(frames) < _LEAST_FRAMES:
        return None
    greys = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    least, total = zip(*(_least(greys, axis) for axis in (1, 2)), strict=True)
    if sum(float(np.abs(steps).sum()) for steps in least) > _STANDS * max(1.0, sum(total)):
        return None
    picture = integrated(*least)
    # What is far wider than a letter is left from steps that do not fit together.
    picture -= cv2.GaussianBlur(picture, (0, 0), min(picture.shape) / 8)
    reach = max(8.0, float(np.percentile(np.abs(picture), 99.5)))
    shown: Plane = np.clip(128 + 110 / reach * picture, 0, 255).astype(np.uint8)
    return shown


def _least(greys: Plane, axis: int) -> tuple[Field, float]:
    """The least step along an axis that seven eighths of the frames have, float32 (height, width),
    0 at the far end; and the sum of the mean lengths of all steps."""
    wide = greys.astype(np.int16)
    steps: Steps = wide[:, 1:] - wide[:, :-1] if axis == 1 else wide[..., 1:] - wide[..., :-1]
    few = len(greys) // 8
    ends = np.partition(steps, (few, len(greys) - 1 - few), axis=0)
    low, high = ends[few], ends[len(greys) - 1 - few]
    least = np.maximum(low, 0) + np.minimum(high, 0)
    room = [(0, 0), (0, 0)]
    room[axis - 1] = (0, 1)
    return np.pad(least, room).astype(np.float32), float(np.abs(steps).mean(axis=0).sum())


def integrated(down: Field, across: Field) -> Field:
    """The picture, mean 0, whose steps are nearest to the given ones, float32 (height, width).

    `down[y, x]` is the step to (y + 1, x), `across[y, x]` that to (y, x + 1); those at the far ends
    are 0. Solves Poisson's equation with cosines (least squares, free at the edges).
    """
    height, width = down.shape
    # OpenCV's transform takes even sides alone: the last line and column are said to go on.
    room = (0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    down, across = (cv2.copyMakeBorder(steps, *room) for steps in (down, across))
    bend = down + across
    bend[1:] -= down[:-1]
    bend[:, 1:] -= across[:, :-1]
    rows, columns = (2 * np.cos(np.pi * np.arange(side) / side) - 2 for side in bend.shape)
    factors = (rows[:, None] + columns).astype(np.float32)
    factors[0, 0] = np.inf
    picture: Field = cv2.idct(cv2.dct(bend) / factors)[:height, :width]
    return picture

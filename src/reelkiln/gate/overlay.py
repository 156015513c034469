"""Overlays: what stays where it is while the scene moves under it, such as a ghost watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from reelkiln.gate.view import Field, Plane, View

__all__ = ["Overlay", "ghost", "lasting", "repeats"]

_BLOCK = 8
"""Side of the blocks, in pixels of the middle picture, that are called static or not."""

_AGREE = 0.7
"""How much of its length a gradient keeps in the mean over time where it is called static."""

_STILL = 0.75
"""Share of static texture from which time says nothing about overlays: the camera stands."""

_TURN, _LEAST_FRAMES = 8, 12

_LASTS, _SAME = 0.6, 0.15
"""How much of its length a gradient keeps where it may be an overlay's, and how alike both halves
are at least. Set on the clips of benchmarks/gate_clips.py, as the limit was."""


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
    agree = still[textured] > _AGREE * all_of_it[textured]
    share = float(agree.mean()) if agree.size else 1.0
    window = (max(1, blocks[0] // 4), max(1, blocks[1] // 8))
    floor = still * (still > _AGREE * all_of_it)
    clusters = cv2.blur(floor, window, borderType=cv2.BORDER_REFLECT)
    return share, float(clusters.max() / (np.median(clusters) + 0.3))


def repeats(halves: tuple[Field, Field]) -> float:
    """How plainly what stays in its place repeats itself across the frame, 0 (not) to 1.

    `halves` are what `lasting` says of two separate runs of frames. Stock libraries lay their mark
    over the whole picture again and again, and models that learnt from their previews copy that.
    Such a pattern meets itself when it is shifted by its period: the correlation of the halves has
    a peak there, far from no shift, that stands out from all around it. A single still thing has
    none, and a straight edge has a ridge, not a peak. Returned is the highest peak less the highest
    value on a ring around it, 1 being what both halves hold; 0 where they do not hold the same (a
    correlation under 0.15 without a shift): then it did not last. Ours.
    """
    one, two = halves
    energy = float(np.sqrt((one**2).sum() * (two**2).sum()))
    if float((one * two).sum()) < _SAME * max(energy, 1e-6):
        return 0.0
    near = cv2.GaussianBlur(_correlation(one, two) / energy, (0, 0), 1.0)
    height, width = near.shape
    around = cv2.dilate(near, _ring(max(3, width // 40)))
    stands_out = near - np.maximum(around, 0)
    least = width // 12
    middle = (
        np.s_[height // 2 - least : height // 2 + least + 1],
        np.s_[width // 2 - least : width // 2 + least + 1],
    )
    stands_out[middle] = 0
    return float(np.clip(stands_out.max(initial=0.0), 0, 1))


def lasting(mean: Field, strength: Field) -> Field:
    """Where and which way gradients last: (height, width, 2), of length 0 to 0.4.

    The mean over time of the gradients over the mean of their lengths (plus half a level) is 1
    long where nothing moves; of that, what is over 0.6. Strong and faint texture count alike.
    """
    ratio = mean / (strength + np.float32(0.5))[..., None]
    length = np.linalg.norm(ratio, axis=2, keepdims=True)
    lasts: Field = ratio * np.maximum(0, length - _LASTS) / np.maximum(length, 1e-6)
    return lasts.astype(np.float32)


def _correlation(one: Field, two: Field) -> Field:
    """The correlation of two fields for shifts of up to half the frame either way, the middle being
    no shift; what lies on each other is a part of the frame, and is counted as if it were all."""
    height, width = one.shape[:2]
    down, right = (cv2.getOptimalDFTSize(2 * side) - side for side in (height, width))
    crossed = np.zeros((height + down, width + right), np.float32)
    for axis in (0, 1):
        first, second = (
            cv2.dft(cv2.copyMakeBorder(half[..., axis], 0, down, 0, right, cv2.BORDER_CONSTANT))
            for half in (one, two)
        )
        crossed += cv2.mulSpectrums(first, second, 0, conjB=True)
    whole = cv2.dft(crossed, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    down, across = height // 2, width // 2
    near = np.roll(whole, (down, across), (0, 1))[: 2 * down + 1, : 2 * across + 1]
    rows = height - np.abs(np.arange(-down, down + 1, dtype=np.float32))
    columns = width - np.abs(np.arange(-across, across + 1, dtype=np.float32))
    counted: Field = (near * np.float32(height * width) / np.outer(rows, columns)).astype(
        np.float32
    )
    return counted


def _ring(radius: int) -> Plane:
    """A circle's line of 1 in a square of 0."""
    square = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
    circle: Plane = cv2.circle(square, (radius, radius), radius, 1)
    return circle


class _Sums:
    """Sums over the frames of one half."""

    def __init__(self) -> None:
        self.count = 0
        self._slope: Field = np.zeros(0, np.float32)
        self._length: Field = np.zeros(0, np.float32)

    def add(self, slope: Field) -> None:
        """Take in the gradients of a frame."""
        length: Field = cv2.magnitude(slope[..., 0], slope[..., 1])
        self._slope = slope + self._slope if self.count else slope
        self._length = length + self._length if self.count else length
        self.count += 1

    def means(self) -> tuple[Field, Field]:
        """The mean gradient, and the mean of the gradients' lengths; something was seen."""
        share = np.float32(1 / self.count)
        return self._slope * share, self._length * share


class Overlay:
    """Gathers gradients over a stream, in two halves that take turns of eight frames."""

    def __init__(self) -> None:
        self._halves = (_Sums(), _Sums())

    def see(self, now: View) -> None:
        """Take in the next frame."""
        seen = sum(half.count for half in self._halves)
        self._halves[seen // _TURN % 2].add(gradients(now.mid))

    def marks(self) -> dict[str, float]:
        """`static_share` and `ghost` of the whole stream (see `ghost`); nothing under 4 seen.

        `ghost_repeats` (see `repeats`) only of 12 frames and more, and only where the scene moves:
        of a still one, time does not tell what is scene and what lies over it.
        """
        seen = sum(half.count for half in self._halves)
        if seen < 4:
            return {}
        halves = [half for half in self._halves if half.count]
        mean, strength = (
            np.average([half.means()[which] for half in halves], 0, [half.count for half in halves])
            for which in (0, 1)
        )
        static, energy = ghost(mean.astype(np.float32), strength.astype(np.float32))
        marks = {"static_share": static, "ghost": energy}
        if seen >= _LEAST_FRAMES and static <= _STILL:
            one, two = (lasting(*half.means()) for half in halves)
            marks["ghost_repeats"] = repeats((one, two))
        return marks

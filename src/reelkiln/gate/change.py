"""Change: how much each frame differs from the one before, without looking for motion."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Field, Plane, Trace, View

    Places = NDArray[np.int64]

__all__ = ["Change", "difference", "longest_run", "overlap", "stir"]

STILL = 5.0
"""`stir` under this many levels is a still pair: what coding alone does to a held frame (up to 4
from key frame to key frame; the least of any clean clip of the bench is 4, the usual 7 to 70)."""


def difference(before: Plane, after: Plane) -> float:
    """Mean absolute difference of all channels, in levels (0 to 255)."""
    return float(np.mean(cv2.mean(cv2.absdiff(before, after))[: before.shape[2]]))


def stir(before: Plane, after: Plane) -> float:
    """The most that any place changes, in levels: the largest 5 x 5 mean of |I[t+1] - I[t]|.

    A small thing moving on a still ground stirs one place a lot and the mean hardly at all; the
    mean of the whole frame (ffmpeg, filter freezedetect) calls it frozen. Ours.
    """
    return float(cv2.blur(cv2.absdiff(before, after), (5, 5)).max())


@lru_cache(maxsize=2)
def _scattered(pixels: int, count: int) -> Places:
    """Which of so many pixels are counted, in order, read-only: always the same ones."""
    chosen = np.sort(np.random.default_rng(0).choice(pixels, count, replace=False))
    chosen.setflags(write=False)
    return chosen


def colours(rgb: Plane) -> Field:
    """A histogram of 8 x 8 x 8 RGB boxes that sums to 1, float32 (512,).

    Of larger pictures not every pixel is counted, but at least 128 x 128: of fewer, histograms
    would differ by chance alone. They lie scattered: every second pixel of fine stripes has colours
    of its own, and others when the camera moves on by one.
    """
    height, width = rgb.shape[:2]
    step = max(1, min(height, width) // 128)
    thin = rgb.reshape(-1, 1, 3)
    if step > 1:
        thin = thin[_scattered(height * width, (height // step) * (width // step))]
    counts = cv2.calcHist([thin], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
    share: Field = counts / counts.sum()
    return share


def overlap(before: Field, after: Field) -> float:
    """Histogram intersection, 0 (nothing in common) to 1 (Swain and Ballard, IJCV 1991)."""
    return float(np.minimum(before, after).sum())


def longest_run(flags: list[bool]) -> int:
    """The length of the longest run of True."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


class Change:
    """Gathers differences between neighbours over a stream."""

    def __init__(self) -> None:
        self.traces: dict[str, Trace] = {"change": [], "stir": [], "overlap": []}
        self._first: View | None = None
        self._last: View | None = None
        self._colours: Field | None = None

    def see(self, now: View) -> None:
        """Take in the next frame."""
        shades = colours(now.rgb)
        if self._last is None or self._colours is None:
            self._first = now
        else:
            self.traces["change"].append(difference(self._last.rgb, now.rgb))
            self.traces["stir"].append(stir(self._last.small, now.small))
            self.traces["overlap"].append(overlap(self._colours, shades))
        self._last, self._colours = now, shades

    def marks(self) -> dict[str, float]:
        """What the neighbours say together.

        `temporal_flickering` is VBench's dimension of that name, exactly:
        mean over pairs of (255 - mean |I[t+1] - I[t]|) / 255 on RGB frames (vbench 0.1.5,
        temporal_flickering.py). `frozen_share` is the share of still pairs, `frozen_run` the
        longest unbroken run of them as a share of all pairs (frames doubled by a change of rate
        come in short runs). `loop_gap` is the difference of last and first frame over the median
        difference of neighbours: about 1 where a loop closes. Ours.
        """
        changes, stirs = self.traces["change"], self.traces["stir"]
        if not changes or self._first is None or self._last is None:
            return {}
        still = [value < STILL for value in stirs]
        gap = difference(self._first.rgb, self._last.rgb)
        return {
            "change": float(np.mean(changes)),
            "temporal_flickering": float((255 - np.mean(changes)) / 255),
            "stir": float(np.median(stirs)),
            "frozen_share": float(np.mean(still)),
            "frozen_run": longest_run(still) / len(still),
            "overlap_min": min(self.traces["overlap"]),
            "loop_gap": gap / max(float(np.median(changes)), 0.1),
        }

"""Colour: what colours a clip is made of, and how far they are from the brand's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from reelkiln.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Plane, View

    Lab: TypeAlias = NDArray[np.float64]

__all__ = ["Colours", "Shares", "ciede2000", "dominant", "lab_of", "palette_distance"]

Shares: TypeAlias = "tuple[Lab, NDArray[np.float64]]"
"""Colours in CIELAB, (n, 3), and the share (0 to 1) of the picture that each takes, (n,)."""

_SIDE = 48
_BOX = 10.0
"""Side of the Lab boxes that are gathered, in units of each axis."""
_CODE = np.array([1e6, 1e3, 1.0])
"""Makes one number of a box: boxes lie at -13 to 13 of each axis."""


def lab_of(colours: tuple[str, ...]) -> Lab:
    """CIELAB (D65), float64 (n, 3), of colours written as `#rrggbb`.

    Raises:
        UsageError: a colour is written another way.
    """
    rows = []
    for colour in colours:
        digits = colour.removeprefix("#")
        try:
            rgb = bytes.fromhex(digits)
        except ValueError:
            rgb = b""
        if len(rgb) != 3:
            raise UsageError(f"colour {colour!r} is not #rrggbb", hint="Write it like #1a2b3c.")
        rows.append(list(rgb))
    return _lab(np.array(rows, dtype=np.uint8).reshape(-1, 1, 3)).reshape(-1, 3)


def _lab(rgb: Plane) -> Lab:
    lab: Lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)
    return lab


def ciede2000(one: Lab, other: Lab) -> NDArray[np.float64]:
    """Colour difference of CIELAB colours, broadcast over leading axes; 1 is just noticeable.

    CIE 142-2001 with kL = kC = kH = 1, as Sharma, Wu and Dalal write it out ("The CIEDE2000
    colour-difference formula: implementation notes", 2005).
    """
    mean_l = (one[..., 0] + other[..., 0]) / 2
    rough = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    g = 1.5 - 0.5 * np.sqrt(rough**7 / (rough**7 + 25.0**7))
    a1, a2 = one[..., 1] * g, other[..., 1] * g
    c1, c2 = np.hypot(a1, one[..., 2]), np.hypot(a2, other[..., 2])
    h1 = np.degrees(np.arctan2(one[..., 2], a1)) % 360
    h2 = np.degrees(np.arctan2(other[..., 2], a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    step_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_c, mean_h = (c1 + c2) / 2, np.where(grey, h1 + h2, _mean_hue(h1, h2))
    return _weighted(other[..., 0] - one[..., 0], c2 - c1, step_h, (mean_l, mean_c, mean_h))


def _mean_hue(h1: Lab, h2: Lab) -> Lab:
    total = h1 + h2
    far = np.abs(h1 - h2) > 180
    half: Lab = np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2
    return half


def _weighted(dl: Lab, dc: Lab, dh: Lab, means: tuple[Lab, Lab, Lab]) -> Lab:
    mean_l, mean_c, mean_h = means
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    light = (mean_l - 50) ** 2
    sl = 1 + 0.015 * light / np.sqrt(20 + light)
    sc, sh = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    theta = 30 * np.exp(-(((mean_h - 275) / 25) ** 2))
    rt = -np.sin(np.radians(2 * theta)) * 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    parts = (dl / sl, dc / sc, dh / sh)
    distance: Lab = np.sqrt(sum(part**2 for part in parts) + rt * parts[1] * parts[2])
    return distance


def dominant(shares: Shares, most: int = 8, least: float = 0.01) -> Shares:
    """The colours that matter: at most `most`, each taking at least `least` of the picture."""
    labs, weights = shares
    order = [at for at in np.argsort(-weights, kind="stable")[:most] if weights[at] >= least]
    order = order or [int(np.argmax(weights))]
    return labs[order], weights[order]


def palette_distance(shares: Shares, palette: Lab) -> float:
    """Mean CIEDE2000 from each dominant colour to the nearest of the palette, weighted by share.

    `palette` is CIELAB (n, 3), n at least 1. Ours.
    """
    labs, weights = dominant(shares)
    nearest = ciede2000(labs[:, None, :], palette[None, :, :]).min(axis=1)
    return float((nearest * weights).sum() / weights.sum())


class Colours:
    """Gathers the colours of a stream: every frame's, at 48 pixels on the longer side."""

    def __init__(self) -> None:
        self._boxes: dict[float, list[float]] = {}

    def see(self, now: View) -> None:
        """Take in the next frame."""
        height, width = now.grey.shape
        scale = min(1.0, _SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        lab = _lab(cv2.resize(now.rgb, size, interpolation=cv2.INTER_AREA)).reshape(-1, 3)
        boxes, place = np.unique(np.floor(lab / _BOX) @ _CODE, return_inverse=True)
        for column, values in enumerate((*lab.T, np.ones(len(lab)))):
            for box, total in zip(boxes.tolist(), np.bincount(place, values), strict=True):
                self._boxes.setdefault(box, [0.0] * 4)[column] += float(total)

    def shares(self) -> Shares:
        """The mean colour of every box met and its share; one black if nothing was seen."""
        table = np.array([self._boxes[box] for box in sorted(self._boxes)] or [[0, 0, 0, 1.0]])
        return table[:, :3] / table[:, 3:], table[:, 3] / table[:, 3].sum()

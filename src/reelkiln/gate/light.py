"""Light: how bright, how contrasty, how clipped, how sharp each frame is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from reelkiln.gate.view import touching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Plane, Trace, View

    Fine = NDArray[np.uint16]

__all__ = ["Light", "black_share", "burnt_share", "flashes", "sharpness", "softness"]

BLACK_LEVEL = 25
"""Luma under which a pixel counts as black: 0.10 of full scale (ffmpeg, filter blackdetect,
`pixel_black_th`)."""

_LIT_LEVEL, _LIT_LEAST = 64, 0.0005
"""Luma from which a pixel is a light in the dark, and the share of lights from which a frame shows
something: stars, a skyline at night. A stray pixel of a lost picture is less."""

_TILES = 8

_SLOPES_LEAST, _STEEP_LEAST = 0.005, 0.0005
"""Shares of the picture that must slope, or slope steeply, to say anything."""

_FLAT = 2.0
"""Standard deviation, in levels, under which a picture is one flat colour: a fault of its own."""


def black_share(grey: Plane) -> float:
    """Share (0 to 1) of pixels of luma under 25, 0 where lights stand in the dark; ffmpeg's
    blackdetect, which knows no lights, calls a frame black from 0.98 on (`picture_black_ratio_th`).
    """
    if np.count_nonzero(grey >= _LIT_LEVEL) >= _LIT_LEAST * grey.size:
        return 0.0
    return float(np.count_nonzero(grey < BLACK_LEVEL) / grey.size)


def burnt_share(rgb: Plane) -> float:
    """Share (0 to 1) of pixels whose every channel is over 252, a white ground left out.

    A ground counts as meant to be white where at least 85 % of the outermost pixels are: then only
    white that does not touch the frame's edge is counted. Ours; signalstats counts all.
    """
    white = cv2.inRange(rgb, (253, 253, 253), (255, 255, 255))
    share: float = cv2.countNonZero(white) / white.size
    ring = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    if share == 0 or np.count_nonzero(ring) < 0.85 * ring.size:
        return share
    return share - float(np.count_nonzero(touching(white)) / white.size)


def sharpness(grey: Plane) -> float:
    """Variance of the Laplacian, in squared levels (Pech-Pacheco et al., ICPR 2000).

    Grows with texture and noise, so it is only compared with the same template's own history.
    """
    deviation: float = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]
    return deviation**2


def softness(mid: Plane) -> float:
    """How soft the sharpest places are, 0 (hard edges) to 1 (no hard edge anywhere).

    The picture is blurred by a 9-pixel box; what was soft already hardly changes. Per direction
    1 - sum(max(0, dF - dB)) / sum(dF), where dF and dB are absolute neighbour differences before
    and after (Crete et al., "The blur effect", SPIE 2007). Taken per tile of an 8 x 8 grid, and the
    tenth-softest part with texture counts: a soft background behind a sharp product is no fault.

    A picture of which not 0.5 % slopes by 2 levels a pixel has too little to go by: it counts as 0
    where a twentieth of a per cent slopes by 4 (a small sharp thing on a plain ground), as 1 where
    nothing does (a gradient, or a picture lost in blur), and as 0 where it is one flat colour.
    """
    if float(cv2.meanStdDev(mid)[1][0, 0]) < _FLAT:
        return 0.0
    fine = np.left_shift(mid, 4, dtype=np.uint16)  # sixteenths of a level
    best, steep = [], False
    for axis, kernel in ((1, (9, 1)), (0, (1, 9))):
        sharp = _steps(fine, axis)
        steep = steep or bool(np.count_nonzero(sharp >= 4 * 16) >= _STEEP_LEAST * sharp.size)
        if np.count_nonzero(sharp >= 2 * 16) < _SLOPES_LEAST * sharp.size:
            continue
        lost = cv2.subtract(sharp, _steps(cv2.blur(fine, kernel), axis))
        whole, kept = _tiled(sharp), _tiled(lost)
        textured = whole > max(14, float(whole.max()) * 0.1)
        if textured.any():
            best.append(float(np.quantile(1 - kept[textured] / whole[textured], 0.1)))
    return min(best, default=0.0 if steep else 1.0)


def _tiled(picture: Fine) -> Fine:
    """The means of an 8 x 8 grid of equal tiles; what is over at the far ends is left out."""
    high, wide = (side // _TILES * _TILES for side in picture.shape)
    tiles: Fine = cv2.resize(picture[:high, :wide], (_TILES, _TILES), interpolation=cv2.INTER_AREA)
    return tiles


def _steps(picture: Fine, axis: int) -> Fine:
    """Absolute differences of neighbours, uint16."""
    if axis:
        steps: Fine = cv2.absdiff(picture[:, 1:], picture[:, :-1])
        return steps
    steps = cv2.absdiff(picture[1:], picture[:-1])
    return steps


def flashes(luma: Trace) -> Trace:
    """How far each inner frame's mean luma stands out from both neighbours, in levels.

    min(|L[t] - L[t-1]|, |L[t] - L[t+1]|) where both differences have the same sign, else 0: a
    fade or a cut gives 0, flicker does not. Ours.
    """
    level = np.asarray(luma)
    if len(level) < 3:
        return []
    before, after = level[1:-1] - level[:-2], level[1:-1] - level[2:]
    alone = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0.0)
    return [float(value) for value in alone]


class Light:
    """Gathers per-frame light over a stream."""

    def __init__(self) -> None:
        self.traces: dict[str, Trace] = {
            "luma": [],
            "contrast": [],
            "black": [],
            "burnt": [],
            "sharpness": [],
            "softness": [],
        }
        self._seen = np.zeros(256, dtype=bool)

    def see(self, now: View) -> None:
        """Take in the next frame."""
        mean, deviation = cv2.meanStdDev(now.grey)
        self.traces["luma"].append(float(mean[0, 0]))
        self.traces["contrast"].append(float(deviation[0, 0]))
        self.traces["black"].append(black_share(now.grey))
        self.traces["burnt"].append(burnt_share(now.rgb))
        self.traces["sharpness"].append(sharpness(now.grey))
        self.traces["softness"].append(softness(now.mid))
        self._seen |= cv2.calcHist([now.grey], [0], None, [256], [0, 256]).ravel() > 0

    def marks(self) -> dict[str, float]:
        """Means over all frames; `levels` counts distinct luma values of the whole clip.

        `luma_jitter` is mean |L[t+1] - 2 L[t] + L[t-1]| of mean luma: the second difference, blind
        to even fades. `black_share` is the share of frames that are black.
        """
        series = {name: np.asarray(values) for name, values in self.traces.items()}
        luma, flash = series["luma"], flashes(self.traces["luma"])
        return {
            "luma": float(luma.mean()),
            "contrast": float(series["contrast"].mean()),
            "burnt": float(series["burnt"].mean()),
            "levels": float(np.count_nonzero(self._seen)),
            "sharpness": float(series["sharpness"].mean()),
            "softness": float(np.median(series["softness"])),
            "black_share": float((series["black"] >= 0.98).mean()),
            "luma_jitter": float(np.abs(np.diff(luma, 2)).mean()) if len(luma) > 2 else 0.0,
            "flash": max(flash, default=0.0),
            "flash_mean": float(np.mean(flash)) if flash else 0.0,
        }

"""Bars and seams: straight lines that no scene has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Field, Plane, View

    Flags = NDArray[np.bool_]
    Levels = NDArray[np.float64]

__all__ = ["Edges", "bars", "seam_steps"]

_UNIFORM = 2.5
"""Standard deviation, in levels, under which a row is one flat colour (coding noise is less)."""

_BLACK = 40
"""Luma up to which a bar is a player's black one; a thing on a lighter ground has it all around."""


def bars(lines: Plane) -> tuple[int, int]:
    """Thickness of the flat bars at both ends of a picture, in lines.

    `lines` is uint8 (4, lines): the least 2nd and 25th and the greatest 75th and 98th percentile of
    luma of every line over all frames. A bar is a run of lines from the end that are flat, stay so,
    and are all of one colour within 4 levels. It ends in a step: a quarter of the line after next
    stands off its colour (a small thing on a flat ground is no letterbox).
    """
    low, quarter, most, high = lines.astype(int)
    flat, level = (high - low) <= 2 * _UNIFORM, (high + low) / 2
    off = np.maximum(most - level[0], level[0] - quarter) > 6
    back = np.maximum(most - level[-1], level[-1] - quarter) > 6
    return _run(flat, level, off), _run(flat[::-1], level[::-1], back[::-1])


def _run(flat: Flags, level: Levels, off: Flags) -> int:
    same = flat & (np.abs(level - level[0]) <= 4)
    length = len(same) if same.all() else int(np.argmin(same))
    inside = length < len(same) // 2 and bool(off[length : length + 3].any())
    return length if inside else 0


def seam_steps(columns: Field) -> Field:
    """How strongly each column boundary is a seam, in levels.

    `columns` is float32 (width - 1,): the median over rows and frames of the signed difference of
    neighbouring columns. Texture has median 0; a tile decoded a little brighter than its neighbour
    has a median of that offset in one column, and its neighbours do not. Ours; the fault is the
    seam of tiled VAE decoding.
    """
    around = np.maximum(np.abs(np.roll(columns, 2)), np.abs(np.roll(columns, -2)))
    steps: Field = np.maximum(np.abs(columns) - 2 * around, 0).astype(np.float32)
    return steps


class Edges:
    """Gathers straight lines over a stream."""

    def __init__(self) -> None:
        self._lines: list[Plane | None] = [None, None]
        self._steps: list[list[Field]] = [[], []]
        self._shape = (0, 0)

    def see(self, now: View) -> None:
        """Take in the next frame."""
        self._shape = (now.mid.shape[0], now.mid.shape[1])
        for axis in (0, 1):
            # Every third pixel along a line is enough for its percentiles, and three times faster.
            lines = now.mid if axis == 0 else now.mid.T
            thin = np.ascontiguousarray(lines[:, ::3])
            places = [round((thin.shape[1] - 1) * part) for part in (0.02, 0.25, 0.75, 0.98)]
            spread = np.partition(thin, places, axis=1)[:, places].T
            self._widen(axis, spread)
            steps = np.diff(thin.astype(np.int16), axis=0)
            half = steps.shape[1] // 2
            self._steps[axis].append(np.partition(steps, half, axis=1)[:, half].astype(np.float32))

    def _widen(self, axis: int, spread: Plane) -> None:
        held = self._lines[axis]
        if held is not None:
            spread = np.concatenate(
                [np.minimum(held[:2], spread[:2]), np.maximum(held[2:], spread[2:])]
            )
        self._lines[axis] = spread

    def marks(self) -> dict[str, float]:
        """Bars and seams of the whole stream.

        `bars` is the share of the frame's height or width that two bars of like thickness take up
        (letterbox or pillarbox); none where a ground that is not black lies around all four sides.
        `border` is the thickest one-sided bar as a share. `tile_seam` is the strongest seam in
        levels.
        """
        both, single = 0.0, 0.0
        every = [lines for lines in self._lines if lines is not None]
        if not every:
            return {}
        rim = np.concatenate([lines[:, [0, -1]] for lines in every], axis=1).astype(int)
        ground = bool((rim[3] - rim[0] <= 2 * _UNIFORM).all() and rim[0].min() > _BLACK)
        for lines, size in zip(every, self._shape, strict=True):
            ends = bars(lines)
            single = max(single, max(ends) / size)
            if not ground and min(ends) >= 2 and max(ends) - min(ends) <= max(2, 0.2 * max(ends)):
                both = max(both, sum(ends) / size)
        return {"bars": both, "border": single, "tile_seam": self._seam()}

    def _seam(self) -> float:
        strongest = 0.0
        for steps in self._steps:
            lines = seam_steps(np.median(np.stack(steps), axis=0).astype(np.float32))
            margin = max(3, len(lines) // 24)
            strongest = max(strongest, float(lines[margin:-margin].max(initial=0.0)))
        return strongest

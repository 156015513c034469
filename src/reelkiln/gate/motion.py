"""Motion: optical flow between neighbours, found once and shared by every measure that needs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Field, Plane, Trace, View

__all__ = [
    "LEAST_ERROR",
    "Motion",
    "gain",
    "join_steps",
    "jumps",
    "leaps",
    "midpoint_error",
    "pulses",
    "stride",
    "top_speed",
    "warp_error",
]

_EDGE = 0.06
"""Share of each side left out: flow knows nothing of what enters the frame."""


_DARK = np.float32(32)
"""Luma under which a step of one level is no larger a change than at this luma."""

LEAST_ERROR, _LEAST_SPEED = 2.0, 2.5
"""Levels and pixels of the small picture under which warp errors and speeds count as alike."""


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> Field:
    """Column and row of every second pixel in each direction, read-only: every frame of a clip asks
    for the same ones."""
    rows, columns = np.mgrid[0:height:2, 0:width:2].astype(np.float32)
    places: Field = np.stack([columns, rows], axis=-1)
    places.setflags(write=False)
    return places


def _shifted(picture: Plane, flow: Field) -> Plane:
    """`picture` read at x + flow(x), at every second pixel x in each direction: that is enough for
    means and medians. `flow` holds those pixels alone."""
    places = cv2.add(_grid(*picture.shape[:2]), flow)
    moved: Plane = cv2.remap(
        picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return moved


def _inner(values: NDArray[Any]) -> NDArray[Any]:
    high, wide = (max(1, round(side * _EDGE)) for side in values.shape[:2])
    return values[high:-high, wide:-wide]


def top_speed(flow: Field) -> float:
    """Mean length of the fastest 5 % of flow vectors, in pixels of the small picture per frame.

    After VBench's dynamic degree (dynamic_degree.py: mean of the top 5 % of RAFT flow), but with
    DIS flow (Kroeger et al., ECCV 2016), so the figures are not VBench's and don't bear its name.
    """
    lengths = cv2.magnitude(flow[..., 0], flow[..., 1]).ravel()
    count = max(1, int(lengths.size * 0.05))
    return float(np.partition(lengths, -count)[-count:].mean())


def stride(before: Plane, after: Plane, returned: Plane, flow: Field) -> float:
    """As `top_speed`, of those vectors alone that explain what changed, in the same pixels.

    A vector explains where undoing it leaves less than half of the change of the 3 x 3 pixels
    around. Where a light swells or glides, flow finds long ways too, but nothing went them. All
    four are of one shape, `returned` as for `warp_error`. Ours.
    """
    change, left = (
        cv2.boxFilter(cv2.absdiff(one, before), cv2.CV_16U, (3, 3), normalize=False)
        for one in (after, returned)
    )
    return top_speed(flow * (2 * left < change)[..., None])


def warp_error(before: Plane, returned: Plane) -> float:
    """Mean |I[t+1](x + f(x)) - I[t](x)|, in levels (Lai et al., ECCV 2018, without its mask).

    `returned` is I[t+1](x + f(x)), the later picture with its motion undone. Both are uint8 and of
    one shape.
    """
    return float(_inner(cv2.absdiff(returned, before)).mean())


def gain(before: Plane, returned: Plane) -> float:
    """By how much the picture as a whole grew brighter, in per cent, whatever moved in it.

    100 * median of (I[t+1](x + f(x)) - I[t](x)) / max(I[t](x), 32) over pixels of luma 16 to 240 (0
    where less than 1 % of the picture is that bright). One level of 16 would be 6 %, and nobody
    sees it: hence the 32. `returned` as for `warp_error`. Ours.
    """
    base = _inner(before)
    lit = (base >= 16) & (base <= 240)
    if np.count_nonzero(lit) < 0.01 * lit.size:
        return 0.0
    level = base[lit].astype(np.float32)
    change = (_inner(returned)[lit] - level) / np.maximum(level, _DARK)
    return 100 * float(np.median(change))


def pulses(gains: Trace) -> Trace:
    """How much of each gain is taken back by the next, in per cent; an even fade gives 0. Ours."""
    pairs = pairwise(gains)
    return [min(abs(one), abs(two)) if one * two < 0 else 0.0 for one, two in pairs]


def midpoint_error(first: Plane, middle: Plane, last: Plane, flows: tuple[Field, Field]) -> float:
    """Mean difference of a frame from the one guessed halfway between its neighbours, in levels.

    `flows` lead from first to middle and from middle to last; followed one after the other they
    are the way from first to last, half of which is the guess. They hold every second pixel in
    each direction, (height, width, 2) of the halved sides; the pictures hold all. VBench's motion
    smoothness does this with the AMT network; ours is not called by that name.
    """
    places = (_grid(*first.shape) + flows[0]) * np.float32(0.5)
    later = cv2.remap(flows[1], places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    half = (flows[0] + later) * np.float32(0.5)
    both = cv2.add(_shifted(first, -half), _shifted(last, half), dtype=cv2.CV_16U)
    seen = np.left_shift(middle[::2, ::2], 1, dtype=np.uint16)
    return float(_inner(cv2.absdiff(both, seen)).mean()) / 2


def jumps(values: Trace, floor: float) -> Trace:
    """How many times its surroundings each pair's value is; 1 is ordinary.

    The surroundings are the median of up to 6 pairs on each side, at least `floor`. In warp errors
    (levels) it finds a pair that no motion explains while its neighbours are explained. Ours.
    """
    return [
        value / max(floor, float(np.median(_around(values, at, 6) or [value])))
        for at, value in enumerate(values)
    ]


def leaps(strides: Trace, speeds: Trace) -> Trace:
    """How many times as long as the steps around it each step is; 1 is ordinary.

    Finds a shift so even that flow explains it, which no warp error tells. `strides` are the steps'
    own lengths (`stride`), `speeds` what they are held against (`top_speed`), in pixels of the
    small picture: the median of up to 6 on each side, at least 2.5, and at least what three of the
    four nearest reach. A motion that swells and fades over some steps, such as a swing, is no leap.
    Ours.
    """
    found = []
    for at, value in enumerate(strides):
        near = sorted(_around(speeds, at, 2))
        usual = (
            [float(np.median(_around(speeds, at, 6))), near[(len(near) - 1) // 2]] if near else []
        )
        found.append(value / max([_LEAST_SPEED, *usual]))
    return found


def _around(values: Trace, at: int, reach: int) -> Trace:
    """Up to `reach` values before and after one, itself left out."""
    return values[max(0, at - reach) : at] + values[at + 1 : at + 1 + reach]


def join_steps(gains: Trace, joins: tuple[int, ...]) -> dict[str, float]:
    """How much brighter or darker the picture turns where segments meet.

    `joins` are the indices of frames that begin a segment. `join` is by how many per cent the gain
    there goes beyond 0 and the two gains on each side of it: a light that swells or fades goes on
    at its own pace, and makes no step. `join_ratio` is that over the median |gain| of all other
    pairs (at least 0.5 %): 1 is ordinary. The largest of each; empty where no join lies inside.
    Ours.
    """
    inner = [join - 1 for join in joins if 0 < join <= len(gains)]
    if not inner:
        return {}
    others = np.delete(np.abs(np.asarray(gains)), inner)
    usual = max(0.5, float(np.median(others)) if len(others) else 0.5)
    largest = max(_beyond(gains[at], [0.0, *_around(gains, at, 2)]) for at in inner)
    return {"join": largest, "join_ratio": largest / usual}


def _beyond(value: float, others: Trace) -> float:
    """How far a value lies outside of what the others span; 0 inside."""
    return max(value - max(others), min(others) - value, 0.0)


@dataclass(slots=True)
class _Step:
    """What the pair before left behind."""

    first: Plane
    flow: Field


class Motion:
    """Gathers flow and what follows from it over a stream."""

    def __init__(self) -> None:
        self.traces: dict[str, Trace] = {
            "speed": [],
            "stride": [],
            "warp_error": [],
            "gain": [],
            "midpoint_error": [],
        }
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._last: View | None = None
        self._step: _Step | None = None

    def see(self, now: View) -> None:
        """Take in the next frame."""
        last, step = self._last, self._step
        self._last = now
        if last is None:
            return
        flow: Field = self._flow.calc(last.small, now.small, None)
        self.traces["speed"].append(top_speed(flow))
        flow = np.ascontiguousarray(flow[::2, ::2])
        before, returned = last.small[::2, ::2], _shifted(now.small, flow)
        after = now.small[::2, ::2]
        self.traces["stride"].append(stride(before, after, returned, flow))
        self.traces["warp_error"].append(warp_error(before, returned))
        self.traces["gain"].append(gain(before, returned))
        if step is not None:
            error = midpoint_error(step.first, last.small, now.small, (step.flow, flow))
            self.traces["midpoint_error"].append(error)
        self._step = _Step(last.small, flow)

    def marks(self) -> dict[str, float]:
        """Means and extremes over all pairs.

        `midpoint_fit` is (255 - mean midpoint error) / 255, 1 for perfectly even motion. `jump` is
        the largest of `jumps` of warp errors, `leap` the largest of `leaps`. `flicker` is the mean
        and `flicker_max` the largest of `pulses`, in per cent.
        """
        errors, middles = self.traces["warp_error"], self.traces["midpoint_error"]
        if not errors:
            return {}
        strides, pulse = self.traces["stride"], pulses(self.traces["gain"])
        return {
            "speed": float(np.mean(self.traces["speed"])),
            "warp_error": float(np.mean(errors)),
            "warp_error_max": max(errors),
            "jump": max(jumps(errors, LEAST_ERROR)),
            "leap": max(leaps(strides, self.traces["speed"])),
            "flicker": float(np.mean(pulse)) if pulse else 0.0,
            "flicker_max": max(pulse, default=0.0),
            "midpoint_fit": (255 - float(np.mean(middles))) / 255 if middles else 1.0,
        }

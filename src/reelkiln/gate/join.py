"""Joins: where one run of frames follows another, does the picture go on unbroken?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reelkiln.gate.measure import Gauge, Wanted
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelkiln.gate.view import Trace

__all__ = ["AROUND", "join_marks", "step_marks"]

AROUND = 8
"""Frames that are looked at on each side of a join."""


def join_marks(before: Clip, after: Clip) -> dict[str, float]:
    """How the step from one clip's last frame to the next clip's first stands out.

    Both have the same size and rate; empty where either has no frames. See `step_marks`; `join` and
    `join_ratio` are those of `gate.motion.join_steps`.
    """
    if not len(before.frames) or not len(after.frames):
        return {}
    head, tail = before.frames[-AROUND:], after.frames[:AROUND]
    gauge = Gauge(Wanted(joins=(len(head),)))
    gauge.add(Clip(np.concatenate([head, tail]), after.fps))
    marks, traces = gauge.marks(), gauge.traces()
    light = {name: marks[name] for name in ("join", "join_ratio") if name in marks}
    return light | step_marks(traces, (len(head),))


def step_marks(traces: Mapping[str, Trace], joins: tuple[int, ...]) -> dict[str, float]:
    """The worst step into one of the frames `joins`, by what was measured over time.

    `join_jump` is how many times further it is from any motion, and `join_leap` how many times
    longer, than the steps around it; `join_common` the share of colours that both sides have in
    common (0 to 1). Empty where no join lies inside. See `motion.jumps` and `change.overlap`.
    """
    inner = [join - 1 for join in joins if 0 < join <= len(traces["overlap"])]
    if not inner:
        return {}
    return {
        "join_jump": max(traces["jump"][at] for at in inner),
        "join_leap": max(traces["leap"][at] for at in inner),
        "join_common": min(traces["overlap"][at] for at in inner),
    }

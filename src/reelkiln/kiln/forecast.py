"""What will be done by when: an estimate, and said to be one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

__all__ = ["Forecast", "forecast", "pace_of"]

FINISH_SECONDS = 3.0
"""Joining, encoding, labelling: measured on two cores, docs/measured/make.md."""
PACE_CLIPS = 20


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of `total` clips in line, `in_time` are done by the deadline; all of them by `end`."""

    total: int
    in_time: int
    end: datetime


def forecast(
    estimates: Sequence[float],
    *,
    start: datetime,
    deadline: datetime | None,
    loading: float = 0.0,
    pace: float = 1.0,
    width: int = 1,
) -> Forecast:
    """When the clips of these planned seconds are done, one after another in `width` places.

    Args:
        loading: seconds that pass once in each place, before its first clip.
        pace: how many times the planned seconds clips took here so far (`pace_of`).
    """
    free = [loading] * width
    ends = []
    for seconds in estimates:
        place = free.index(min(free))
        free[place] += seconds * pace + FINISH_SECONDS
        ends.append(free[place])
    moments = [start + timedelta(seconds=end) for end in ends]
    in_time = sum(deadline is None or moment <= deadline for moment in moments)
    return Forecast(len(estimates), in_time, max(moments, default=start))


def pace_of(pairs: Sequence[tuple[float, float]]) -> float:
    """How many times the planned seconds clips took: the median of the latest (planned, took).

    >>> pace_of([(10.0, 20.0), (10.0, 30.0), (0.0, 5.0)]), pace_of([])
    (2.5, 1.0)
    """
    found = [took / planned for planned, took in pairs[-PACE_CLIPS:] if planned > 0 and took > 0]
    return float(median(found)) if found else 1.0

"""Whether the machine slept, or its clock was set, between two looks at three clocks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Gap", "SleepWatch"]

NAP_SECONDS = 30.0
"""A loop that looks ten times a second and was away for longer was not merely busy."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What happened between two looks: the machine slept or stood still, or the clock was set."""

    slept: bool
    start: datetime
    end: datetime


class SleepWatch:
    """Told the time again and again, it says when some of it is missing.

    `now` is the clock on the wall, `elapsed` seconds that go on while the machine sleeps, where the
    system has such a clock (`backends.probe.elapsed`), and never jump.
    """

    def __init__(self, now: datetime, elapsed: float) -> None:
        self._now, self._elapsed = now, elapsed

    def look(self, now: datetime, elapsed: float) -> Gap | None:
        """What happened since the last look, None in the ordinary case."""
        away = elapsed - self._elapsed
        by_wall = (now - self._now).total_seconds()
        before = self._now
        self._now, self._elapsed = now, elapsed
        if away > NAP_SECONDS:
            return Gap(slept=True, start=now - timedelta(seconds=away), end=now)
        if abs(by_wall - away) > NAP_SECONDS:
            return Gap(slept=False, start=before, end=now)
        return None

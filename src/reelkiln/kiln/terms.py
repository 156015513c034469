"""When a shift begins and ends, and how it ended. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from reelkiln.kiln.hours import Span

__all__ = ["ROOM_MIN", "ShiftEnd", "Terms"]

GPU_SECONDS = 30.0
"""Seconds until a GPU that another program holds is asked for again."""
ROOM_MIN = 500 * 2**20
"""Bytes that must be free: three times what the takes and the film of one clip need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a shift ends. `until` is a moment, `count` how many segments are ended in it; None: no
    such end. `stay`: it waits for more work when there is none. `quiet` are hours without work.
    With `daily`, a time of the day in `zone` (an IANA name), production opens then, every day,
    until the clock shows `daily_until`, or, without that, until nothing waits; the shift itself
    never ends.
    """

    until: datetime | None = None
    count: int | None = None
    stay: bool = False
    quiet: tuple[Span, ...] = ()
    daily: time | None = None
    daily_until: time | None = None
    zone: str = "UTC"
    room_min: int = ROOM_MIN
    gpu_seconds: float = GPU_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """How a shift ended: why, in words, and the ids of what it delivered, parked and cancelled."""

    why: str
    delivered: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()

"""When more clips would be done, from what waits already and how long clips took here so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reelkiln.kiln.bench import Bench
from reelkiln.kiln.forecast import Forecast, forecast, pace_of
from reelkiln.store.queue import list_segments
from reelkiln.store.shifts import estimates_and_seconds

__all__ = ["look_ahead"]


def look_ahead(
    estimates: Sequence[float],
    bench: Bench,
    *,
    deadline: datetime | None = None,
    loading: float = 0.0,
    first: bool = False,
    width: int = 1,
) -> Forecast:
    """How many of these clips are done by a deadline if work begins now: an estimate.

    Args:
        loading: seconds that pass once, before the first clip.
        first: they go before what waits, else behind it.
        width: places that render at once.
    """
    waiting = list_segments(bench.ledger, states=("queued", "running"))
    before = [] if first else [row.estimate for row in waiting]
    whole = forecast(
        [*before, *estimates],
        start=bench.now(),
        deadline=deadline,
        loading=loading,
        pace=pace_of(estimates_and_seconds(bench.ledger)),
        width=width,
    )
    in_time = max(0, whole.in_time - len(before))
    return Forecast(len(estimates), in_time, whole.end)

"""Whether a shift may start, and what keeps the machine awake while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reelkiln.errors import OnBattery, UsageError
from reelkiln.kiln.bench import Bench
from reelkiln.store.shifts import log_shift

__all__ = ["awake", "refuse_on_battery", "refuse_unsafe"]


def refuse_on_battery(bench: Bench, on_battery: bool) -> None:
    """Refuse to start, and write that down for the morning.

    Raises:
        OnBattery: the machine runs on its battery.
    """
    if not on_battery:
        return
    said = "a shift was not started: the machine ran on its battery"
    log_shift(bench.ledger, "refused", said, at=bench.now())
    raise OnBattery(
        "this machine runs on its battery, which does not last a night",
        hint="Plug it in, or say --on-battery.",
    )


def refuse_unsafe(folder: Path, why: str | None) -> None:
    """Refuse to work where the databases would be damaged.

    Raises:
        UsageError: `why` says what is wrong with the folder.
    """
    if why is not None:
        raise UsageError(
            f"the state in {folder} is not safe: {why}",
            hint="Move the workspace to this machine's own disk, or point REELKILN_STATE there.",
        )


@contextmanager
def awake(note: Callable[[str], None]) -> Iterator[None]:
    """Keep the machine from falling asleep; where the system does not let us, say so and go on."""
    from wakepy import keep

    with keep.running(on_fail="pass") as mode:
        if not mode.active:
            note("this system does not let us keep it awake: see that it does not fall asleep")
        yield

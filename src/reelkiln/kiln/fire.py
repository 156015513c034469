"""One shot to takes: render, measure, judge, and try again where that can help.

What is tried again, and how often, stands in `kiln.firing`; how the stages go, in `kiln.phases`.
"""

from __future__ import annotations

from pathlib import Path

from reelkiln.kiln.checkpoints import Checkpoints
from reelkiln.kiln.firing import TAKES_MAX, Fired, next_seed
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.phases import Charge, fire_all
from reelkiln.kiln.standards import Standards
from reelkiln.kiln.watch import PhaseClock
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.reel import Shot

__all__ = ["TAKES_MAX", "Fired", "fire", "next_seed"]


def fire(
    shot: Shot,
    plan: Plan,
    furnace: Furnace,
    *,
    machine: Machine,
    scratch: Path,
    clock: PhaseClock,
    standards: Standards | None = None,
    kept: Checkpoints | None = None,
) -> Fired:
    """Render a shot as planned, and judge it.

    Args:
        scratch: an existing folder for the takes; the caller throws it away.
        standards: what takes are held against; default: the fixed limits alone.
        kept: where latents outlive this process; None: they do not. Forgetting them is the
            caller's: `kiln.phases.fire_all` hands out how.

    Raises:
        PlanRefused: memory ran out on the last rung.
        RenderFailed, WeightsBroken, MissingLibrary: as the backend says.
        DiskFull: no room for the takes.
    """
    charge = Charge(shot=shot, plan=plan, clock=clock, standards=standards or Standards())
    (outcome,) = fire_all((charge,), furnace, machine=machine, scratch=scratch, kept=kept)
    if outcome.error is not None:
        raise outcome.error
    if outcome.fired is None:
        raise AssertionError("an outcome without an error has takes")
    return outcome.fired

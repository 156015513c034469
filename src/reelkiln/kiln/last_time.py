"""What a render planned alike took the last time, on this machine: beside what is predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reelkiln.errors import UsageError
from reelkiln.kiln.bench import machine_words
from reelkiln.kiln.comparison import Report
from reelkiln.kiln.recipe import Recipe, recipe_from_text
from reelkiln.kiln.trial import RENDER, Trial
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.store.ledger import Ledger

__all__ = ["LastTime", "last_time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTime:
    """Measured peaks in bytes (`vram` 0 without a GPU) and seconds, on a date. `load` passed before
    rendering began; `first` is what the first clip of a process took then, `further` one for which
    the model was loaded already: 0 where the latest day holds none of that kind."""

    on: str
    vram: int
    ram: int
    load: float = 0.0
    first: float = 0.0
    further: float = 0.0


def last_time(
    plan: Plan, machine: Machine, ledger: Ledger | None, reports: Sequence[Report]
) -> LastTime | None:
    """The latest render of this machine with the plan's model, way, size, steps and frames, and the
    latest of that day which was, or was not, the first of its process.

    Args:
        ledger: of the films delivered here; None: there is none yet.
        reports: of `reelkiln bench`, the oldest first.
    """
    here = machine_words(machine)
    found = [
        *_delivered(plan, here, ledger),
        *(
            _of_trial(trial, report.when)
            for report in reports
            if report.machine == here
            for trial in report.trials
            if _same_trial(trial, plan)
        ),
    ]
    latest = max(found, key=lambda last: last.on, default=None)
    if latest is None:
        return None
    others = [one for one in found if bool(one.first) != bool(latest.first)]
    other = max(others, key=lambda last: last.on, default=None)
    if other is None or other.on[:10] != latest.on[:10]:
        return latest
    first, further = (latest, other) if latest.first else (other, latest)
    return replace(latest, load=first.load, first=first.first, further=further.further)


def _delivered(plan: Plan, here: str, ledger: Ledger | None) -> Iterator[LastTime]:
    for row in ledger.latest_deliveries(plan.model) if ledger else ():
        try:
            recipe = recipe_from_text(row.recipe)
        except UsageError:
            continue  # of another version
        if recipe.machine == here and _shape(recipe.plan) == _shape(plan):
            yield _of_recipe(recipe, row.delivered_at.isoformat(timespec="seconds"))


def _shape(plan: Plan) -> tuple[object, ...]:
    """What memory depends on, besides the model."""
    frames = tuple(segment.frames for segment in plan.segments)
    return plan.device, plan.dtype, str(plan.rung), plan.size, plan.steps, plan.guidance, frames


def _same_trial(trial: Trial, plan: Plan) -> bool:
    frames = sum(segment.frames for segment in plan.segments)
    way = (trial.device, trial.dtype, trial.rung, trial.size, trial.steps, trial.frames)
    wanted = (plan.device, plan.dtype, str(plan.rung), plan.size, plan.steps, frames)
    return trial.model == plan.model and trial.preset == plan.preset and way == wanted


def _of_recipe(recipe: Recipe, on: str) -> LastTime:
    takes = max(1, len(recipe.takes) // len(recipe.plan.segments))
    seconds = sum(recipe.seconds.get(phase, 0.0) for phase in RENDER) / takes
    return _told(on, recipe.peak_vram, recipe.peak_ram, seconds, recipe.seconds.get("load"))


def _of_trial(trial: Trial, on: str) -> LastTime:
    load = trial.took.get("load")
    return _told(on, trial.peak_vram, trial.peak_ram, trial.render_seconds, load)


def _told(on: str, vram: int, ram: int, seconds: float, load: float | None) -> LastTime:
    """`load` is None where the model was at hand; 0.0 is a model with next to nothing to load."""
    if load is None:
        return LastTime(on=on, vram=vram, ram=ram, further=seconds)
    return LastTime(on=on, vram=vram, ram=ram, load=load, first=seconds)

"""Sampling schedules, by name: only those listed here are ever looked up in diffusers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from reelkiln.errors import UsageError
from reelkiln.plan.card import Card

__all__ = ["SCHEDULERS", "make_scheduler", "schedule_problems"]

SCHEDULERS = (
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "LCMScheduler",
)
"""One network call per step each, so that a plan's steps are the calls."""


def schedule_problems(card: Card) -> Iterator[UsageError]:
    """Presets whose scheduler is not in the list."""
    for name, preset in card.presets.items():
        if preset.scheduler not in ("", *SCHEDULERS):
            yield UsageError(
                f"preset {name} of {card.name} names the scheduler {preset.scheduler!r}",
                hint=f"Use one of {', '.join(SCHEDULERS)}, or leave it empty for the model's own.",
            )


def make_scheduler(name: str, config: Mapping[str, Any], overrides: Mapping[str, Any]) -> Any:
    """The scheduler `name` with the model's own `config` and a preset's `overrides` on top.

    An empty name keeps the class that `config` names.

    Raises:
        UsageError: the name is not in the list, or an override is no setting of that scheduler.
    """
    import diffusers

    chosen = name or str(config.get("_class_name", ""))
    if chosen not in SCHEDULERS:
        raise UsageError(
            f"the scheduler {chosen!r} is not one that was tried",
            hint=f"Name one of {', '.join(SCHEDULERS)} in the preset.",
        )
    kind = getattr(diffusers, chosen)
    strangers = overrides.keys() - inspect.signature(kind).parameters.keys()
    if strangers:
        raise UsageError(
            f"{chosen} has no setting {min(strangers)!r}", hint="Mend the schedule in the preset."
        )
    return kind.from_config({**config, **overrides})

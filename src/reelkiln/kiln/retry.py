"""What is done after a refused take: the plan changed as the verdict asks, or another seed."""

from __future__ import annotations

from dataclasses import dataclass

from reelkiln.errors import PlanRefused
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.retry import calmer, retiled
from reelkiln.plan.walk import safer
from reelkiln.reel import Action, Shot

__all__ = ["Retry", "retry"]


@dataclass(frozen=True, slots=True)
class Retry:
    """How to go on. `plan` is None where another seed is all that can be done; `says` tells a
    person, in a few words, what is done, or why nothing better can be."""

    plan: Plan | None
    says: str


def retry(action: Action | None, plan: Plan, shot: Shot, card: Card, machine: Machine) -> Retry:
    """The plan that a refused take asks for.

    Where the model cannot do what is asked, that is said, and another seed is taken.
    """
    try:
        match action:
            case "safer_dtype":
                changed = safer(plan, shot, card, machine)
                return Retry(changed, f"again in {changed.dtype}")
            case "smaller_motion":
                changed = calmer(plan, card)
                return Retry(changed, f"again with motion at {changed.motion:.0%}")
            case "other_tile":
                return Retry(retiled(plan, card), "again with other tiles")
            case _:
                return Retry(None, "")
    except PlanRefused as refusal:
        return Retry(None, refusal.message)

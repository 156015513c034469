"""Other ways to render a shot that was refused: less motion, other tiles. Pure, as all planning."""

from dataclasses import replace

from reelkiln.errors import PlanRefused
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan

__all__ = ["calmer", "retiled"]

_OTHER_SEED = "Try another seed, or ask for less motion in the prompt."


def calmer(plan: Plan, card: Card) -> Plan:
    """The plan after one whose picture jumped: the same seeds with the next smaller motion.

    Raises:
        PlanRefused: the model has no way to move less, or none smaller than this plan's.
    """
    smaller = [motion for motion in card.calmer if motion < plan.motion]
    if not smaller:
        said = "moves as little as it can" if card.calmer else "cannot be told to move less"
        raise PlanRefused(f"{card.name} {said}", hint=_OTHER_SEED)
    motion = max(smaller)
    why = f"The picture jumped: motion at {motion:.0%}."
    return replace(plan, motion=motion, because=(why,))


def retiled(plan: Plan, card: Card) -> Plan:
    """The plan after one whose tiles showed: the same seeds, decoded with other tile borders.

    Raises:
        PlanRefused: it decodes without tiles, or every way to lay them was tried.
    """
    if plan.rung.decode != "tiles":
        raise PlanRefused(f"{card.name} was decoded without tiles", hint=_OTHER_SEED)
    if plan.tiling + 1 >= card.tilings:
        raise PlanRefused(f"{card.name} has no other way to lay its tiles", hint=_OTHER_SEED)
    why = "Borders of tiles showed: laid elsewhere."
    return replace(plan, tiling=plan.tiling + 1, because=(why,))

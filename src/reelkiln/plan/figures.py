"""Where the seconds and bytes of a plan come from: counted by the formula, or measured here."""

from dataclasses import dataclass, replace
from typing import Literal

from reelkiln.plan.attempt import attempt, found_for
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import outline
from reelkiln.plan.plan import Plan
from reelkiln.reel import Shot

__all__ = ["Figures", "figures_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`source` says where predictions come from. Of what was measured on this machine, `of` says
    whose it is ("this way", "this model", "its family"), `on` the date (ISO 8601), `clips` how many
    there were. `start_seconds` pass before rendering begins, `render_seconds` after that."""

    source: Literal["formula", "measured"]
    of: str = ""
    on: str = ""
    clips: int = 0
    start_seconds: float
    render_seconds: float


def figures_of(plan: Plan, shot: Shot, card: Card, machine: Machine) -> Figures:
    """What a plan of this shot on this machine was predicted by."""
    what = replace(outline(shot, card), size=plan.size)
    stand = attempt(what, plan.rung, machine, plan.dtype, plan.kept_bytes)
    start, render = round(stand.start_seconds, 1), round(stand.seconds - stand.start_seconds, 1)
    found = found_for(what, plan.rung, machine)
    if found is None:
        return Figures(source="formula", start_seconds=start, render_seconds=render)
    return Figures(
        source="measured",
        of=found.whose,
        on=found.figures.on,
        clips=found.figures.runs,
        start_seconds=start,
        render_seconds=render,
    )

"""Where the seconds and bytes of a plan come from: counted by the formula, or measured here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reelkiln.plan.attempt import attempt, found_for
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.reasons import UNCOUNTED
from reelkiln.reel import Shot

__all__ = ["Figures", "figures_of", "together"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a plan's seconds are made of, and where they come from.

    `source` says where predictions come from. Of what was measured on this machine, `of` says
    whose it is ("this way", "this model", "its family"), `on` the date (ISO 8601), `clips` how many
    there were.

    `start_seconds` pass once in a process, before rendering begins; then its first clip takes
    `first_seconds`, and each further clip of the same words `further_seconds`, of other words
    `words_seconds` more. `uncounted` names what the first clip takes besides, which the formula
    does not know: `first_seconds` is then the least it takes.
    """

    source: Literal["formula", "measured"]
    of: str = ""
    on: str = ""
    clips: int = 0
    start_seconds: float
    first_seconds: float
    further_seconds: float
    words_seconds: float = 0.0
    uncounted: tuple[str, ...] = ()


def together(clips: Sequence[Figures]) -> float:
    """Seconds of these clips, each of other words, one after another in one process.

    >>> one = Figures(
    ...     source="measured", start_seconds=8, first_seconds=6, further_seconds=2, words_seconds=1
    ... )
    >>> together([one, one, one])
    20
    """
    each = [one.further_seconds + one.words_seconds for one in clips]
    once = [
        one.start_seconds + one.first_seconds - own for one, own in zip(clips, each, strict=True)
    ]
    return max(once) + sum(each)


def figures_of(plan: Plan, shot: Shot, card: Card, machine: Machine) -> Figures:
    """What a plan of this shot on this machine was predicted by."""
    what = replace(outline(shot, card), size=plan.size)
    stand = attempt(what, plan.rung, machine, plan.dtype, plan.kept_bytes)
    rendering = stand.seconds - stand.start_seconds
    found = found_for(what, plan.rung, machine)
    return Figures(
        source="measured" if found else "formula",
        of=found.whose if found else "",
        on=found.figures.on if found else "",
        clips=found.figures.runs if found else 0,
        start_seconds=round(stand.start_seconds, 1),
        first_seconds=round(rendering, 1),
        further_seconds=round(rendering - stand.first_seconds - stand.words_seconds, 1),
        words_seconds=round(stand.words_seconds, 1),
        uncounted=() if found else UNCOUNTED[plan.device],
    )

"""Which model is taken, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reelkiln.errors import WeightsMissing
from reelkiln.models.installed import said, sources_for
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine

__all__ = ["AUTO", "PREFERRED", "TRY_OUT", "Choice", "choose"]

AUTO = "auto"
TRY_OUT = "spark"
PREFERRED = ("epicrealism-lightning", "ltx-2b-distilled", "epicrealism")
"""What `auto` looks for on a machine with a GPU, the quickest first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, and why it was taken."""

    card: Card
    because: str


def choose(
    name: str,
    cards: Mapping[str, Card],
    machine: Machine,
    *,
    find: Callable[[str], Card],
    installed: Callable[[Card], bool],
) -> Choice:
    """The model called `name`, or for "auto" the one that suits this machine.

    With a GPU it is the first of `PREFERRED` that is on the disk: the bundled model is never passed
    off as the real thing. Without one it is the bundled try-out model, and that is said.

    Raises:
        UnknownName: there is no such model; the hint names the nearest.
        WeightsMissing: auto, a GPU, and none of `PREFERRED` on the disk.
    """
    if name != AUTO:
        card = find(name)
        here = _set_here(card, installed)
        if here is None or here is card:
            return Choice(card, "you asked for it")
        return Choice(here, f"you asked for it, and its set {here.default_set} is on this disk")
    if machine.gpu is None:
        return Choice(
            cards[TRY_OUT],
            "there is no GPU here that torch can use, so this is the small bundled model,"
            " for trying things out",
        )
    for wanted in PREFERRED:
        card_here = _set_here(cards[wanted], installed) if wanted in cards else None
        if card_here is not None:
            return Choice(card_here, f"it is on this disk, and {machine.gpu} can run it")
    raise _nothing_installed(cards[PREFERRED[0]], machine)


def _set_here(card: Card, installed: Callable[[Card], bool]) -> Card | None:
    """The card with the first of its sets that is on the disk, its own set before the others."""
    if installed(card):
        return card
    # Whoever names a set gets that one.
    others = () if "@" in card.name else card.each_set[1:]
    return next((other for other in others if installed(other)), None)


def _nothing_installed(card: Card, machine: Machine) -> WeightsMissing:
    size = said(sum(source.bytes for source in sources_for(card, card.default_preset)))
    return WeightsMissing(
        f"no model for {machine.gpu} is on this disk yet",
        hint=f"Run `reelkiln models pull {card.name}` ({size}), or take the small bundled model"
        f" with `--model {TRY_OUT}`.",
    )

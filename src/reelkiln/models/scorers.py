"""The cards of the scorers: one TOML file each in `models/scorers/`, read strictly."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import TypeAlias

from reelkiln.errors import UsageError
from reelkiln.models.cards import load_cards
from reelkiln.plan.card import Card
from reelkiln.plan.form import read
from reelkiln.plan.scorer import ScorerCard
from reelkiln.plan.wish import unknown_name

__all__ = ["Fetchable", "find_fetchable", "find_scorer", "load_scorers", "read_scorer"]

Fetchable: TypeAlias = Card | ScorerCard
"""What can be pulled and checked: a model or a scorer."""


def load_scorers() -> Mapping[str, ScorerCard]:
    """Every scorer of the package by its name, in alphabetical order.

    Raises:
        UsageError: a card has a mistake; the message names the file and the key.
    """
    folder = files("reelkiln.models") / "scorers"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    cards = (read_scorer((folder / name).read_text("utf-8"), name) for name in found)
    return {card.name: card for card in cards}


def find_scorer(name: str) -> ScorerCard:
    """The scorer of that name.

    Raises:
        UnknownName: there is none; the hint names the nearest.
    """
    scorers = load_scorers()
    if name not in scorers:
        raise unknown_name("scorer", name, scorers)
    return scorers[name]


def find_fetchable(name: str) -> Fetchable:
    """The model or scorer of that name.

    Raises:
        UnknownName: there is neither; the hint names the nearest.
    """
    known: Mapping[str, Fetchable] = {**load_cards(), **load_scorers()}
    if name not in known:
        raise unknown_name("model", name, known)
    return known[name]


def read_scorer(text: str, file: str) -> ScorerCard:
    """One card from the text of its file, whose name must be the card's own plus `.toml`.

    Raises:
        UsageError: it is no TOML, a key is unknown, missing or of the wrong type, or the values
            contradict each other.
    """
    try:
        card: ScorerCard = read(ScorerCard, tomllib.loads(text), "")
    except tomllib.TOMLDecodeError as wrong:
        raise UsageError(f"{file}: not TOML: {wrong}", hint="Mend that line.") from None
    except UsageError as wrong:
        raise UsageError(f"{file}: {wrong.message}", hint=wrong.hint) from None
    if file != f"{card.name}.toml":
        raise UsageError(f"{file}: holds the card {card.name!r}", hint="Name both alike.")
    return card

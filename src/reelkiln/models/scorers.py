"""The cards of the scorers: one TOML file each in `models/scorers/`, read strictly."""

from collections.abc import Mapping

from reelkiln.errors import unknown_name
from reelkiln.models.cards import find_card, load_cards, read_folder
from reelkiln.plan.scorer import Fetchable, ScorerCard

__all__ = ["find_fetchable", "find_scorer", "load_scorers"]


def load_scorers() -> Mapping[str, ScorerCard]:
    """Every scorer of the package by its name, in alphabetical order.

    Raises:
        UsageError: a card has a mistake; the message names the file and the key.
    """
    return read_folder(ScorerCard, "scorers")


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
    """The model (also as `name@set`) or the scorer of that name.

    Raises:
        UnknownName: there is neither; the hint names the nearest.
    """
    scorers = load_scorers()
    if name in scorers:
        return scorers[name]
    if name.partition("@")[0] in load_cards():
        return find_card(name)
    raise unknown_name("model", name, {**load_cards(), **scorers})

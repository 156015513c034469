"""The cards of the models: one TOML file each in `models/cards/`, read strictly.

A new model of a known family is one more file there. `docs/models.md` says how to write one.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import TypeVar

from reelkiln.errors import UsageError, unknown_name
from reelkiln.plan import form
from reelkiln.plan.card import Card
from reelkiln.plan.scorer import ScorerCard

__all__ = ["find_card", "load_cards", "read_card", "read_folder"]

Kind = TypeVar("Kind", Card, ScorerCard)


def load_cards() -> Mapping[str, Card]:
    """Every card of the package by its name, in alphabetical order.

    Raises:
        UsageError: a card has a mistake; the message names the file and the key.
    """
    return read_folder(Card, "cards")


def find_card(name: str) -> Card:
    """The card of that name; `name@set` is the card with another of its sets of files.

    Raises:
        UnknownName: there is none; the hint names the nearest.
    """
    cards = load_cards()
    model, marked, chosen = name.partition("@")
    if model not in cards:
        raise unknown_name("model", model, cards)
    return cards[model].with_set(chosen) if marked else cards[model]


def read_card(text: str, file: str) -> Card:
    """One card from the text of its file, whose name must be the card's own plus `.toml`.

    Raises:
        UsageError: as `read_toml` says.
    """
    return read_toml(Card, text, file)


def read_toml(kind: type[Kind], text: str, file: str) -> Kind:
    """A card of the given kind from the text of its file, `NAME.toml`.

    Raises:
        UsageError: it is no TOML, a key is unknown, missing or of the wrong type, the values
            contradict each other, or the file has another name.
    """
    card: Kind = form.read_toml(kind, text, file)
    if "@" in card.name or file != f"{card.name}.toml":
        raise UsageError(f"{file}: holds the card {card.name!r}", hint="Name both alike.")
    return card


def read_folder(kind: type[Kind], folder: str) -> Mapping[str, Kind]:
    """Every card of a folder beside this file by its name, in alphabetical order.

    Raises:
        UsageError: a card has a mistake; the message names the file and the key.
    """
    root = files("reelkiln.models") / folder
    found = sorted(entry.name for entry in root.iterdir() if entry.name.endswith(".toml"))
    cards = (read_toml(kind, (root / name).read_text("utf-8"), name) for name in found)
    return {card.name: card for card in cards}

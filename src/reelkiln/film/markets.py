"""Whether a film shows, by default, that it is made by AI: what the laws of its markets ask.

The rules are data (`markets.toml`); docs/legal.md says what they rest on and what they leave open.
A film with the note is not called compliant with anything, nor is one without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from reelkiln.plan.form import read_toml

__all__ = ["WORDS", "Asked", "Rule", "asked_by", "rules"]

WORDS = {
    "en": "Made with AI",
    "ar": "صُنع بالذكاء الاصطناعي",
    "de": "Mit KI erstellt",
    "es": "Hecho con IA",
    "fr": "Créé avec l’IA",
    "hi": "एआई से बनाया गया",
    "it": "Creato con l’IA",
    "pt": "Feito com IA",
    "ta": "செயற்கை நுண்ணறிவால் உருவாக்கப்பட்டது",
}
"""The note where a brand has no words of its own for a language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One law: the markets it rules (ISO 3166-1, or EU), and when the note is shown by default.

    `visible` is "always", or "person": only where a film shows one. `because` is the law in short.
    """

    law: str
    markets: tuple[str, ...]
    visible: Literal["always", "person"]
    because: str
    read_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whether the note is shown by default, and why: a line for each law that speaks of it."""

    visible: bool
    because: tuple[str, ...]


def rules() -> tuple[Rule, ...]:
    """The rules that come along.

    Raises:
        UsageError: the file has a mistake.
    """
    name = "markets.toml"
    book: _Book = read_toml(_Book, (files("reelkiln.film") / name).read_text("utf-8"), name)
    return book.rules


def asked_by(markets: Sequence[str], *, shows_person: bool) -> Asked:
    """What the laws of these markets make of a film.

    >>> asked_by(["IN"], shows_person=False).visible, asked_by(["US"], shows_person=False).visible
    (True, False)
    """
    found = [rule for rule in rules() if set(rule.markets) & set(markets)]
    telling = [rule for rule in found if rule.visible == "always" or shows_person]
    return Asked(
        visible=bool(telling),
        because=tuple(f"{rule.law}: {rule.because}" for rule in telling),
    )

"""What a person asked for, checked, as Shots."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from reelkiln.errors import UsageError
from reelkiln.film.platforms import least_seconds
from reelkiln.plan.card import Card
from reelkiln.plan.wish import check_shot
from reelkiln.reel import ASPECTS, Shot, Size

__all__ = [
    "SEED_MAX",
    "Wish",
    "advice",
    "clean_words",
    "networks_that_refuse",
    "parse_seconds",
    "parse_size",
    "shots_of",
    "unknown_words",
]

SEED_MAX = 2**32 - 1
WORD = r"[^\W_]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One call of `make`: words, and how often. `preset` None takes the card's own.

    `image` is the path of a start picture.
    """

    prompt: str
    negative: str = ""
    preset: str | None = None
    seconds: Fraction = Fraction(4)
    size: Size = ASPECTS["9:16"]
    seed: int = 0
    count: int = 1
    image: str | None = None


def shots_of(wish: Wish, card: Card) -> tuple[Shot, ...]:
    """`wish.count` shots for this model, alike but for their seeds: seed, seed + 1, …

    Raises:
        UsageError, UnknownName: words, seconds, size or preset that cannot be rendered.
    """
    prompt = clean_words(wish.prompt, "prompt")
    negative = clean_words(wish.negative, "negative prompt")
    preset = wish.preset or card.default_preset
    shots = tuple(
        Shot(
            prompt=prompt,
            negative=negative,
            seconds=wish.seconds,
            size=wish.size,
            seed=(wish.seed + number) % (SEED_MAX + 1),
            model=card.name,
            preset=preset,
            image=wish.image,
        )
        for number in range(wish.count)
    )
    check_shot(shots[0], card)
    return shots


def clean_words(words: str, what: str) -> str:
    """The words without outer spaces.

    Raises:
        UsageError: they hold bytes that are no text, as a wrong encoding leaves them.
    """
    if re.search("[\ud800-\udfff]", words):
        raise UsageError(
            f"the {what} holds bytes that are no UTF-8 text", hint="Type it or save it as UTF-8."
        )
    return words.strip()


def parse_seconds(text: str) -> Fraction:
    """A number of seconds, exactly: "4", "2.5" or "7/3".

    Raises:
        UsageError: it is no such number.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}|/0*[1-9][0-9]{0,8})?", text.strip(), re.ASCII):
        raise UsageError(
            f"{text!r} is no number of seconds", hint="Say --seconds 4, or any from 1 to 8."
        )
    return Fraction(text.strip())


def parse_size(size: str | None, aspect: str | None) -> Size:
    """The delivered size: "WxH", or the size of an aspect, by default that of 9:16.

    Raises:
        UsageError: both are given, or they are not of that form.
    """
    if size is None:
        if aspect is not None and aspect not in ASPECTS:
            raise UsageError(
                f"no aspect is called {aspect!r}", hint=f"Choose from {', '.join(ASPECTS)}."
            )
        return ASPECTS[aspect or "9:16"]
    if aspect is not None:
        raise UsageError("--size and --aspect are two answers", hint="Give one of them.")
    return _parse_pixels(size)


def _parse_pixels(text: str) -> Size:
    found = re.fullmatch(r"([0-9]{1,6})[xX×]([0-9]{1,6})", text.strip(), re.ASCII)
    if not found:
        raise UsageError(f"{text!r} is no size", hint="Say --size 720x1280: width, x, height.")
    return Size(int(found[1]), int(found[2]))


def networks_that_refuse(seconds: Fraction) -> tuple[str, ...]:
    """The networks that take no video this short, in order of the alphabet.

    The figures and their sources: `film/platforms/*.toml`.

    >>> networks_that_refuse(Fraction(3))
    ('Pinterest',)
    """
    return tuple(sorted(name for name, least in least_seconds().items() if seconds < least))


def unknown_words(card: Card, prompt: str) -> bool:
    """Whether the model knows a list of words and none of them stands in the prompt.

    The card's list is for people to read; other words for the same things, which the model was
    trained on too ("sunscreen", "in a forest"), stand beside its judge.
    """
    spoken = f" {' '.join(re.findall(WORD, prompt.lower()))} "
    if not card.vocabulary or any(
        f" {' '.join(re.findall(WORD, phrase.lower()))} " in spoken for phrase in card.vocabulary
    ):
        return False
    # Seldom needed, and the gate's libraries take a second to import.
    from reelkiln.backends.score import read_vocabulary, read_words
    from reelkiln.kiln.standards import JUDGE
    from reelkiln.models.installed import locate

    if not (card.bundled and any(source.name == JUDGE for source in card.sources)):
        return True
    return not read_words(prompt, read_vocabulary(locate(card, card.default_preset)[JUDGE]))


def advice(shot: Shot, card: Card) -> tuple[str, ...]:
    """What a person should know before the clip is rendered: short lines, or none."""
    lines = []
    if refusing := networks_that_refuse(shot.seconds):
        lines.append(f"{float(shot.seconds):g} s is too short for {', '.join(refusing)}")
    if unknown_words(card, shot.prompt):
        lines.append(
            f"{card.name} knows none of these words; it knows: {', '.join(card.vocabulary)}"
        )
    return tuple(lines)

"""Random requests: what a person may ask of any model, on the machines that a person may have."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from reelkiln.kiln.told import Setting, tuned
from reelkiln.models.cards import load_cards
from reelkiln.plan.card import Card
from reelkiln.plan.machine import GiB, Machine
from reelkiln.reel import ASPECTS, Shot, Size

CAPS = (2.0, 3.1, 3.4, 6.0, 10.0)
"""GiB of GPU memory that are free."""
OTHER_CAPS = (0.0, 6.8, 24.0)
"""No GPU, one of 8 GB and a large one: for those rungs that are for them."""
TIERS = (8, 16, 32)
"""GiB of RAM in all, three quarters of them free."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing asked for. `batch` films of these words, with seeds that count up; `kept` says that
    the words were encoded before. `card` holds the steps and guidance that were asked for."""

    card: Card
    shot: Shot
    machine: Machine
    batch: int
    kept: bool


def families() -> Mapping[str, tuple[Card, ...]]:
    """Every card with every one of its sets, by family."""
    found: dict[str, tuple[Card, ...]] = {}
    for card in load_cards().values():
        found[card.family] = (*found.get(card.family, ()), *card.each_set)
    return found


def machine(cap: float, *, ram: int, system: str) -> Machine:
    """A computer with `cap` GiB of GPU memory free (0: no GPU), and `ram` GiB of RAM in all."""
    return Machine(
        gpu="RTX 3050 Ti" if cap else None,
        vram_total=max(int(cap * 1.2 * GiB), 4 * GiB) if cap else 0,
        vram_free=int(cap * GiB),
        bf16=bool(cap),
        ram_total=ram * GiB,
        ram_free=ram * GiB * 3 // 4,
        system=system,
        cores=8,
    )


def requests(cards: tuple[Card, ...], cap: float, seed: int = 5) -> Iterator[Request]:
    """Random requests under one cap, without end; equal arguments give equal ones.

    Not all are legal: a model may take no start picture, or draw in no other number of steps.
    """
    draw = random.Random(f"{seed}-{cap}")
    while True:
        card = draw.choice(cards)
        preset = draw.choice(sorted(card.presets))
        yield Request(
            card=_asked(card, preset, draw),
            shot=Shot(
                prompt=draw.choice(("a gold bottle", "a red jar on stone, " * 20)),
                negative=draw.choice(("", "blurry")),
                seconds=Fraction(draw.randint(10, 80), 10),
                size=_size(draw),
                seed=draw.randrange(2**32),
                model=card.name,
                preset=preset,
                image="start.png" if draw.random() < _led(card) else None,
            ),
            machine=machine(cap, ram=draw.choice(TIERS), system=draw.choice(("Linux", "Windows"))),
            batch=draw.choice((1, 1, 2, 4)),
            kept=draw.random() < 0.5,
        )


def _asked(card: Card, preset: str, draw: random.Random) -> Card:
    """The card as a person tuned it: half of them leave it as it is."""
    if draw.random() < 0.5:
        return card
    steps = None if card.presets[preset].sigmas else draw.randint(1, 50)
    guidance = draw.choice((None, 1.0, draw.uniform(1, 12)))
    return tuned(card, preset, Setting(steps=steps, guidance=guidance))


def _led(card: Card) -> float:
    """How often a start picture is asked for; sometimes also where the model takes none."""
    return 0.3 if card.reach.kind == "lead" else 0.03


def _size(draw: random.Random) -> Size:
    """A platform's size, or any from square to four to one, upright or wide."""
    if draw.random() < 0.5:
        return draw.choice(list(ASPECTS.values()))
    short = draw.randrange(64, 1081, 2)
    long = min(int(short * draw.uniform(1, 4)), 4 * short, 4096) // 2 * 2
    return draw.choice((Size(short, long), Size(long, short)))

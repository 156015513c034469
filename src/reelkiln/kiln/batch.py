"""A batch: every wish of a file expanded and planned before the first one is rendered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reelkiln.errors import GateRefused, PlanRefused, ReelkilnError
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import Delivery
from reelkiln.kiln.make import Order, make
from reelkiln.kiln.told import chosen, order_of
from reelkiln.kiln.watch import Watch
from reelkiln.names import slug
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, SECONDS_DEFAULT, Shot
from reelkiln.script.batch import Wish
from reelkiln.script.expand import Scripted, expand
from reelkiln.script.workspace import Workspace

__all__ = ["Group", "make_batch", "plan_batch"]

Chooser = Callable[[str, str | None], Choice]
"""A model's name or "auto", and a preset: the model to take."""


@dataclass(frozen=True, slots=True)
class Group:
    """Orders that one loading of one model renders."""

    choice: Choice
    orders: tuple[Order, ...]


def plan_batch(
    wishes: Sequence[Wish],
    space: Workspace | None,
    bench: Bench,
    choose: Chooser,
    folder: Path,
) -> tuple[Group, ...]:
    """Every clip of a batch, planned for this machine, grouped by model and preset.

    The order of the file is kept within a group, and groups stand in the order of their first clip.

    Args:
        space: the workspace, where a wish names a template.
        folder: where the clips go.

    Raises:
        PlanRefused: with a line for each wish that cannot be rendered here.
        WeightsMissing, UnknownName: as `choose` says.
    """
    grouped: dict[tuple[str, str], tuple[Choice, list[Order]]] = {}
    refused: list[str] = []
    taken: set[str] = set()
    for wish in wishes:
        choice = choose(wish.model or "auto", wish.preset)
        try:
            orders = [_named(order, taken) for order in _orders(wish, space, bench, choice, folder)]
        except ReelkilnError as error:
            refused.append(f"{wish.row.place()}: {error.message}")
            continue
        for order in orders:
            key = (order.shot.model, order.shot.preset)
            grouped.setdefault(key, (choice, []))[1].append(order)
    if refused:
        raise PlanRefused(
            f"{len(refused)} of {len(wishes)} wishes cannot be rendered on this machine",
            hint="Change these lines, or take another model; nothing was rendered.",
            details=tuple(refused),
        )
    return tuple(Group(choice, tuple(orders)) for choice, orders in grouped.values())


def make_batch(groups: Sequence[Group], bench: Bench, watch: Watch) -> tuple[Delivery, ...]:
    """Make every clip of a batch; a clip that the gate refuses does not stop the others.

    Raises:
        GateRefused: at the end, when clips were refused; its details name what was kept.
        Others as `kiln.make.make` says; the clips made so far stay.
    """
    deliveries: list[Delivery] = []
    refusals: list[str] = []
    for group in groups:
        try:
            deliveries += make(group.orders, group.choice, bench, watch)
        except GateRefused as refusal:
            refusals += refusal.details or (refusal.message,)
    if refusals:
        raise GateRefused(
            "some clips were refused; the others are done",
            hint="Look at what was kept, or try other words.",
            details=tuple(refusals),
        )
    return tuple(deliveries)


def _orders(
    wish: Wish, space: Workspace | None, bench: Bench, choice: Choice, folder: Path
) -> Iterator[Order]:
    if wish.prompt is not None:
        yield from _typed(wish, wish.prompt, bench, choice, folder)
        return
    if space is None or wish.template is None or wish.product is None:
        raise AssertionError("a wish without a prompt names a template of a workspace")
    skus = list(space.products) if wish.product == "all" else [wish.product]
    for sku in skus:
        setting = chosen(bench, wish.template, sku, choice.card.name)
        shots = expand(
            space.templates[wish.template],
            space.products[sku],
            space.brand,
            space.lists,
            count=wish.count,
            seed=wish.seed or 0,
            only=wish.variant or setting.variant,
        )
        for shot in shots:
            movie = folder / f"{shot.name}.mp4"
            wanted = _wanted(shot, wish)
            yield order_of(
                wanted,
                choice,
                bench,
                movie,
                preset=wish.preset,
                setting=replace(setting, seed=None),
                palette=space.brand.palette,
                photo=space.photo(sku),
            )


def _typed(wish: Wish, prompt: str, bench: Bench, choice: Choice, folder: Path) -> Iterator[Order]:
    first = secrets.randbelow(2**32) if wish.seed is None else wish.seed
    for number in range(wish.count):
        shot = Shot(
            prompt=prompt,
            negative=wish.negative,
            seconds=wish.seconds or SECONDS_DEFAULT,
            size=ASPECTS[wish.aspect or "9:16"],
            seed=(first + number) % 2**32,
            model=choice.card.name,
            preset=wish.preset or choice.card.default_preset,
        )
        movie = folder / f"{slug(prompt, most=48)}-{shot.seed}.mp4"
        yield Order(shot=shot, plan=plan_shot(shot, choice.card, bench.machine), movie=movie)


def _wanted(shot: Scripted, wish: Wish) -> Scripted:
    """The shot with the length and aspect that the wish names, else the template's."""
    return replace(
        shot,
        seconds=wish.seconds or shot.seconds,
        aspect=wish.aspect or shot.aspect,
    )


def _named(order: Order, taken: set[str]) -> Order:
    """The order under a name that no other one of the batch has."""
    stem, number = order.movie.stem, 1
    while order.movie.with_stem(stem if number == 1 else f"{stem}-{number}").name in taken:
        number += 1
    movie = order.movie if number == 1 else order.movie.with_stem(f"{stem}-{number}")
    taken.add(movie.name)
    return replace(order, movie=movie)

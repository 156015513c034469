"""A batch that is rendered at once: clips grouped by the model that renders them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelkiln.errors import GateRefused, PlanRefused, ReelkilnError
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import Delivery
from reelkiln.kiln.make import Order, make
from reelkiln.kiln.orders import Accepts, Clip
from reelkiln.kiln.watch import Watch
from reelkiln.models.installed import locate
from reelkiln.plan.walk import plan_shot

__all__ = ["Group", "groups_of", "make_batch"]


@dataclass(frozen=True, slots=True)
class Group:
    """Orders that one loading of one model renders."""

    choice: Choice
    orders: tuple[Order, ...]


def groups_of(
    clips: Sequence[tuple[Clip, Path]], accepts: Accepts, bench: Bench, *, workspace: Path
) -> tuple[Group, ...]:
    """The clips and their files, planned for this machine, grouped by model and preset.

    The order of the clips is kept within a group, and groups stand in the order of their first.

    Raises:
        PlanRefused: no accepted model can render one of them here.
    """
    grouped: dict[tuple[str, str], tuple[Choice, list[Order]]] = {}
    for clip, movie in clips:
        choice, order = _order(clip, movie, accepts, bench, workspace)
        key = (order.shot.model, order.shot.preset)
        grouped.setdefault(key, (choice, []))[1].append(order)
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


def _order(
    clip: Clip, movie: Path, accepts: Accepts, bench: Bench, workspace: Path
) -> tuple[Choice, Order]:
    """The clip with the first accepted model that can render it here, and what stood against
    those before it."""
    cards = {choice.card.name: choice for choice in accepts.choices}
    told: list[str] = []
    for candidate in clip.work.candidates:
        choice = cards[candidate.shot.model]
        card = candidate.card({choice.card.name: choice.card})
        if card is None:
            continue
        try:
            locate(card, candidate.shot.preset, bench.cache)
            plan = plan_shot(candidate.shot, card, bench.machine)
        except ReelkilnError as error:
            told.append(f"{card.name}: {error.message}")
            continue
        because = f"taken because {'; '.join(told)}" if told else choice.because
        photo = workspace / clip.work.photo if clip.work.photo else None
        return Choice(choice.card, because), Order(
            shot=candidate.shot,
            plan=plan,
            movie=movie,
            private=clip.work.private,
            origin=clip.work.origin,
            palette=clip.work.palette,
            photo=photo,
        )
    raise PlanRefused(f"no accepted model can render {movie.name} here", details=tuple(told))

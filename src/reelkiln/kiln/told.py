"""Scripted shots become orders: words bound to a model, with the settings that people chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelkiln.errors import UsageError
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.make import Order
from reelkiln.kiln.start import check_picture
from reelkiln.plan.card import Card
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Origin, Size
from reelkiln.script.expand import Scripted, to_shot
from reelkiln.store.reviews import find_setting

__all__ = ["Setting", "chosen", "order_of", "tuned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a person chose for a template, a product and a model; None: as the card says."""

    variant: str | None = None
    guidance: float | None = None
    steps: int | None = None
    seed: int | None = None

    def as_json(self) -> dict[str, str | float | int]:
        """The fields that say something."""
        fields: dict[str, Any] = {
            "variant": self.variant,
            "guidance": self.guidance,
            "steps": self.steps,
            "seed": self.seed,
        }
        return {name: value for name, value in fields.items() if value is not None}


def chosen(bench: Bench, template: str, product: str, model: str) -> Setting:
    """The setting that was chosen in this workspace, or an empty one."""
    found: Mapping[str, Any] = (
        find_setting(bench.ledger, template=template, product=product, model=model) or {}
    )
    return Setting(**found)


def tuned(card: Card, preset: str, setting: Setting) -> Card:
    """The card with a setting's steps and guidance in one of its presets.

    Raises:
        UsageError: the model was distilled for other steps.
    """
    own = card.presets[preset]
    if own.sigmas and setting.steps not in (None, own.steps):
        raise UsageError(
            f"{card.name} was distilled for {own.steps} steps and draws in no other number",
            hint="Leave the steps as they are, or take a model that was not distilled.",
        )
    steps = own.steps if setting.steps is None else setting.steps
    changed = replace(
        own,
        steps=steps,
        cache_every=min(own.cache_every, steps),
        guidance=own.guidance if setting.guidance is None else setting.guidance,
    )
    return replace(card, presets={**card.presets, preset: changed})


def order_of(
    scripted: Scripted,
    choice: Choice,
    bench: Bench,
    movie: Path,
    *,
    preset: str | None = None,
    setting: Setting | None = None,
    palette: tuple[str, ...] = (),
    photo: Path | None = None,
    size: Size | None = None,
) -> Order:
    """A scripted shot, planned for this machine.

    Args:
        size: of the delivery; default: its aspect's.
        setting: steps, guidance and seed to use; default: the card's.
        palette: the brand's colours.
        photo: a picture of the product, to hold the takes against.

    Raises:
        PlanRefused, UsageError: as `plan_shot` says, or its start picture cannot be used.
    """
    shot, _ = to_shot(scripted, choice.card, preset=preset)
    shot = replace(shot, size=size) if size else shot
    card = choice.card
    if setting:
        card = tuned(card, shot.preset, setting)
        shot = shot if setting.seed is None else replace(shot, seed=setting.seed)
    origin = Origin(
        template=scripted.template,
        variant=scripted.variant,
        product=scripted.product,
        number=scripted.number,
        needs_tick=scripted.needs_tick,
    )
    plan = plan_shot(shot, card, bench.machine)
    check_picture(shot, plan)
    return Order(shot=shot, plan=plan, movie=movie, origin=origin, palette=palette, photo=photo)

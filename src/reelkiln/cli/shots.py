"""`reelkiln shots`: every prompt, before anything is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.options import Json
from reelkiln.cli.workspace import (
    ProductName,
    ScriptSeed,
    TemplateName,
    VariantName,
    opened,
    scripted,
)

if TYPE_CHECKING:
    from reelkiln.plan.card import Card
    from reelkiln.script.expand import Scripted

__all__ = ["shots"]


def shots(
    template: TemplateName,
    *,
    product: ProductName = "all",
    variant: VariantName = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=1000, help="Shots for each product.")
    ] = 1,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Only this model's words, or all.")
    ] = "all",
    seed: ScriptSeed = 0,
    json: Json = False,
) -> None:
    """Show every prompt of a template, for each model, before anything is rendered."""
    from reelkiln.models.cards import find_card, load_cards

    cards = list(load_cards().values()) if model == "all" else [find_card(model)]
    found = scripted(opened(), template, product, variant=variant, count=count, seed=seed)
    if json:
        show_json({"shots": [_shot_json(shot, cards) for shot in found]})
        return
    for shot in found:
        out(f"{shot.name}  {shot.variant}, {float(shot.seconds):g} s, {shot.aspect}")
        for card in cards:
            wording = shot.wordings[card.dialect]
            out(f"  {card.name}: {wording.prompt}")
            if wording.cut:
                out(f"    cut, too long for {card.name}: {'; '.join(wording.cut)}")
        if shot.needs_tick:
            out("  a reviewer must confirm that the product does what this shows")
    _say_fewer(found, template, product, count)


def _say_fewer(found: tuple[Scripted, ...], template: str, product: str, count: int) -> None:
    """Slots allow only so many different shots; nobody shall count them to find out."""
    made: dict[str, int] = {}
    for shot in found:
        made[shot.product] = made.get(shot.product, 0) + 1
    short = [f"{sku}: {made_of}" for sku, made_of in made.items() if made_of < count]
    if short:
        say(f"{template} has no more different shots than that for {', '.join(short)}")
    if not found:
        say(f"{template} has no variant that suits {product}")


def _shot_json(shot: Scripted, cards: list[Card]) -> dict[str, Any]:
    return {
        "name": shot.name,
        "template": shot.template,
        "variant": shot.variant,
        "product": shot.product,
        "seed": shot.seed,
        "seconds": float(shot.seconds),
        "aspect": shot.aspect,
        "needs_tick": shot.needs_tick,
        "prompts": {
            card.name: {
                "prompt": wording.prompt,
                "negative": wording.negative,
                "tokens": wording.tokens,
                "cut": list(wording.cut),
            }
            for card in cards
            for wording in (shot.wordings[card.dialect],)
        },
    }

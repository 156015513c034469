"""`reelkiln models`: what can be rendered with, what it costs, what is on this disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from reelkiln.cli.console import out, show_json, table
from reelkiln.cli.options import Json
from reelkiln.cli.pull import LINE_MBIT, Name, cache_of, check, pull

if TYPE_CHECKING:
    from reelkiln.plan.card import Card, Licence, Source
    from reelkiln.plan.machine import Machine
    from reelkiln.plan.scorer import Fetchable, ScorerCard

__all__ = ["app", "list_models", "show"]

app = typer.Typer(
    help="See, download and check models.", no_args_is_help=True, rich_markup_mode=None
)

_HERE = {
    "bundled": "inside this package",
    "yes": "on this disk",
    "no": "not on this disk",
    "another set": "another set of it is",
}


@app.command("list")
def list_models(json: Json = False) -> None:
    """Show all models and scorers: size, what is on this disk, licence."""
    from reelkiln.models.cards import load_cards
    from reelkiln.models.scorers import load_scorers

    cache = cache_of()
    every: list[Fetchable] = [*load_cards().values(), *load_scorers().values()]
    facts = [_facts(card, cache) for card in every]
    if json:
        show_json({"models": facts})
        return
    head = ("model", "size", "on this disk", "commercial use", "what it is")
    rows = [(f["name"], f["size"], f["here"], f["commercial"], f["title"]) for f in facts]
    for line in table([head, *rows]):
        out(line)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show one model: where it comes from, its licence, what each preset costs here."""
    from reelkiln.models.scorers import find_fetchable
    from reelkiln.plan.scorer import ScorerCard
    from reelkiln.workshop.open import current_folder, open_workshop, this_machine
    from reelkiln.workshop.settings import read_settings

    card, cache = find_fetchable(name), cache_of()
    if isinstance(card, ScorerCard):
        _show_scorer(card, cache, json=json)
        return
    workshop = open_workshop(current_folder(), read_settings())
    presets = _presets(card, this_machine(workshop.state))
    if json:
        told = {"licence": _licence(card.licence), "sets": _sets(card, cache), "presets": presets}
        show_json({**_facts(card, cache), **told})
        return
    _show_facts(card, cache)
    sizes = ", ".join(str(size) for size in card.native)
    out(f"draws         {sizes} at {card.fps} frames a second")
    if card.reach.kind == "lead":
        out("begins from   words, or a picture (--image)")
    if card.vocabulary:
        out(f"knows         {', '.join(card.vocabulary)}")
    _show_sets(card, cache)
    out("\nWhat 4 seconds of 9:16 cost on this machine:")
    for line in table([(p["preset"], p["steps"], p["cost"]) for p in presets]):
        out(f"  {line}")


def _show_facts(card: Fetchable, cache: Path | None) -> None:
    facts = _facts(card, cache)
    out(f"{card.title}\n{card.summary}\n")
    out(f"size          {facts['size']}, {_HERE[facts['here']]}")
    for origin in dict.fromkeys(_origin(source) for source in card.used_sources):
        out(f"from          {origin}")
    out(f"licence       {card.licence.name}, {_licence_state(card.licence)}")
    out(f"commercial    {_commercial(card.licence)}")
    for duty in card.licence.duties:
        out(f"duty          {duty}")


def _show_scorer(card: ScorerCard, cache: Path | None, *, json: bool) -> None:
    from reelkiln.models.installed import said

    if json:
        show_json({**_facts(card, cache), "licence": _licence(card.licence), "ram": card.ram})
        return
    _show_facts(card, cache)
    out(f"memory        {said(card.ram)} while it looks at a clip, on the processor")


app.command()(pull)
app.command()(check)


def _facts(card: Fetchable, cache: Path | None) -> dict[str, Any]:
    from reelkiln.models.installed import is_installed, said, sources_for

    size = sum(source.bytes for source in sources_for(card, card.default_preset))
    here = "bundled" if card.bundled else "no"
    if not card.bundled and is_installed(card, card.default_preset, cache):
        here = "yes"
    others = [each for each in card.each_set[1:] if "@" not in card.name]
    if here == "no" and any(is_installed(each, each.default_preset, cache) for each in others):
        here = "another set"
    return {
        "name": card.name,
        "title": card.title,
        "size": said(size),
        "bytes": size,
        "here": here,
        "commercial": card.licence.commercial if card.licence.state == "read" else "not verified",
    }


def _sets(card: Card, cache: Path | None) -> list[dict[str, Any]]:
    """What each way to store the weights costs on the disk, on the line and in the picture."""
    return [
        {
            "set": name,
            **{key: _facts(card.with_set(name), cache)[key] for key in ("size", "bytes", "here")},
            "title": each.title,
            "quality": each.quality,
            "default": name == card.default_set,
        }
        for name, each in card.sets.items()
    ]


def _show_sets(card: Card, cache: Path | None) -> None:
    from reelkiln.plan.reasons import duration

    if not card.sets:
        return
    out(f"\nSets of files, and the time to fetch one over a line of {LINE_MBIT} Mbit a second:")
    for each in _sets(card, cache):
        mark = " (recommended)" if each["default"] and each["set"] != "recommended" else ""
        took = duration(each["bytes"] * 8 / (LINE_MBIT * 10**6))
        out(
            f"  {each['set']}{mark}: {each['title']}, {each['size']}, {_HERE[each['here']]}, {took}"
        )
        out(f"    picture: {each['quality']}")


def _presets(card: Card, machine: Machine) -> list[dict[str, Any]]:
    from reelkiln.errors import PlanRefused
    from reelkiln.plan.reasons import duration
    from reelkiln.plan.walk import plan_shot
    from reelkiln.reel import Shot

    rows = []
    for name, preset in card.presets.items():
        shot = Shot(prompt="a bottle", model=card.name, preset=name)
        try:
            plan = plan_shot(shot, card, machine)
            where = plan.peak_bytes if plan.device == "cuda" else plan.ram_bytes
            kind = "GPU memory" if plan.device == "cuda" else "memory"
            cost = f"about {duration(plan.seconds_estimate)}, {where / 2**30:.1f} GiB of {kind}"
        except PlanRefused as refused:
            cost = refused.message
        default = " (default)" if name == card.default_preset else ""
        rows.append({"preset": name + default, "steps": f"{preset.steps} steps", "cost": cost})
    return rows


def _licence(licence: Licence) -> dict[str, Any]:
    return {
        "name": licence.name,
        "state": licence.state,
        "source": licence.source,
        "read_on": licence.read_on,
        "commercial": licence.commercial if licence.state == "read" else "unknown",
        "duties": list(licence.duties),
    }


def _licence_state(licence: Licence) -> str:
    if licence.state == "read":
        return f"read on {licence.read_on} at {licence.source}"
    return "not verified: nobody has read it at its source yet"


def _commercial(licence: Licence) -> str:
    if licence.state != "read":
        return "unknown: read the licence yourself before you publish with it"
    return licence.commercial


def _origin(source: Source) -> str:
    if not source.repo:
        return "this package"
    commit = source.revision or f"the newest of {source.branch}, locked by the first pull"
    return f"{source.repo} at {commit}"

"""`reelkiln models`: what can be rendered with, what it costs, what is on this disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli import stop
from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json, PresetName, Quiet

if TYPE_CHECKING:
    from reelkiln.models.pull import Progress
    from reelkiln.plan.card import Card, Licence, Source
    from reelkiln.plan.machine import Machine

__all__ = ["app", "check", "list_models", "pull", "show"]

app = typer.Typer(
    help="See, download and check models.", no_args_is_help=True, rich_markup_mode=None
)

LINE_MBIT = 50
"""The line that waits are told for, in millions of bits a second: a usual one at home."""

_HERE = {"bundled": "inside this package", "yes": "on this disk", "no": "not on this disk"}

SetName = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="SET",
        help="Which of a model's sets of files, as `show` lists them. Default: the recommended.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, as `list` shows it.")]


@app.command("list")
def list_models(json: Json = False) -> None:
    """Show all models: size, what is on this disk, licence."""
    from reelkiln.models.cards import load_cards

    cache = _cache()
    facts = [_facts(card, cache) for card in load_cards().values()]
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
    from reelkiln.backends.probe import probe
    from reelkiln.models.cards import find_card

    card, cache = find_card(name), _cache()
    presets = _presets(card, probe())
    if json:
        told = {"licence": _licence(card.licence), "sets": _sets(card, cache), "presets": presets}
        show_json({**_facts(card, cache), **told})
        return
    facts = _facts(card, cache)
    out(f"{card.title}\n{card.summary}\n")
    out(f"size          {facts['size']}, {_HERE[facts['here']]}")
    for origin in dict.fromkeys(_origin(source) for source in card.used_sources):
        out(f"from          {origin}")
    out(f"licence       {card.licence.name}, {_licence_state(card.licence)}")
    out(f"commercial    {_commercial(card.licence)}")
    for duty in card.licence.duties:
        out(f"duty          {duty}")
    sizes = ", ".join(str(size) for size in card.native)
    out(f"draws         {sizes} at {card.fps} frames a second")
    if card.vocabulary:
        out(f"knows         {', '.join(card.vocabulary)}")
    _show_sets(card, cache)
    out("\nWhat 4 seconds of 9:16 cost on this machine:")
    for line in table([(p["preset"], p["steps"], p["cost"]) for p in presets]):
        out(f"  {line}")


@app.command()
def pull(
    name: Name,
    *,
    chosen_set: SetName = None,
    preset: PresetName = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Download what a model needs, and nothing else. An interrupted download goes on."""
    from reelkiln.models.cards import find_card
    from reelkiln.models.installed import said
    from reelkiln.models.pull import needed
    from reelkiln.models.pull import pull as pull_files

    card, cache = find_card(name), _cache()
    card = card.with_set(chosen_set) if chosen_set else card
    chosen = preset or card.default_preset
    order = None if card.bundled else needed(card, chosen, cache=cache)
    if order is not None and not quiet:
        say(f"{card.name}: {said(order.fetch_bytes)} to download into {order.cache}")
        for line in order.warnings:
            say(line)
    show_progress = _ignore if quiet else _PullLines().tell
    folders = pull_files(card, chosen, cache=cache, order=order, on_progress=show_progress)
    if json:
        show_json({"model": card.name, "folders": {key: str(f) for key, f in folders.items()}})
    elif not quiet:
        for source, folder in folders.items():
            out(f"{source}  {folder}")


@app.command()
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One model; without it all on this disk.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at a model's files and the libraries it needs, without loading it."""
    from reelkiln.errors import WeightsBroken
    from reelkiln.models.cards import find_card, load_cards
    from reelkiln.models.installed import is_installed

    cache = _cache()
    every = [c for c in load_cards().values() if is_installed(c, c.default_preset, cache)]
    cards = [find_card(name)] if name else every
    found = {card.name: _findings(card, cache) for card in cards}
    wrong = [f"{model}: {line}" for model, lines in found.items() for line in lines]
    if wrong:
        raise WeightsBroken(
            "these models cannot be used as they are",
            hint="Do what each line says, then check again.",
            details=tuple(wrong),
        )
    if json:
        show_json({"checked": sorted(found)})
        return
    for model in found:
        out(f"{model}: in order")


def _cache() -> Path | None:
    from reelkiln.workshop.settings import read_settings

    return read_settings().cache


def _findings(card: Card, cache: Path | None) -> list[str]:
    from reelkiln.backends.registry import find_backend
    from reelkiln.models.installed import locate

    folders = locate(card, card.default_preset, cache)
    found = find_backend(card.family).check(card, folders)
    return [f"{finding.message} ({finding.hint})" for finding in found]


def _facts(card: Card, cache: Path | None) -> dict[str, Any]:
    from reelkiln.models.installed import is_installed, said, sources_for

    size = sum(source.bytes for source in sources_for(card, card.default_preset))
    here = "bundled" if card.bundled else "no"
    if not card.bundled and is_installed(card, card.default_preset, cache):
        here = "yes"
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
        mark = " (recommended)" if each["default"] else ""
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


def _ignore(progress: Progress) -> None:
    stop.check()


class _PullLines:
    """A line on stderr for each file, and for each tenth of the whole."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] = ()

    def tell(self, progress: Progress) -> None:
        stop.check()
        share = 10 * progress.done // progress.total if progress.total else 0
        mark = (progress.phase, progress.file, share)
        if mark != self._told:
            self._told = mark
            verb = "checking" if progress.phase == "check" else "fetching"
            done, total = progress.done / 10**6, progress.total / 10**6
            say(f"{verb} {progress.file}: {done:.0f} of {total:.0f} MB")

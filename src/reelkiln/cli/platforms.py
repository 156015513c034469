"""`reelkiln platforms`: where films are published, and what is asked for there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, show_json, table
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.film.rules import Edge, Figure, Platform

__all__ = ["app"]

app = typer.Typer(
    help="See what each platform takes, and where that was read.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A platform's name, as `list` shows it.")]


@app.command("list")
def list_platforms(json: Json = False) -> None:
    """Show all platforms: size, length and rate."""
    from reelkiln.film.hold import wanted_words
    from reelkiln.film.platforms import load_platforms

    platforms = load_platforms().values()
    keys = ("seconds", "aspect", "fps", "bytes")
    facts = [
        {
            "name": one.name,
            "title": one.title,
            "delivered": str(one.delivery.size),
            **{key: wanted_words(key, getattr(one.limits, key)) for key in keys},
        }
        for one in platforms
    ]
    if json:
        show_json({"platforms": facts})
        return
    head = ("platform", "title", "delivered as", "seconds", "aspect", "frame rate", "bytes")
    for line in table([head, *(tuple(fact.values()) for fact in facts)]):
        out(line)


@app.command("show")
def show_platform(name: Name, json: Json = False) -> None:
    """Show one platform: every figure, whose it is, and where it was read."""
    from reelkiln.film.platforms import find_platform

    platform = find_platform(name)
    if json:
        show_json(asdict(platform) | _plain(platform))
        return
    _say_delivery(platform)
    rows = [("check", "wanted", "whose", "read at"), *_figures(platform)]
    for line in table(rows):
        out(line)
    out("\nwhere it was read")
    for key, source in platform.sources.items():
        who = "the platform itself" if source.speaker == "network" else "somebody who quotes it"
        out(f"  {key}: {source.address}, {source.read_on}, {who}")
        if source.note:
            out(f"    {source.note}")


def _say_delivery(platform: Platform) -> None:
    sent = platform.delivery
    out(f"{platform.title}\n")
    out(
        f"delivered as  {sent.size}, {sent.fps} fps, a key frame every {sent.group_seconds:g} s,"
        f" {sent.video_kbps:,} kbit/s, sound {sent.sound_rate:,} Hz at {sent.sound_kbps} kbit/s,"
        f" {sent.loudness:g} LUFS"
    )
    out(f"because       {sent.because}")
    left, top, right, bottom = platform.safe_zone.box(sent.size)
    out(f"safe zone     {left},{top} to {right},{bottom} of {sent.size}\n")


def _figures(platform: Platform) -> list[tuple[str, str, str, str]]:
    from reelkiln.film.hold import CHECKS, wanted_words
    from reelkiln.film.platforms import house_rules

    rows, house = [], house_rules()
    for key, words in CHECKS.items():
        figure: Figure = getattr(platform.limits, key)
        ours: Figure = getattr(house.limits, key)
        held = figure if figure.stated else ours
        rows.append((words.name, wanted_words(key, held), _whose(figure, ours), _read_at(figure)))
    for side in ("top", "bottom", "left", "right"):
        edge: Edge = getattr(platform.safe_zone, side)
        whose = "asked" if edge.stated else "our margin"
        rows.append((f"{side} edge", f"{edge.share:.0%} kept clear", whose, _read_at(edge)))
    return rows


def _whose(figure: Figure, ours: Figure) -> str:
    if figure.stated:
        return "advised" if figure.advised else "asked"
    return "our rule" if ours.stated else "-"


def _read_at(figure: Figure | Edge) -> str:
    return "; ".join(part for part in (", ".join(figure.sources), figure.note) if part)


def _plain(platform: Platform) -> dict[str, object]:
    """What JSON cannot hold as it is: the delivered size."""
    return {"delivery": asdict(platform.delivery) | {"size": str(platform.delivery.size)}}

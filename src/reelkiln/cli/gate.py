"""`reelkiln gate`: is a film black, frozen, flickering, blurred, off the palette?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json
from reelkiln.cli.space import space_around
from reelkiln.errors import UsageError

if TYPE_CHECKING:
    from reelkiln.kiln.inspect import Inspected

__all__ = ["gate"]

_SHOWN = ("luma", "contrast", "softness", "flicker", "frozen_run", "jump", "leap")
_WHERE_MEASURED = ("palette", "score", "alignment", "product_colour", "product_shape", "nsfw")
"""Columns that only stand there where one of the films has the number."""


def gate(
    films: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The films to look at.")],
    *,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="WORDS",
            help="What the picture should show. Without it a film's own recipe says.",
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option("--palette", metavar="COLOURS", help="Allowed colours: #1a2b3c,#ffffff"),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option("--photo", metavar="FILE", help="A photo of the product to compare with."),
    ] = None,
    joins: Annotated[
        str | None,
        typer.Option("--joins", metavar="FRAMES", help="Frames that begin a segment: 16,32"),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Read what is written in the picture (extra text).")
    ] = False,
    asked: Annotated[
        list[str] | None,
        typer.Option("--asked", metavar="TEXT", help="Words that must stand in the picture."),
    ] = None,
    nsfw: Annotated[
        bool, typer.Option("--nsfw", help="Look for nudity (extra nsfw, AGPL).")
    ] = False,
    cuts: Annotated[
        bool, typer.Option("--cuts", help="The film has cuts: sudden changes are no fault.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a report with pictures and plots."),
    ] = None,
    json: Json = False,
) -> None:
    """Look at films for what goes wrong: black, frozen, flicker, blur, cuts, bars, writing.

    A film made here brings its words, and in its workspace the brand's colours and the product's
    photo. Ends with 0 when every film passes, else with 1.
    """
    from reelkiln.kiln.gating import Asked, gate_films
    from reelkiln.workshop.settings import read_settings

    wish = Asked(
        prompt=prompt,
        palette=_listed(palette),
        photo=photo,
        joins=_frames(joins),
        text=text,
        asked=tuple(asked or ()),
        nsfw=nsfw,
        cuts=cuts,
    )
    seen = gate_films(films, wish, space=space_around(), cache=read_settings().cache)
    if html is not None:
        _write(html, seen)
    if json:
        show_json({"films": [_film_json(one) for one in seen]})
    else:
        _show(seen)
    if not all(one.verdict.kept for one in seen):
        raise typer.Exit(1)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _frames(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _listed(text))
    except ValueError as error:
        raise UsageError(
            f"--joins {text} is no list of frame numbers", hint="Write it like 16,32."
        ) from error


def _write(target: Path, seen: tuple[Inspected, ...]) -> None:
    from reelkiln.film.partfile import write_bytes
    from reelkiln.kiln.inspect import stills
    from reelkiln.studio.reports import gate_report

    report = gate_report([(one, stills(one)) for one in seen])
    write_bytes(target, report.encode())
    say(f"wrote {target}")


def _show(seen: tuple[Inspected, ...]) -> None:
    measured = {mark for one in seen for mark in one.verdict.marks}
    shown = (*_SHOWN, *(name for name in _WHERE_MEASURED if name in measured))
    rows: list[tuple[str, ...]] = [("film", "verdict", *shown)]
    for one in seen:
        marks = one.verdict.marks
        cells = [f"{marks[name]:.2f}" if name in marks else "-" for name in shown]
        rows.append((one.path.name, "pass" if one.verdict.kept else "REFUSED", *cells))
    for line in table(rows):
        out(line)
    for one in seen:
        for reason in one.verdict.reasons:
            out(f"{one.path.name}: {reason}")
        _show_shots(one)
    for unmeasured in dict.fromkeys(one.unmeasured for one in seen):
        names = [one.path.name for one in seen if one.unmeasured == unmeasured]
        whose = "" if len(names) == len(seen) else f" in {', '.join(names)}"
        if unmeasured:
            out(f"not measured{whose}: {', '.join(unmeasured)}")


def _show_shots(one: Inspected) -> None:
    for number, scene in enumerate(one.scenes, 1):
        told = ", ".join(f"{mark} {value:.2f}" for mark, value in scene.marks.items())
        when = f"{float(scene.start):.1f} to {float(scene.end):.1f} s"
        out(f"{one.path.name}: shot {number}, {when}: {told or 'not measured'}")


def _film_json(one: Inspected) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "kept": one.verdict.kept,
        "reasons": list(one.verdict.reasons),
        "action": one.verdict.action,
        "words": one.words,
        "marks": dict(one.verdict.marks),
        "flags": [
            {"frame": flag.frame, "seconds": flag.seconds, "mark": flag.mark} for flag in one.flags
        ],
        "not_measured": list(one.unmeasured),
        "shots": [
            {
                "start": float(scene.start),
                "end": float(scene.end),
                "words": scene.words,
                "marks": dict(scene.marks),
            }
            for scene in one.scenes
        ],
    }

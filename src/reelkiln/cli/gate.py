"""`reelkiln gate`: is a film black, frozen, flickering, blurred, off the palette?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json
from reelkiln.errors import UsageError

if TYPE_CHECKING:
    from reelkiln.gate.limits import Limits
    from reelkiln.kiln.inspect import Inspected, Tools

__all__ = ["gate"]

_SHOWN = ("luma", "contrast", "softness", "flicker", "frozen_run", "jump", "leap")


def gate(
    films: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The films to look at.")],
    *,
    palette: Annotated[
        str | None,
        typer.Option("--palette", metavar="COLOURS", help="Allowed colours: #1a2b3c,#ffffff"),
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

    Ends with 0 when every film passes, else with 1.
    """
    from reelkiln.gate.measure import Wanted
    from reelkiln.kiln.inspect import inspect

    wanted = Wanted(_listed(palette), _frames(joins))
    tools, limits = _tools(text, asked or [], nsfw), _limits(cuts)
    seen = [inspect(film, wanted=wanted, limits=limits, tools=tools) for film in films]
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


def _tools(text: bool, asked: list[str], nsfw: bool) -> Tools:
    from reelkiln.gate.nsfw import open_detector
    from reelkiln.gate.text import open_reader
    from reelkiln.kiln.inspect import Tools

    return Tools(
        reader=open_reader() if text or asked else None,
        asked=tuple(asked),
        detector=open_detector() if nsfw else None,
    )


def _limits(cuts: bool) -> Limits:
    from reelkiln.gate.limits import FIXED

    return FIXED.without("overlap_min", "jump", "leap", "flicker_max") if cuts else FIXED


def _write(target: Path, seen: list[Inspected]) -> None:
    from reelkiln.film.partfile import write_bytes
    from reelkiln.kiln.inspect import stills
    from reelkiln.studio.reports import gate_report

    report = gate_report([(one, stills(one)) for one in seen])
    write_bytes(target, report.encode())
    say(f"wrote {target}")


def _show(seen: list[Inspected]) -> None:
    rows: list[tuple[str, ...]] = [("film", "verdict", *_SHOWN)]
    for one in seen:
        marks = one.verdict.marks
        cells = [f"{marks[name]:.2f}" if name in marks else "-" for name in _SHOWN]
        rows.append((one.path.name, "pass" if one.verdict.kept else "REFUSED", *cells))
    for line in table(rows):
        out(line)
    for one in seen:
        for reason in one.verdict.reasons:
            out(f"{one.path.name}: {reason}")
    if seen and seen[0].unmeasured:
        out(f"not measured: {', '.join(seen[0].unmeasured)}")


def _film_json(one: Inspected) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "kept": one.verdict.kept,
        "reasons": list(one.verdict.reasons),
        "action": one.verdict.action,
        "marks": dict(one.verdict.marks),
        "flags": [
            {"frame": flag.frame, "seconds": flag.seconds, "mark": flag.mark} for flag in one.flags
        ],
        "not_measured": list(one.unmeasured),
    }

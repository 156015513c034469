"""`reelkiln label`: what does a film say of itself, and does it hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, show_json
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.errors import FilmError
    from reelkiln.film.label import LabelReport

__all__ = ["label"]


def label(
    films: Annotated[list[Path], typer.Argument(metavar="FILE...", help="MP4 films to look at.")],
    *,
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust", metavar="PEM", help="Certificates whose holders you believe, in one file."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show whether a film is marked as made by AI, who signed that, and whether it still holds.

    Nothing is fetched from the internet. Ends with 0 when every film carries the mark and its
    signature holds, also where its issuer is unknown; else with 1.
    """
    from reelkiln.errors import FilmError
    from reelkiln.film.label import verify

    seen: list[LabelReport | tuple[Path, FilmError]] = []
    for film in films:
        try:
            seen.append(verify(film, trust=trust))
        except FilmError as error:
            seen.append((film, error))
    if json:
        show_json({"films": [_as_json(one) for one in seen]})
    else:
        for one in seen:
            for line in _lines(one):
                out(line)
    if not all(_ok(one) for one in seen):
        raise typer.Exit(1)


def _ok(one: LabelReport | tuple[Path, FilmError]) -> bool:
    return not isinstance(one, tuple) and one.ok


def _lines(one: LabelReport | tuple[Path, FilmError]) -> list[str]:
    if isinstance(one, tuple):
        return [f"{one[0]}: cannot be read: {one[1].message}", f"  hint: {one[1].hint}"]
    facts = {
        "says": ", ".join(one.claims),
        "signs as": one.signer,
        "recipe": one.recipe,
        "words": one.words,
    }
    told = [f"  {name}: {value}" for name, value in facts.items() if value]
    return [f"{one.path}: {_verdict(one)}", *told]


def _verdict(report: LabelReport) -> str:
    held = {
        "valid": "signed, issuer trusted, unchanged since",
        "issuer unknown": "signed, issuer unknown, unchanged since",
    }
    if report.ok:
        return f"labelled as made by AI; {held[report.state]}"
    if report.state in held:
        return f"not labelled as made by AI; {held[report.state]}"
    if report.state == "broken":
        return f"LABEL BROKEN: {report.reason}"
    if report.reason:
        return f"not labelled: {report.reason}"
    said = " (it says that it is made by AI, but nobody signed that)" if report.made_by_ai else ""
    return f"not labelled{said}"


def _as_json(one: LabelReport | tuple[Path, FilmError]) -> dict[str, Any]:
    if isinstance(one, tuple):
        path, error = one
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        return {"path": str(path), "ok": False, "error": told}
    return {
        "path": str(one.path),
        "ok": one.ok,
        "state": one.state,
        "reason": one.reason,
        "signed": one.signed,
        "signer": one.signer,
        "made_by_ai": one.made_by_ai,
        "claims": list(one.claims),
        "recipe": one.recipe,
        "words": one.words,
    }

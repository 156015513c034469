"""`reelkiln models pull` and `check`: nothing is downloaded that could not be used afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.arrival import arriving
from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json, PresetName, Quiet

if TYPE_CHECKING:
    from reelkiln.errors import ReelkilnError
    from reelkiln.kiln.preflight import Preflight
    from reelkiln.models.order import Pullable
    from reelkiln.plan.scorer import Fetchable

__all__ = ["LINE_MBIT", "Name", "cache_of", "check", "pull"]

LINE_MBIT = 50
"""The line that waits are told for, in millions of bits a second: a usual one at home."""


Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, as `list` shows it.")]
SetName = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="SET",
        help="Which of a model's sets of files, as `show` lists them. Default: the recommended.",
    ),
]


def pull(
    name: Name,
    *,
    chosen_set: SetName = None,
    preset: PresetName = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Go on where the disk looks too small or a library is missing, without asking.",
        ),
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Download what a model needs, and nothing else. An interrupted download goes on.

    Before the first byte it is checked whether the model could be used here at all.
    """
    from reelkiln.models.pull import pull as pull_files
    from reelkiln.models.scorers import find_fetchable

    card, cache = find_fetchable(f"{name}@{chosen_set}" if chosen_set else name), cache_of()
    chosen = preset or card.default_preset
    order = None if card.bundled else _decided(card, chosen, cache, yes=yes)
    if order and not quiet:
        _announce(card, chosen, order)
    short = order is not None and _go_on_although_short(order, yes=yes)
    with arriving(quiet=quiet) as tell:
        folders = pull_files(
            card, chosen, cache=cache, order=order, even_if_short=short, on_progress=tell
        )
    if json:
        show_json({"model": card.name, "folders": {key: str(f) for key, f in folders.items()}})
    elif not quiet:
        for source, folder in folders.items():
            out(f"{source}  {folder}")


def _decided(card: Fetchable, preset: str, cache: Path | None, *, yes: bool) -> Pullable | None:
    """What to fetch, after nothing was found that stands against it.

    Raises:
        MissingLibrary, WeightsMissing, WeightsBroken, HubUnreachable: the first thing that does.
    """
    from reelkiln.kiln.preflight import preflight

    found = preflight(card, preset, cache=cache, again=True)
    _refuse(found, yes=yes)
    if found.lost:
        raise found.lost
    return found.order


def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One model; without it all on this disk.")
    ] = None,
    *,
    chosen_set: SetName = None,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Also hash every file that is here, some minutes.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the hub about what is not on this disk.")
    ] = False,
    json: Json = False,
) -> None:
    """Say whether a model can be used here, before its download and after, without loading it.

    Looks at the libraries, the tokenizer, the classes that the repository names, the files with
    their sizes, and the disk. Ends with 0 when nothing is wrong.
    """
    from reelkiln.errors import WeightsBroken
    from reelkiln.kiln.preflight import preflight

    cache = cache_of()
    cards = _to_check(name, chosen_set, cache)
    found = [preflight(card, card.default_preset, cache=cache, offline=offline) for card in cards]
    broken = [line for card in cards for line in _hashed(card, cache)] if hashes else []
    if json:
        show_json({"models": [_as_json(one) for one in found], "broken": broken})
        problems = [problem for one in found for problem in _all_problems(one)]
        raise typer.Exit(problems[0].exit_code if problems else bool(broken))
    for one in found:
        _show(one)
    for one in found:
        _refuse(one, yes=False)
        if one.lost:
            raise one.lost
    if broken:
        raise WeightsBroken(
            "files are not what they were",
            hint="Run `reelkiln models pull` for the model: it fetches what is broken again.",
            details=tuple(broken),
        )


def cache_of() -> Path | None:
    """The cache of models that the settings name; None: the usual one."""
    from reelkiln.workshop.settings import read_settings

    return read_settings().cache


def _to_check(name: str | None, chosen_set: str | None, cache: Path | None) -> list[Fetchable]:
    from reelkiln.models.cards import load_cards
    from reelkiln.models.installed import is_installed
    from reelkiln.models.scorers import find_fetchable, load_scorers

    if name:
        return [find_fetchable(f"{name}@{chosen_set}" if chosen_set else name)]
    both: list[Fetchable] = [*load_cards().values(), *load_scorers().values()]
    every = [each for card in both for each in card.each_set]
    return [card for card in every if is_installed(card, card.default_preset, cache)]


def _refuse(found: Preflight, *, yes: bool) -> None:
    """Raise the first problem, with the others as its details.

    A missing library is gone past with `yes`: the files are as good on the day it is installed.
    """
    from reelkiln.errors import MissingLibrary

    problems = [
        problem
        for problem in found.problems(without=("disk",))
        if not (yes and isinstance(problem, MissingLibrary))
    ]
    if not problems:
        return
    first = problems[0]
    others = tuple(f"{problem.message}. {problem.hint}" for problem in problems[1:])
    raise type(first)(first.message, hint=first.hint, details=(*first.details, *others))


def _announce(card: Fetchable, preset: str, order: Pullable) -> None:
    from reelkiln.kiln.preflight import unexpected_size
    from reelkiln.models.installed import said
    from reelkiln.plan.reasons import duration

    took = duration(order.fetch_bytes * 8 / (LINE_MBIT * 10**6))
    here = f", {said(order.here_bytes)} of it is here" if order.here_bytes else ""
    unlike = unexpected_size(card, preset, order)
    say(f"{card.name}: {len(order.files)} files, {said(order.total_bytes)}{unlike}{here}")
    say(
        f"{said(order.fetch_bytes)} to download into {order.cache}"
        f" ({said(order.free_bytes)} free), {took} over a line of {LINE_MBIT} Mbit a second"
    )
    for line in order.warnings:
        say(line)


def _go_on_although_short(order: Pullable, *, yes: bool) -> bool:
    """Whether a person wants to begin although the disk lacks room.

    Raises:
        DiskFull: they do not, or there is nobody to ask.
    """
    from reelkiln.models.pull import short_of_room

    if not order.short_bytes:
        return False
    short = short_of_room(order)
    if yes:
        say(f"{short.message}; going on all the same")
        return True
    if sys.stdin.isatty() and sys.stderr.isatty():
        say(short.message)
        if typer.confirm("Begin all the same? What has arrived stays.", err=True):
            return True
    raise short


def _show(found: Preflight) -> None:
    marks = {"ok": "ok", "wrong": "WRONG", "unknown": "not known"}
    rows = [(f"  {marks[check.state]}", check.name, check.said) for check in found.checks]
    for line in table(rows):
        out(line)
    unknown = any(check.state == "unknown" for check in found.checks)
    verdict = "as far as it can be known, in order" if unknown else "in order"
    if found.order and found.order.fetch_bytes:
        verdict = f"can be used here: reelkiln models pull {found.model}"
    out(f"{found.model}: {'cannot be used as it is' if found.problems() else verdict}")


def _as_json(found: Preflight) -> dict[str, Any]:
    return {
        "model": found.model,
        "ok": not found.problems(),
        "checks": [
            {
                "check": check.name,
                "state": check.state,
                "said": check.said,
                "problems": [
                    {"code": p.code, "message": p.message, "hint": p.hint} for p in check.problems
                ],
            }
            for check in found.checks
        ],
        "fetch_bytes": found.order.fetch_bytes if found.order else None,
    }


def _all_problems(found: Preflight) -> list[ReelkilnError]:
    return [*found.problems(), *([found.lost] if found.lost else [])]


def _hashed(card: Fetchable, cache: Path | None) -> list[str]:
    """Each file on this disk whose content is not what was recorded."""
    from reelkiln.cli import stop
    from reelkiln.models.installed import is_installed
    from reelkiln.models.verify import verify

    if not is_installed(card, card.default_preset, cache):
        return []
    broken = verify(card, card.default_preset, cache, on_file=lambda path, size: stop.check())
    return [str(one) for one in broken]

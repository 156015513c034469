"""`reelkiln batch`: many wishes in one file, all checked before the first one is rendered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.make import as_json, pick, show
from reelkiln.cli.options import Force, Json, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from reelkiln.kiln.batch import Group
    from reelkiln.script.batch import Wish
    from reelkiln.script.workspace import Workspace

__all__ = ["batch"]


def batch(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .jsonl file of wishes.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and plan everything, render nothing.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Where the clips go. Default: reels."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render a whole file of wishes: prompts, or templates for products."""
    from reelkiln.kiln.batch import make_batch, plan_batch
    from reelkiln.kiln.names import check_targets
    from reelkiln.kiln.watch import Watch
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    wishes, space = _read(file)
    workshop = open_workshop(current_folder(), read_settings())
    place = folder or (workshop.workspace or Path()) / "reels"
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        default = workshop.settings.model
        groups = plan_batch(
            wishes,
            space,
            bench,
            lambda name, preset: pick(default if name == "auto" else name, preset, bench),
            place,
        )
        if dry_run:
            _show_plan(groups, json=json)
            return
        place.mkdir(parents=True, exist_ok=True)
        check_targets([order.movie for group in groups for order in group.orders], force=force)
        deliveries = make_batch(groups, bench, Watch(teller.progress, teller.note))
    if json:
        show_json(as_json(deliveries, "as the file says"))
        return
    for delivery in deliveries:
        show(delivery, quiet=quiet)


def _read(file: Path) -> tuple[tuple[Wish, ...], Workspace | None]:
    """The file's wishes, and the workspace where one of them needs it.

    Raises:
        UsageError: the file cannot be read.
        ScriptError: with every mistake in it.
    """
    from reelkiln.cli.workspace import opened
    from reelkiln.errors import UsageError
    from reelkiln.models.cards import load_cards
    from reelkiln.script.batch import check_names, read_batch
    from reelkiln.script.faults import refuse
    from reelkiln.script.sheet import decode

    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}", hint="Name a .csv or .jsonl file."
        ) from error
    text, faults = decode(data, file.name)
    models = {name: tuple(card.presets) for name, card in load_cards().items()}
    refuse(faults)
    wishes, faults = read_batch(text, file.name, models=models)
    needs = any(wish.template for wish in wishes)
    space = opened() if needs else None
    named = check_names(wishes, space.templates, space.products) if space else ()
    refuse((*faults, *named))
    return wishes, space


def _show_plan(groups: tuple[Group, ...], *, json: bool) -> None:
    rows = [
        (
            order.movie.name,
            order.shot.model,
            order.shot.preset,
            f"{float(order.shot.seconds):g} s",
            f"about {order.plan.seconds_estimate:.0f} s",
            order.shot.prompt,
        )
        for group in groups
        for order in group.orders
    ]
    total = sum(order.plan.seconds_estimate for group in groups for order in group.orders)
    if json:
        keys = ("file", "model", "preset", "length", "takes", "prompt")
        clips = [dict(zip(keys, row, strict=True)) for row in rows]
        show_json({"clips": clips, "seconds_estimate": total})
        return
    for line in table([("file", "model", "preset", "length", "takes", "prompt"), *rows]):
        out(line)
    say(f"{len(rows)} clips, about {total / 60:.0f} minutes of rendering; nothing was rendered")

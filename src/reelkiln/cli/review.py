"""`reelkiln review`: what a person says of a finished clip."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, show_json
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.kiln.bench import Bench

__all__ = ["review"]


def review(
    file: Annotated[Path, typer.Argument(metavar="FILE.mp4", help="A clip that reelkiln made.")],
    *,
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Yes or no to this clip.")],
    effect: Annotated[
        bool,
        typer.Option("--effect-is-true", help="The product does what the picture shows."),
    ] = False,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")] = "",
    reviewer: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who says so. Default: your login.")
    ] = None,
    json: Json = False,
) -> None:
    """Approve or reject a clip; approvals make a template's record."""
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    who = reviewer or getpass.getuser()
    with open_bench(open_workshop(current_folder(), read_settings())) as bench:
        if approve:
            _check_tick(file, bench, effect=effect)
        _write(file, bench, approved=approve, reviewer=who, note=note)
    if json:
        show_json({"film": str(file), "approved": approve, "by": who, "note": note})
        return
    out(f"{file}: {'approved' if approve else 'rejected'} by {who}")


def _check_tick(file: Path, bench: Bench, *, effect: bool) -> None:
    """A picture of an effect needs somebody who says that the product has it.

    Raises:
        UsageError: the clip shows an effect, and nobody said that it is true.
    """
    from reelkiln.errors import UsageError
    from reelkiln.kiln.remake import find_recipe

    origins = (clip.origin for clip in find_recipe(file, bench.ledger).clips)
    origin = next((one for one in origins if one and one.needs_tick), None)
    if origin and not effect:
        raise UsageError(
            f"{file.name} shows an effect of the product ({origin.template})",
            hint="Add --effect-is-true if the product does this, or --reject the clip.",
        )


def _write(file: Path, bench: Bench, *, approved: bool, reviewer: str, note: str) -> None:
    from reelkiln.errors import UsageError
    from reelkiln.kiln.deliver import file_sha256
    from reelkiln.store.reviews import record_review

    try:
        sha256 = file_sha256(file)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}", hint="Name a finished clip."
        ) from error
    record_review(
        bench.ledger,
        sha256=sha256,
        approved=approved,
        reviewer=reviewer,
        note=note,
        now=bench.now(),
    )

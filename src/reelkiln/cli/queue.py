"""`reelkiln queue`: what waits, what runs, and what to do about it."""

from __future__ import annotations

import json as json_library
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, table
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.store.reels import Wait
    from reelkiln.store.segment import SegmentRow
    from reelkiln.workshop.open import Desk

__all__ = ["app"]

app = typer.Typer(
    help="See and change what waits to be made.", no_args_is_help=True, rich_markup_mode=None
)
Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Segments, as `queue list` shows them.")
]
HIDDEN = ("work", "position", "executor")
"""Fields of a row that are for the program alone."""


@app.command("list")
def list_queue(
    *,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="NAME", help="Only queued, running, delivered, parked or cancelled."
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="At most N of them.")
    ] = 1_000_000,
    json: Json = False,
) -> None:
    """Show every segment and its state; those that wait stand in the order of the line."""
    from reelkiln.store.queue import list_segments
    from reelkiln.store.reels import waits_of

    with _desk() as desk:
        rows = list_segments(desk.ledger, states=_states(state), most=most)
        waits = waits_of(desk.ledger)
    if json:
        # A line for each: Python's JSON with an indent takes ten times as long.
        lines = ",\n".join(json_library.dumps(_as_json(row), ensure_ascii=False) for row in rows)
        out(f"[\n{lines}\n]" if rows else "[]")
        return
    if not rows:
        say("nothing is in the queue; `reelkiln batch` fills it")
        return
    head = ("id", "state", "file", "model", "about it")
    for line in table([head, *(_told(row, waits.get(row.id)) for row in rows)]):
        out(line)


@app.command("pause")
def pause(
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for the report.")
    ] = "a person paused the queue",
) -> None:
    """Stop within one step, and free the GPU; what was rendered is kept."""
    from reelkiln.store.shifts import set_switch

    with _desk() as desk:
        set_switch(desk.ledger, "paused", reason, now=desk.now())
    say("paused; `reelkiln queue resume` goes on")


@app.command("resume")
def resume() -> None:
    """Go on where `pause` stopped."""
    from reelkiln.store.shifts import set_switch

    with _desk() as desk:
        set_switch(desk.ledger, "paused", "", now=desk.now())
    say("the queue goes on")


@app.command("cancel")
def cancel(ids: Ids) -> None:
    """Do not make these; what is being rendered stops within one step."""
    from reelkiln.store.queue import cancel as cancel_one

    with _desk() as desk:
        for one in ids:
            state = cancel_one(desk.ledger, one, now=desk.now())
            out(f"{one} {'stops within one step' if state == 'running' else 'is cancelled'}")


@app.command("retry")
def retry(ids: Ids) -> None:
    """Put parked or cancelled ones back into line, with every model to be tried again."""
    from reelkiln.store.queue import retry as retry_one

    with _desk() as desk:
        for one in ids:
            retry_one(desk.ledger, one, now=desk.now())
            out(f"{one} is queued again")


@app.command("move")
def move(
    segment: Annotated[str, typer.Argument(metavar="ID", help="A queued segment.")],
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="ID", help="In front of this one. Default: of all."),
    ] = None,
) -> None:
    """Put one in front of another, or of all."""
    from reelkiln.store.queue import move as move_one

    with _desk() as desk:
        move_one(desk.ledger, segment, before=before)
    out(f"{segment} is {'next' if before is None else f'before {before}'}")


@contextmanager
def _desk() -> Iterator[Desk]:
    from reelkiln.workshop.open import current_folder, open_desk, open_workshop
    from reelkiln.workshop.settings import read_settings

    with open_desk(open_workshop(current_folder(), read_settings())) as desk:
        yield desk


def _states(name: str | None) -> Any:
    from reelkiln.errors import UnknownName
    from reelkiln.store.segment import STATES

    if name is not None and name not in STATES:
        raise UnknownName(f"no state is called {name}", hint=f"They are {', '.join(STATES)}.")
    return STATES if name is None else (name,)


def _as_json(row: SegmentRow) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in row._fields if name not in HIDDEN}
    for name, value in found.items():
        if hasattr(value, "isoformat"):
            found[name] = value.isoformat()
    return found


def _told(row: SegmentRow, wait: Wait | None) -> tuple[str, ...]:
    said = {"running": row.phase, "parked": row.reason, "cancelled": row.reason}
    about = said.get(row.state, row.reason)
    if wait is not None:
        about = str(wait)
    if row.wanted:
        about = f"{about}, stops"
    if row.deadline and row.state == "queued":
        about = f"by {row.deadline.astimezone():%a %H:%M}" + (f", {about}" if about else "")
    return (row.id, row.state, row.movie, row.model or "-", about or "-")

"""`reelkiln drill`: see for yourself that a kill loses nothing."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from reelkiln.kiln.drill import Drill, Moment, Outcome
    from reelkiln.store.ledger import Ledger

__all__ = ["drill"]

ROWS = 12
"""Clips on the screen: the last ones ordered."""


def drill(
    *,
    kills: Annotated[
        int, typer.Option("--kills", metavar="N", min=1, max=1000, help="How often.")
    ] = 12,
    minutes: Annotated[
        float, typer.Option("--minutes", metavar="N", min=0.1, max=1440, help="In which time.")
    ] = 5.0,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="What renders.")] = "spark",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="When it kills.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder it ran in.")] = False,
    json: Json = False,
) -> None:
    """Kill the program again and again while it makes clips, then count: nothing may be lost.

    It runs in a folder of its own that is thrown away, and touches no workspace.
    """
    from reelkiln.errors import LedgerError
    from reelkiln.store.ledger import open_ledger

    with _folder(keep=keep) as folder, open_ledger(folder / ".reelkiln" / "ledger.db") as ledger:
        one = _drill(folder, ledger, model, kills=kills, seconds=minutes * 60, seed=seed)
        _watch(one, json=json)
        outcome = one.outcome()
    if not outcome.passed:
        raise LedgerError(
            f"{outcome}",
            hint="This must not happen: please report it, with --keep and the folder.",
            details=(*outcome.lost, *outcome.twice),
        )
    _show(outcome, json=json)


def _drill(
    folder: Path, ledger: Ledger, model: str, *, kills: int, seconds: float, seed: int
) -> Drill:
    from reelkiln.kiln.drill import Drill
    from reelkiln.models.cards import find_card
    from reelkiln.reel import ASPECTS

    card = find_card(model)
    return Drill(
        folder=folder,
        ledger=ledger,
        command=[*_program(), "work", "--on-battery", "--quiet"],
        log=folder / "worker.log",
        model=card.name,
        preset="draft" if "draft" in card.presets else card.default_preset,
        size=ASPECTS["9:16"],
        now=lambda: datetime.now(UTC),
        rng=random.Random(seed),
        kills=kills,
        seconds=seconds,
    )


def _program() -> list[str]:
    """How this program was started, so that the workers are the same one."""
    return [sys.executable, "-m", "reelkiln"]


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """A workspace to throw away."""
    from reelkiln.script.starter import write_starter

    folder = Path(tempfile.mkdtemp(prefix="reelkiln-drill-"))
    try:
        place = folder / "workspace"
        write_starter(place)
        (place / "reels").mkdir(exist_ok=True)
        yield place
    finally:
        if keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _watch(one: Drill, *, json: bool) -> None:
    """Show each moment: as a table that changes on a terminal, else a line for each kill."""
    if json or not sys.stderr.isatty():
        last = -1
        for moment in one.run():
            if moment.kills != last and not json:
                say(f"{moment.seconds:5.0f} s  {moment.kills} kills  {moment.said}")
            last = moment.kills
        return
    with _live() as live:
        for moment in one.run():
            live.update(_table(moment, one.kills))


def _live() -> Live:
    from rich.console import Console
    from rich.live import Live

    return Live(console=Console(stderr=True), refresh_per_second=4)


def _table(moment: Moment, kills: int) -> Table:
    from rich.table import Table

    done = sum(row.state == "delivered" for row in moment.rows)
    title = (
        f"{moment.kills} of {kills} kills   {done} of {len(moment.rows)} clips delivered"
        f"   {moment.seconds:.0f} s"
    )
    table = Table(title=title, caption=moment.said, title_justify="left", caption_justify="left")
    for head in ("clip", "state", "doing", "tries"):
        table.add_column(head, min_width=10)
    for row in moment.rows[-ROWS:]:
        doing = row.phase if row.state == "running" and moment.working else ""
        style = {"delivered": "green", "running": "bold"}.get(row.state, "")
        table.add_row(row.id, row.state, doing, str(row.runs), style=style)
    return table


def _show(outcome: Outcome, *, json: bool) -> None:
    if json:
        told: dict[str, Any] = {
            "kills": outcome.kills,
            "clips": outcome.clips,
            "delivered": outcome.delivered,
            "parked": list(outcome.parked),
            "lost": list(outcome.lost),
            "twice": list(outcome.twice),
        }
        show_json(told)
        return
    said = f"{outcome.clips} clips ordered, {outcome.delivered} delivered"
    if outcome.parked:
        said += f", {len(outcome.parked)} parked for a person by the gate"
    say(said)
    out(str(outcome))

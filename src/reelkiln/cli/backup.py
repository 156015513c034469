"""`reelkiln backup` and `reelkiln restore`: copies of the ledger."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.store.backup import Backup
    from reelkiln.workshop.open import Workshop

__all__ = ["backup", "restore"]


def backup(*, json: Json = False) -> None:
    """Copy the ledger and check the copy; the newest seven are kept. A shift does this nightly."""
    from datetime import UTC, datetime

    from reelkiln.store.backup import back_up

    workshop = _workshop()
    made = back_up(workshop.state / "ledger.db", workshop.backups, now=datetime.now(UTC))
    if json:
        show_json(_told(made))
        return
    out(str(made.path))
    say(f"{made.bytes / 10**6:.1f} MB, checked; `reelkiln restore` puts it back")


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A backup. Default: the newest one."),
    ] = None,
    *,
    listing: Annotated[
        bool, typer.Option("--list", help="Show the backups, restore nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Put a backup of the ledger in its place; the ledger that was there is kept beside it."""
    from datetime import UTC, datetime

    from reelkiln.store.backup import backups
    from reelkiln.store.backup import restore as put_back

    workshop = _workshop()
    found = backups(workshop.backups)
    if listing:
        _list(found, json=json)
        return
    chosen = _chosen(file, found, workshop)
    if not yes:
        _ask(chosen)
    aside = put_back(chosen, workshop.state / "ledger.db", now=datetime.now(UTC))
    if json:
        show_json({"restored": str(chosen), "kept": str(aside) if aside else None})
        return
    out(f"the ledger is that of {chosen.name} again")
    if aside:
        say(f"the one before is kept as {aside}")


def _workshop() -> Workshop:
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    return open_workshop(current_folder(), read_settings())


def _chosen(file: Path | None, found: tuple[Backup, ...], workshop: Workshop) -> Path:
    from reelkiln.errors import UsageError

    if file is not None:
        beside = workshop.backups / file
        return beside if not file.exists() and beside.exists() else file
    if not found:
        raise UsageError(
            f"there is no backup in {workshop.backups}",
            hint="`reelkiln backup` makes one, and every night's shift does.",
        )
    return found[0].path


def _ask(chosen: Path) -> None:
    from reelkiln.errors import Cancelled, UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is here to answer", hint="Add --yes to restore unasked.")
    if not typer.confirm(f"Put {chosen.name} in the ledger's place?", err=True):
        raise Cancelled("nothing was restored")


def _list(found: tuple[Backup, ...], *, json: bool) -> None:
    if json:
        show_json({"backups": [_told(each) for each in found]})
        return
    if not found:
        say("there is no backup yet; `reelkiln backup` makes one")
        return
    rows = [
        (f"{each.made_at:%Y-%m-%d %H:%M} UTC", f"{each.bytes / 10**6:.1f} MB", str(each.path))
        for each in found
    ]
    for line in table([("made", "size", "file"), *rows]):
        out(line)


def _told(each: Backup) -> dict[str, Any]:
    return {"file": str(each.path), "made_at": each.made_at.isoformat(), "bytes": each.bytes}

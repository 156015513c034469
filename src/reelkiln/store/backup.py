"""Copies of the ledger: made while others write, checked before they count, put back whole.

A copy is one SQLite file `ledger-YYYYMMDDTHHMMSSZ.db`. It is written beside its final name with
SQLite's online backup (https://www.sqlite.org/backup.html), opened and checked, made durable and
then renamed: a file of that name is whole.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reelkiln.errors import DiskFull, LedgerError, LockHeld, ReelkilnError, UsageError
from reelkiln.store.migrations import STEPS

__all__ = [
    "KEPT",
    "Backup",
    "back_up",
    "back_up_nightly",
    "backups",
    "check_ledger",
    "copy_ledger",
    "restore",
]

KEPT = 7
"""How many copies are kept; the oldest go."""
NIGHT = timedelta(hours=20)
"""How old the newest copy is when the next one is due: a little less than a day, so that a shift
that begins earlier than yesterday's still makes one."""

_NAME = re.compile(r"ledger-(\d{8}T\d{6})Z\.db")
_STAMP = "%Y%m%dT%H%M%S"
_WAIT_SECONDS = 5.0
_HALVES = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One copy on the disk."""

    path: Path
    made_at: datetime
    bytes: int


def back_up(ledger: Path, folder: Path, *, now: datetime, kept: int = KEPT) -> Backup:
    """Copy the ledger into `folder` and check the copy; then the oldest ones go.

    Raises:
        UsageError: there is no ledger yet, or the folder cannot be written to.
        LedgerError: the ledger is damaged; all older copies stay.
        LockHeld, DiskFull: no copy was made; all older ones stay.
    """
    stamp = now.astimezone(UTC).strftime(_STAMP)
    made = copy_ledger(ledger, folder / f"ledger-{stamp}Z.db")
    for old in backups(folder)[kept:]:
        if old.path != made:
            _unlink(old.path)
    return Backup(
        path=made,
        made_at=now.astimezone(UTC).replace(microsecond=0),
        bytes=made.stat().st_size,
    )


def back_up_nightly(ledger: Path, folder: Path, *, now: datetime) -> Backup | None:
    """Make a copy where the newest one is older than `NIGHT`; None: it is not due.

    Raises:
        As `back_up`.
    """
    newest = next(iter(backups(folder)), None)
    # A copy "from the future" was made before the clock was set back: it says nothing.
    if newest is not None and timedelta() <= now - newest.made_at < NIGHT:
        return None
    return back_up(ledger, folder, now=now)


def backups(folder: Path) -> tuple[Backup, ...]:
    """The copies in a folder, the newest first. Nothing is opened."""
    found = []
    for path in folder.glob("ledger-*.db") if folder.is_dir() else ():
        if name := _NAME.fullmatch(path.name):
            # Another shift has just thrown it away; or it is named by nobody's clock.
            with suppress(FileNotFoundError, ValueError):
                made_at = datetime.strptime(name[1], _STAMP).replace(tzinfo=UTC)
                found.append(Backup(path=path, made_at=made_at, bytes=path.stat().st_size))
    return tuple(sorted(found, key=lambda backup: backup.path.name, reverse=True))


def copy_ledger(ledger: Path, target: Path) -> Path:
    """One checked copy of a ledger that others may be writing to, under `target`.

    Raises:
        As `back_up`.
    """
    if not ledger.is_file():
        raise UsageError(f"there is no ledger {ledger} yet", hint="Make something first.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _on_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _in_words(ledger), closing(_connect(ledger)) as here, closing(_connect(part)) as there:
            # All pages in one step: piece by piece it begins anew whenever somebody writes.
            here.backup(there, progress=_patience(ledger))
            # A file of its own: no -wal beside it, which a copy by hand would leave behind.
            there.execute("PRAGMA journal_mode = DELETE")
        check_ledger(part, said=target)
        with _on_disk(target):
            _flush(part)
            part.replace(target)
            _flush_folder(target.parent)
    finally:
        for half in _HALVES:
            _unlink(part.with_name(part.name + half))
    return target


def check_ledger(path: Path, *, said: Path | None = None) -> int:
    """Read every page of a ledger; returns its schema's version.

    Args:
        said: the name to use in messages, where it is not `path`.

    Raises:
        LedgerError: it is damaged, no ledger, or of a newer reelkiln.
        UsageError: there is no such file.
    """
    said = said or path
    if not path.is_file():
        raise UsageError(f"there is no file {said}", hint="`reelkiln restore --list` shows them.")
    with _in_words(said), closing(_connect(path, read_only=True)) as connection:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        strays = connection.execute("PRAGMA foreign_key_check").fetchall()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if found != "ok" or strays:
        raise _damaged(said, found if found != "ok" else f"{len(strays)} rows belong to nothing")
    if version < 1 or "deliveries" not in tables:
        raise LedgerError(f"{said} is no ledger", hint="Name another backup.")
    if version > len(STEPS):
        raise LedgerError(f"{said} was written by a newer reelkiln", hint="Update reelkiln first.")
    return version


def restore(backup: Path, ledger: Path, *, now: datetime) -> Path | None:
    """Put a copy in the ledger's place; returns where the ledger that was there is kept.

    A ledger that can be read is copied aside first and then overwritten in one transaction, so that
    a program that has it open sees the old rows or the new ones. A damaged one is moved aside.

    Raises:
        LedgerError: the copy is damaged, no ledger, or of a newer reelkiln: nothing was touched.
        LockHeld, DiskFull, UsageError: the ledger is as it was.
    """
    check_ledger(backup)
    stamp = now.astimezone(UTC).strftime(_STAMP)
    aside = ledger.with_name(f"{ledger.stem}-before-restore-{stamp}Z{ledger.suffix}")
    if not ledger.exists():
        copy_ledger(backup, ledger)
        return None
    try:
        copy_ledger(ledger, aside)
    except LedgerError:
        with _on_disk(aside):
            for half in _HALVES:
                path = ledger.with_name(ledger.name + half)
                if path.exists():
                    path.replace(aside.with_name(aside.name + half))
        copy_ledger(backup, ledger)
        return aside
    with (
        _in_words(ledger),
        closing(_connect(backup, read_only=True)) as copy,
        closing(_connect(ledger)) as live,
    ):
        copy.backup(live, progress=_patience(ledger))
    return aside


def _patience(path: Path) -> Callable[[int, int, int], None]:
    """What is told after each step of a copy; Python would try again for ever."""
    until = time.monotonic() + _WAIT_SECONDS

    def told(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > until:
            raise _held(path)

    return told


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    if read_only:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)
    return sqlite3.connect(path, timeout=_WAIT_SECONDS)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """The database's errors in our words."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise _held(path) from error
        if name in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}:
            raise _no_room(path) from error
        raise _damaged(path, str(error)) from error


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    """The system's errors in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_room(path) from error
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Check the rights of that folder.",
        ) from error


def _held(path: Path) -> ReelkilnError:
    return LockHeld(f"another program holds {path}", hint="Wait until it is done, then try again.")


def _no_room(path: Path) -> ReelkilnError:
    return DiskFull(f"no room for {path}", hint="Make room with `reelkiln clean`, then try again.")


def _damaged(path: Path, why: str) -> ReelkilnError:
    return LedgerError(
        f"{path} is damaged: {' '.join(why.split())[:200]}",
        hint="`reelkiln restore` puts a backup in a ledger's place.",
    )


def _unlink(path: Path) -> None:
    with suppress(OSError):  # what cannot go now is tried again with the next copy
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # Windows has no handle for a folder and needs none.
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

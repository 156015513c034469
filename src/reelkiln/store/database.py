"""An SQLite file as the ledger uses it: how it is opened, who waits for whom, its errors in our
words."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from reelkiln.errors import DiskFull, LedgerError, LockHeld, ReelkilnError

__all__ = ["WAIT_SECONDS", "is_full", "open_database", "translated"]

WAIT_SECONDS = 20.0
"""How long one process waits for another one's transaction."""

FULL_BYTES = 256 << 10
"""With less room SQLite cannot work: its shared memory and its log grow by 32 KiB and pages."""


def open_database(path: Path) -> Engine:
    """The file's database; nothing is opened before the first transaction."""
    url = URL.create("sqlite", database=str(path))
    # NullPool: a connection lives as long as its transaction, so nothing is left open.
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def translated(error: DatabaseError, path: Path) -> ReelkilnError:
    """The database's own error in our words."""
    words = str(error.orig)
    name = getattr(error.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LockHeld(
            f"another program holds the ledger {path}",
            hint="Wait until it is done, then try again.",
        )
    # Where the memory it shares between processes does not fit, SQLite says IOERR and not FULL.
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and is_full(path.parent)):
        return DiskFull(f"no room for the ledger {path}", hint="Make room on that disk.")
    if isinstance(error, OperationalError):
        return LedgerError(
            f"the ledger {path} cannot be used: {words}",
            hint="Point REELKILN_STATE at a folder you may write to.",
        )
    return LedgerError(
        f"the ledger {path} is damaged: {words}",
        hint="Move the file away; films carry their own recipes, so they can still be remade.",
    )


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for a database's next steps."""
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions start too late for DDL; SQLAlchemy's "begin" starts ours.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    # Who will write takes the lock at once: two who first read and then write would both be stuck.
    # SQLite's own waiting asks ever more seldom, so that who has waited longest comes last.
    until = time.monotonic() + WAIT_SECONDS
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            break
        except OperationalError as error:
            busy = getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.0005, 0.003))
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(WAIT_SECONDS * 1000)}")

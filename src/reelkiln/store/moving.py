"""A ledger that goes to another computer: the paths in its rows go along."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path, PureWindowsPath
from typing import Any

from reelkiln.store.backup import check_ledger

__all__ = ["PATHS", "move_paths"]

PATHS = {"deliveries": ("path",), "segments": ("movie", "kept", "work")}
"""The columns that hold a path, or JSON with paths in it."""


def move_paths(ledger: Path, *, old: str, new: Path) -> None:
    """Rewrite every path below the folder `old` (as the other computer wrote it) to lie in `new`.

    The file belongs to nobody else yet: it was just unpacked.

    Raises:
        LedgerError: it is damaged, or of a newer reelkiln.
    """
    check_ledger(ledger)
    with closing(sqlite3.connect(ledger)) as connection, connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        for table, columns in PATHS.items():
            for column in columns if table in tables else ():
                _move_column(connection, table, column, old, new)


def _move_column(
    connection: sqlite3.Connection, table: str, column: str, old: str, new: Path
) -> None:
    # Both names are ours, from PATHS.
    found = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    moved = [(_moved_text(text, old, new), row) for row, text in found]
    connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", moved)


def _moved_text(text: str, old: str, new: Path) -> str:
    if not text.startswith("{"):
        return _moved_path(text, old, new)
    return json.dumps(_moved_value(json.loads(text), old, new), ensure_ascii=False)


def _moved_value(value: Any, old: str, new: Path) -> Any:
    if isinstance(value, str):
        return _moved_path(value, old, new)
    if isinstance(value, list):
        return [_moved_value(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: _moved_value(item, old, new) for key, item in value.items()}
    return value


def _moved_path(path: str, old: str, new: Path) -> str:
    windows = "\\" in old
    inside = path.startswith((f"{old}\\", f"{old}/") if windows else f"{old}/")
    if not inside:
        return path
    rest = path[len(old) + 1 :]
    return str(new.joinpath(*(PureWindowsPath(rest).parts if windows else rest.split("/"))))

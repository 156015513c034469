"""A segment's row: what the ledger knows of one clip that is to be made."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from reelkiln.errors import UnknownName
from reelkiln.store.ledger import Ledger

__all__ = [
    "BATCH",
    "COLUMNS",
    "LINE",
    "PREVIEW",
    "READY",
    "STATES",
    "SegmentRow",
    "State",
    "change",
    "found",
    "in_line",
    "iso",
    "rank",
    "read_row",
    "read_rows",
    "set_row",
]

State: TypeAlias = Literal["queued", "running", "delivered", "parked", "cancelled"]
STATES: tuple[State, ...] = get_args(State)

PREVIEW, BATCH = 0, 100
"""Priorities: the lower one goes first. A preview that a person waits for overtakes a batch."""

READY = (
    "(kind = 'clip' OR NOT EXISTS (SELECT 1 FROM segments AS own"
    " WHERE own.reel_id = line.id AND own.state <> 'delivered'))"
)
"""Of a queued row of `segments AS line`: it can be made now. A reel waits for all its clips."""
LINE = "priority, coalesce(deadline, '9999'), position"
"""Who is next: previews, then the nearest deadline, then the order of the file or of `move`."""


class SegmentRow(NamedTuple):
    """A segment as the ledger knows it. A tuple, because ten thousand of them are listed at once.

    `wanted` is "cancel" while a running one is asked to stop. `executor` is the worker that runs
    or ran it, `phase` what it is doing (encode, denoise, decode, check, finish), `runs` how often
    it was begun. `failures` names the models that failed and why, in order, as `MODEL: why`.
    `model` is the one taken last and `because` why, fallbacks included. `reason` says why it was
    parked, cancelled or waits. `kept` is the file of a parked one's best take, "" without one.
    Times carry their zone. `kind` is "clip", or "reel" for a film that is joined of clips: those
    whose `reel_id` is its id.
    """

    id: str
    order_id: str
    state: State
    wanted: str
    priority: int
    position: float
    deadline: datetime | None
    product: str
    template: str
    work: str
    movie: str
    executor: str
    phase: str
    runs: int
    failures: tuple[str, ...]
    model: str
    because: str
    reason: str
    kept: str
    sha256: str
    estimate: float
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    kind: str
    reel_id: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done for it unless somebody asks."""
        return self.state in ("delivered", "parked", "cancelled")


def in_line(row: SegmentRow) -> tuple[int, str, float]:
    """What a queued segment is sorted by, as `LINE` does it."""
    return row.priority, iso(row.deadline) or "9999", row.position


def rank(row: SegmentRow) -> str:
    """The same as a text, for whoever has no ledger: texts sort as the line does.

    Priorities and positions may be below zero after `move`: both are counted from far below.
    """
    priority, deadline, position = in_line(row)
    return f"{priority + 10**6:09d} {deadline:<32} {position + 1e9:022.6f}"


def found(connection: Connection, segment_id: str) -> SegmentRow:
    """One segment, inside a transaction.

    Raises:
        UnknownName: there is no such segment.
    """
    query = text(f"SELECT {COLUMNS} FROM segments WHERE id = :id")
    row = connection.execute(query, {"id": segment_id}).first()
    if row is None:
        raise UnknownName(
            f"no segment is called {segment_id[:60]}", hint="`reelkiln queue list` shows them."
        )
    return read_row(row)


def set_row(connection: Connection, what: str, **values: object) -> None:
    """Change the segment `id`, inside a transaction; `what` is our own SQL, never a user's text."""
    connection.execute(text(f"UPDATE segments SET {what} WHERE id = :id"), values)


def change(ledger: Ledger, statement: str, **values: object) -> None:
    """One statement as one transaction."""
    with ledger.transaction() as connection:
        connection.execute(text(statement), values)


def iso(moment: datetime | None) -> str | None:
    """A moment as text, in UTC, so that the texts sort as the moments do."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


def read_row(found: Any) -> SegmentRow:
    """A row of `SELECT {COLUMNS}` as a value."""
    row = list(found)
    if (failures := row[_FAILURES]) != "[]":
        row[_FAILURES] = tuple(json.loads(failures))
    else:
        row[_FAILURES] = ()
    # Written out and not looped over: this is half of what listing ten thousand rows takes.
    if row[_DEADLINE]:
        row[_DEADLINE] = datetime.fromisoformat(row[_DEADLINE])
    row[_QUEUED] = datetime.fromisoformat(row[_QUEUED])
    if row[_STARTED]:
        row[_STARTED] = datetime.fromisoformat(row[_STARTED])
    if row[_ENDED]:
        row[_ENDED] = datetime.fromisoformat(row[_ENDED])
    return tuple.__new__(SegmentRow, row)


def read_rows(connection: Connection, query: str, **values: object) -> list[SegmentRow]:
    """The rows of a `SELECT {COLUMNS}`, our own text with `:names` for values.

    Past SQLAlchemy, whose own rows take as long again where there are ten thousand.
    """
    driver: Any = connection.connection.driver_connection
    try:
        return list(map(read_row, driver.execute(query, values)))
    except sqlite3.DatabaseError as error:
        raise DatabaseError(query, values, error) from error


COLUMNS = ", ".join(SegmentRow._fields)
"""The columns of a row, in the order of its fields."""
_FAILURES, _DEADLINE, _QUEUED, _STARTED, _ENDED = (
    SegmentRow._fields.index(name)
    for name in ("failures", "deadline", "queued_at", "started_at", "ended_at")
)

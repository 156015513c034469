"""What happened in each shift: who worked when, and what a person should know in the morning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from sqlalchemy import text

from reelkiln.store.ledger import Ledger
from reelkiln.store.segment import iso

__all__ = [
    "KINDS",
    "Kind",
    "LogRow",
    "ShiftRow",
    "begin_shift",
    "end_shift",
    "estimates_and_seconds",
    "list_shifts",
    "log_shift",
    "phases_since",
    "read_log",
    "read_switch",
    "seen",
    "set_switch",
]

Kind: TypeAlias = Literal[
    "slept", "paused", "resumed", "refused", "waited", "fell_back", "crashed", "clock", "late",
    "memory",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
"""slept: the machine did. paused, resumed: by a person, or for want of disk. refused: a shift that
did not begin. waited: for another program on the GPU, or through quiet hours. fell_back: another
model was taken. crashed: a worker or a renderer died. clock: it was set. late: a deadline passed.
memory: that of a GPU ran out.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """One run of one worker. `ended_at` None with an old `seen_at`: it was killed at about then.

    `joules` is what its GPUs have drawn until it was last seen, None where nobody counts that.
    """

    id: int
    executor: str
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    why: str
    joules: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One thing that happened. `until` is None where it has no length, or lasts still."""

    id: int
    shift_id: int | None
    segment_id: str | None
    kind: Kind
    said: str
    at: datetime
    until: datetime | None


def begin_shift(ledger: Ledger, executor: str, *, now: datetime) -> int:
    """A worker starts; returns the shift's id."""
    query = text(
        "INSERT INTO shifts (executor, started_at, seen_at) VALUES (:executor, :now, :now)"
        " RETURNING id"
    )
    with ledger.transaction() as connection:
        row = {"executor": executor, "now": now.isoformat()}
        return int(connection.execute(query, row).scalar_one())


def seen(ledger: Ledger, shift_id: int, *, now: datetime, joules: float | None = None) -> None:
    """The worker is alive; its GPUs have drawn so much since it began."""
    query = text("UPDATE shifts SET seen_at = :now, joules = :joules WHERE id = :id")
    with ledger.transaction() as connection:
        row = {"id": shift_id, "now": now.isoformat(), "joules": joules}
        connection.execute(query, row)


def end_shift(
    ledger: Ledger, shift_id: int, why: str, *, now: datetime, joules: float | None = None
) -> None:
    """The worker ends, and says why: done, until, count, stopped, disk full."""
    query = text(
        "UPDATE shifts SET seen_at = :now, ended_at = :now, why = :why, joules = :joules"
        " WHERE id = :id"
    )
    with ledger.transaction() as connection:
        row = {"id": shift_id, "why": why, "now": now.isoformat(), "joules": joules}
        connection.execute(query, row)


def list_shifts(ledger: Ledger, *, since: datetime) -> tuple[ShiftRow, ...]:
    """Shifts that were seen at or after a moment, the oldest first."""
    query = text("SELECT * FROM shifts WHERE seen_at >= :since ORDER BY id")
    with ledger.reading() as connection:
        rows = connection.execute(query, {"since": iso(since)}).all()
    return tuple(
        ShiftRow(
            id=row.id,
            executor=row.executor,
            started_at=datetime.fromisoformat(row.started_at),
            seen_at=datetime.fromisoformat(row.seen_at),
            ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
            why=row.why,
            joules=row.joules,
        )
        for row in rows
    )


def log_shift(
    ledger: Ledger,
    kind: Kind,
    said: str,
    *,
    at: datetime,
    until: datetime | None = None,
    shift_id: int | None = None,
    segment_id: str | None = None,
) -> None:
    """Write down one thing that happened, in one line of plain words."""
    query = text(
        "INSERT INTO shift_log (shift_id, segment_id, kind, said, at, until)"
        " VALUES (:shift_id, :segment_id, :kind, :said, :at, :until)"
    )
    row = {"shift_id": shift_id, "segment_id": segment_id, "kind": kind, "said": said}
    row |= {"at": at.isoformat(), "until": until.isoformat() if until else None}
    with ledger.transaction() as connection:
        connection.execute(query, row)


def read_log(ledger: Ledger, *, since: datetime) -> tuple[LogRow, ...]:
    """What happened at or after a moment, the oldest first."""
    query = text("SELECT * FROM shift_log WHERE coalesce(until, at) >= :since ORDER BY at, id")
    with ledger.reading() as connection:
        rows = connection.execute(query, {"since": iso(since)}).all()
    return tuple(
        LogRow(
            id=row.id,
            shift_id=row.shift_id,
            segment_id=row.segment_id,
            kind=row.kind,
            said=row.said,
            at=datetime.fromisoformat(row.at),
            until=datetime.fromisoformat(row.until) if row.until else None,
        )
        for row in rows
    )


def phases_since(ledger: Ledger, *, since: datetime) -> Mapping[str, Mapping[str, float]]:
    """Seconds by phase of each segment that ended at or after a moment."""
    query = text(
        "SELECT p.segment_id, p.phase, p.seconds FROM phases p"
        " JOIN segments s ON s.id = p.segment_id WHERE s.ended_at >= :since ORDER BY s.ended_at"
    )
    found: dict[str, dict[str, float]] = {}
    with ledger.reading() as connection:
        for segment, phase, took in connection.execute(query, {"since": iso(since)}):
            found.setdefault(segment, {})[phase] = float(took)
    return found


def set_switch(ledger: Ledger, name: str, value: str, *, now: datetime) -> None:
    """Set a switch that all processes see: "paused" with its reason as value, "" for off."""
    query = text(
        "INSERT INTO switches (name, value, at) VALUES (:name, :value, :at)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at"
    )
    with ledger.transaction() as connection:
        connection.execute(query, {"name": name, "value": value, "at": now.isoformat()})


def read_switch(ledger: Ledger, name: str) -> str:
    """A switch's value, "" where it was never set."""
    query = text("SELECT value FROM switches WHERE name = :name")
    with ledger.reading() as connection:
        return connection.execute(query, {"name": name}).scalar_one_or_none() or ""


def estimates_and_seconds(ledger: Ledger) -> tuple[tuple[float, float], ...]:
    """Of the latest 100 delivered segments: the seconds planned, and those that rendering took."""
    query = text(
        "SELECT s.estimate, sum(p.seconds) FROM segments s JOIN phases p ON p.segment_id = s.id"
        " WHERE s.state = 'delivered' AND p.phase <> 'finish'"
        " GROUP BY s.id ORDER BY s.ended_at DESC LIMIT 100"
    )
    with ledger.reading() as connection:
        rows = connection.execute(query).all()
    return tuple((float(row[0]), float(row[1])) for row in reversed(rows))

"""What a worker does to the rows of the queue: take, note, give back, end.

Every change of state names the state it starts from, so that two processes cannot both make it.
A delivery is written by `Ledger.record_delivery`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from reelkiln.reel import Take
from reelkiln.store.ledger import Ledger, write_seconds, write_takes
from reelkiln.store.segment import COLUMNS, LINE, READY, SegmentRow, change, in_line, read_row

__all__ = [
    "claim",
    "claim_one",
    "give_back",
    "mark_cancelled",
    "mark_phase",
    "note_failure",
    "park",
    "running_of",
    "take_over",
    "wanted_of",
]

_FIRST = (
    f"SELECT id FROM segments AS line WHERE state = 'queued' AND {READY}"
    f" ORDER BY {LINE} LIMIT :count"
)
_TAKEN = "state = 'running', executor = :executor, started_at = :now, runs = runs + 1"
_CLAIM = text(f"UPDATE segments SET {_TAKEN} WHERE id IN ({_FIRST}) RETURNING {COLUMNS}")


def claim(ledger: Ledger, executor: str, count: int, *, now: datetime) -> tuple[SegmentRow, ...]:
    """Take up to `count` queued segments, the first in line first; they are running from now on."""
    with ledger.transaction() as connection:
        rows = connection.execute(
            _CLAIM, {"executor": executor, "count": count, "now": now.isoformat()}
        ).all()
    return tuple(sorted(map(read_row, rows), key=in_line))


def claim_one(
    ledger: Ledger, segment_id: str, executor: str, *, now: datetime
) -> SegmentRow | None:
    """Take this queued segment, wherever it stands in line; None where it is queued no more."""
    one = "id = :id AND state = 'queued'"
    query = text(f"UPDATE segments SET {_TAKEN} WHERE {one} RETURNING {COLUMNS}")
    row = {"id": segment_id, "executor": executor, "now": now.isoformat()}
    with ledger.transaction() as connection:
        found = connection.execute(query, row).first()
    return None if found is None else read_row(found)


def give_back(ledger: Ledger, segment_id: str, reason: str = "") -> None:
    """A running segment goes back to its place in line; what was rendered of it stays on disk."""
    change(
        ledger,
        "UPDATE segments SET state = 'queued', executor = '', phase = '', reason = :reason"
        " WHERE id = :id AND state = 'running'",
        id=segment_id,
        reason=reason,
    )


def mark_phase(ledger: Ledger, segment_id: str, phase: str, *, model: str, because: str) -> None:
    """A running segment has come to a phase, with this model, taken for this reason."""
    change(
        ledger,
        "UPDATE segments SET phase = :phase, model = :model, because = :because"
        " WHERE id = :id AND state = 'running'",
        id=segment_id,
        phase=phase,
        model=model,
        because=because,
    )


def note_failure(ledger: Ledger, segment_id: str, model: str, why: str) -> tuple[str, ...]:
    """Remember that a model failed at a segment; returns all its failures, `MODEL: why` each."""
    with ledger.transaction() as connection:
        found = connection.execute(
            text("SELECT failures FROM segments WHERE id = :id"), {"id": segment_id}
        ).scalar_one()
        failures = [*json.loads(found), f"{model}: {why}"]
        connection.execute(
            text("UPDATE segments SET failures = :failures WHERE id = :id"),
            {"id": segment_id, "failures": json.dumps(failures, ensure_ascii=False)},
        )
    return tuple(failures)


def park(
    ledger: Ledger,
    segment_id: str,
    reason: str,
    *,
    kept: str = "",
    takes: tuple[Take, ...] = (),
    seconds: Mapping[str, float] | None = None,
    now: datetime,
) -> None:
    """A running segment needs a person; `kept` is the file of its best take, all of them `takes`.

    Nothing is written where it is not running: the first word about its end stands.
    """
    query = text(
        "UPDATE segments SET state = 'parked', wanted = '', phase = '', reason = :reason,"
        " kept = :kept, ended_at = :now WHERE id = :id AND state = 'running'"
    )
    row = {"id": segment_id, "reason": reason, "kept": kept, "now": now.isoformat()}
    with ledger.transaction() as connection:
        if connection.execute(query, row).rowcount:
            write_takes(connection, takes, now=now, segment_id=segment_id)
            write_seconds(connection, segment_id, seconds or {})


def mark_cancelled(ledger: Ledger, segment_id: str, *, now: datetime) -> None:
    """A running segment has stopped, as somebody wanted."""
    change(
        ledger,
        "UPDATE segments SET state = 'cancelled', wanted = '', phase = '', ended_at = :now,"
        " reason = 'a person cancelled it' WHERE id = :id AND state = 'running'",
        id=segment_id,
        now=now.isoformat(),
    )


def running_of(ledger: Ledger, executor: str | None = None) -> tuple[SegmentRow, ...]:
    """What a worker runs, or was running when it died; None: what all of them do."""
    query = text(
        f"SELECT {COLUMNS} FROM segments WHERE state = 'running'"
        f" AND (:executor = '' OR executor = :executor) ORDER BY {LINE}"
    )
    with ledger.reading() as connection:
        rows = connection.execute(query, {"executor": executor or ""}).all()
    return tuple(map(read_row, rows))


def take_over(ledger: Ledger, segment_ids: tuple[str, ...], executor: str) -> None:
    """The running segments of a dead worker are this one's from now on."""
    query = text(
        "UPDATE segments SET executor = :executor, phase = '' WHERE id = :id AND state = 'running'"
    )
    with ledger.transaction() as connection:
        for one in segment_ids:
            connection.execute(query, {"id": one, "executor": executor})


def wanted_of(ledger: Ledger, executor: str) -> tuple[str, ...]:
    """The ids of a worker's running segments that somebody asked to stop."""
    query = text(
        "SELECT id FROM segments WHERE state = 'running' AND executor = :executor"
        " AND wanted = 'cancel'"
    )
    with ledger.reading() as connection:
        return tuple(row[0] for row in connection.execute(query, {"executor": executor}))

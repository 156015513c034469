"""The queue's rows: orders and their segments, from queued to delivered, parked or cancelled.

These rows are the truth about what is to be made and what became of it; the engine
(`store.engine`) only makes sure that what was begun is ended. A row is written first, then its id
is submitted. Every function is one transaction. What a worker
does to the rows stands in `store.running`, the row itself in `store.segment`.

    queued ──claim──> running ──deliver──> delivered
      ^  │               │ │ └───park────> parked ──retry──> queued
      │  └─cancel─> cancelled <┘ (within one step)     cancelled ──retry──> queued
      └──give_back───────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, text

from reelkiln.errors import UsageError
from reelkiln.store.ledger import Ledger
from reelkiln.store.segment import (
    BATCH,
    COLUMNS,
    LINE,
    READY,
    STATES,
    SegmentRow,
    State,
    found,
    in_line,
    iso,
    read_row,
    read_rows,
    set_row,
)

__all__ = [
    "Kind",
    "NewSegment",
    "add_order",
    "cancel",
    "count_states",
    "find_segment",
    "first_ready",
    "list_segments",
    "move",
    "planned_movies",
    "retry",
]

Kind: TypeAlias = Literal["clip", "reel"]
BRIEF = COLUMNS.replace(" work,", " '' AS work,")
_ORDERS: tuple[tuple[tuple[State, ...], str], ...] = (
    (("delivered", "parked", "cancelled"), f"ended_at, {LINE}"),
    (("running",), LINE),
    (("queued",), LINE),
)
"""Who stands first in a list. Each state that can be long has an index in this very order."""
_INSERT = text(
    "INSERT INTO segments (id, order_id, priority, position, deadline, product, template, work,"
    " movie, estimate, queued_at, kind, reel_id) VALUES (:id, :order_id, :priority, :position,"
    " :deadline, :product, :template, :work, :movie, :estimate, :now, :kind, :reel_id)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """One clip to be made. `work` is plain JSON that the kiln wrote and alone reads.

    `movie` is the final file, and no other row has it; `estimate` is in seconds of rendering. A
    "reel" is joined of the clips whose `reel_id` is its id, once all of them are delivered.
    """

    id: str
    work: str
    movie: str
    product: str = ""
    template: str = ""
    priority: int = BATCH
    deadline: datetime | None = None
    estimate: float = 0.0
    kind: Kind = "clip"
    reel_id: str = ""


def add_order(
    ledger: Ledger, order_id: str, source: str, segments: Sequence[NewSegment], *, now: datetime
) -> None:
    """Write an order and all its segments, in their order, behind what waits already.

    Raises:
        UsageError: an id or a movie is taken; nothing was written.
        LedgerError, LockHeld, DiskFull: nothing was written.
    """
    order = {
        "id": order_id,
        "source": source,
        "now": now.isoformat(),
        "deadline": min((iso(one.deadline) or "" for one in segments), default="") or None,
    }
    with ledger.transaction() as connection:
        _refuse_taken(connection, order_id, segments)
        connection.execute(
            text(
                "INSERT INTO orders (id, source, created_at, deadline)"
                " VALUES (:id, :source, :now, :deadline)"
            ),
            order,
        )
        last = connection.execute(text("SELECT coalesce(max(position), 0) FROM segments")).scalar()
        rows = [
            {
                "id": one.id,
                "order_id": order_id,
                "priority": one.priority,
                "position": float(last or 0) + number,
                "deadline": iso(one.deadline),
                "product": one.product,
                "template": one.template,
                "work": one.work,
                "movie": one.movie,
                "estimate": one.estimate,
                "kind": one.kind,
                "reel_id": one.reel_id,
                "now": now.isoformat(),
            }
            for number, one in enumerate(segments, 1)
        ]
        if rows:
            connection.execute(_INSERT, rows)


def cancel(ledger: Ledger, segment_id: str, *, now: datetime) -> State:
    """Ask for a segment's end; returns its state: "cancelled", or "running" until it has stopped.

    Raises:
        UnknownName: there is no such segment.
        UsageError: it was delivered.
    """
    with ledger.transaction() as connection:
        row = found(connection, segment_id)
        if row.state == "delivered":
            raise UsageError(
                f"{segment_id} was delivered already", hint="Say no to it: `reelkiln review`."
            )
        if row.state == "running":
            set_row(connection, "wanted = 'cancel'", id=segment_id)
            return "running"
        if row.state != "cancelled":
            set_row(
                connection,
                "state = 'cancelled', reason = 'a person cancelled it', ended_at = :now",
                id=segment_id,
                now=now.isoformat(),
            )
        return "cancelled"


def retry(ledger: Ledger, segment_id: str, *, now: datetime) -> None:
    """A parked or cancelled segment goes back into line, with every model to be tried again.

    Raises:
        UnknownName: there is no such segment.
        UsageError: it is neither parked nor cancelled.
    """
    with ledger.transaction() as connection:
        row = found(connection, segment_id)
        if row.state not in ("parked", "cancelled"):
            raise UsageError(
                f"{segment_id} is {row.state}", hint="Only what is parked or cancelled is retried."
            )
        set_row(
            connection,
            "state = 'queued', wanted = '', reason = '', failures = '[]', executor = '',"
            " queued_at = :now, ended_at = NULL",
            id=segment_id,
            now=now.isoformat(),
        )


def move(ledger: Ledger, segment_id: str, *, before: str | None = None) -> None:
    """Put a queued segment in front of another one, or of all (None), whatever their priorities.

    Raises:
        UnknownName: there is no such segment.
        UsageError: one of them is not queued.
    """
    with ledger.transaction() as connection:
        row = found(connection, segment_id)
        line = [one for one in _line(connection) if one.id != row.id]
        target = line[0] if before is None and line else found(connection, before or segment_id)
        for one in (row, target):
            if one.state != "queued":
                raise UsageError(f"{one.id} is {one.state}", hint="Only what is queued is moved.")
        at = next((n for n, one in enumerate(line) if one.id == target.id), 0)
        front = line[at - 1] if at else None
        same = front is not None and in_line(front)[:2] == in_line(target)[:2]
        low = front.position if front is not None and same else target.position - 2.0
        set_row(
            connection,
            "priority = :priority, deadline = :deadline, position = :position",
            id=segment_id,
            priority=target.priority,
            deadline=iso(target.deadline),
            position=(low + target.position) / 2,
        )


def find_segment(ledger: Ledger, segment_id: str) -> SegmentRow:
    """One segment.

    Raises:
        UnknownName: there is no such segment.
    """
    with ledger.reading() as connection:
        return found(connection, segment_id)


def list_segments(
    ledger: Ledger,
    *,
    states: Iterable[State] = STATES,
    since: datetime | None = None,
    most: int = 1_000_000,
) -> tuple[SegmentRow, ...]:
    """Segments in the order they are or were worked on: who is in line stands as in the line.

    Their `work` is left out (""): `find_segment` has it.

    Args:
        since: leave out what ended before this moment.
    """
    wanted = set(states)
    rows: list[SegmentRow] = []
    with ledger.reading() as connection:
        for some, order in _ORDERS:
            names = ",".join(f"'{state}'" for state in some if state in wanted)
            if names and len(rows) < most:
                query = (
                    f"SELECT {BRIEF} FROM segments WHERE state IN ({names})"
                    " AND (:since = '' OR ended_at IS NULL OR ended_at >= :since)"
                    f" ORDER BY {order} LIMIT :most"
                )
                left = most - len(rows)
                rows += read_rows(connection, query, since=iso(since) or "", most=left)
    return tuple(rows)


def first_ready(ledger: Ledger) -> SegmentRow | None:
    """Who is next of those that can be made now; its `work` is left out."""
    query = (
        f"SELECT {BRIEF} FROM segments AS line WHERE state = 'queued' AND {READY}"
        f" ORDER BY {LINE} LIMIT 1"
    )
    with ledger.reading() as connection:
        return next(iter(read_rows(connection, query)), None)


def count_states(ledger: Ledger) -> dict[State, int]:
    """How many segments are in each state."""
    with ledger.reading() as connection:
        rows = connection.execute(text("SELECT state, count(*) FROM segments GROUP BY state")).all()
    found = {row[0]: int(row[1]) for row in rows}
    return {state: found.get(state, 0) for state in STATES}


def planned_movies(ledger: Ledger) -> frozenset[str]:
    """The final file of every segment there ever was: names that are taken."""
    with ledger.reading() as connection:
        return frozenset(row[0] for row in connection.execute(text("SELECT movie FROM segments")))


def _refuse_taken(connection: Connection, order_id: str, segments: Sequence[NewSegment]) -> None:
    if connection.execute(text("SELECT 1 FROM orders WHERE id = :id"), {"id": order_id}).first():
        raise UsageError(f"there is an order {order_id} already", hint="Take another id.")
    movies = [one.movie for one in segments]
    twice = {movie for movie in movies if movies.count(movie) > 1} if len(movies) < 500 else set()
    query = text("SELECT id FROM segments WHERE movie = :movie OR id = :id")
    for one in segments:
        if (
            one.movie in twice
            or connection.execute(query, {"movie": one.movie, "id": one.id}).first()
        ):
            raise UsageError(
                f"{one.movie} is another segment's file already", hint="Take another name."
            )


def _line(connection: Connection) -> list[SegmentRow]:
    query = text(f"SELECT {COLUMNS} FROM segments WHERE state = 'queued' ORDER BY {LINE}")
    return [read_row(row) for row in connection.execute(query)]

"""Reels of the queue: rows that wait until all their clips are delivered, and are made of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from reelkiln.store.ledger import Ledger
from reelkiln.store.segment import COLUMNS, SegmentRow, read_rows

__all__ = ["Wait", "clips_of", "recipe_of", "waits_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a queued reel waits for: of `clips`, so many are `delivered`; a person must look at
    those in `held` (parked or cancelled) before it can be made."""

    clips: int
    delivered: int
    held: tuple[str, ...]

    def __str__(self) -> str:
        left = f"waits for {self.clips - self.delivered} of its {self.clips} clips"
        if not self.held:
            return left
        return f"{left}; a person must look at {', '.join(self.held)}"


def clips_of(ledger: Ledger, reel_id: str) -> tuple[SegmentRow, ...]:
    """The clips of a reel in the order they are seen, which is that of their ids."""
    query = f"SELECT {COLUMNS} FROM segments WHERE reel_id = :id AND reel_id <> '' ORDER BY id"
    with ledger.reading() as connection:
        return tuple(read_rows(connection, query, id=reel_id))


def waits_of(ledger: Ledger) -> dict[str, Wait]:
    """What each queued reel waits for, by its id; one without an entry waits for nothing."""
    query = text(
        "SELECT own.reel_id, own.id, own.state FROM segments AS own JOIN segments AS reel"
        " ON reel.id = own.reel_id WHERE own.reel_id <> '' AND reel.state = 'queued'"
        " ORDER BY own.id"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    with ledger.reading() as connection:
        for reel, name, state in connection.execute(query):
            found.setdefault(reel, []).append((name, state))
    waits = {
        reel: Wait(
            clips=len(clips),
            delivered=sum(state == "delivered" for _, state in clips),
            held=tuple(name for name, state in clips if state in ("parked", "cancelled")),
        )
        for reel, clips in found.items()
    }
    return {reel: wait for reel, wait in waits.items() if wait.delivered < wait.clips}


def recipe_of(ledger: Ledger, segment_id: str) -> str:
    """The recipe of a delivered segment as JSON text, "" where it was not delivered."""
    query = text("SELECT recipe FROM deliveries WHERE segment_id = :id")
    with ledger.reading() as connection:
        return connection.execute(query, {"id": segment_id}).scalar_one_or_none() or ""

"""What was delivered of the queue."""

from __future__ import annotations

from sqlalchemy import text

from reelkiln.store.ledger import Ledger

__all__ = ["delivered_segments"]


def delivered_segments(ledger: Ledger) -> tuple[str, ...]:
    """The segment of every delivery that came from the queue, one entry for each delivery."""
    query = text("SELECT segment_id FROM deliveries WHERE segment_id IS NOT NULL ORDER BY id")
    with ledger.transaction() as connection:
        return tuple(row[0] for row in connection.execute(query))

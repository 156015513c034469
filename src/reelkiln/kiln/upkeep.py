"""What a shift looks after now and then: what lies about, what a dead worker held, and whether our
rows and the engine agree."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress

from reelkiln.errors import UnknownName
from reelkiln.kiln.kept import ids_in
from reelkiln.kiln.produce import Producer
from reelkiln.store.engine import Engine
from reelkiln.store.ledger import Ledger
from reelkiln.store.queue import find_segment
from reelkiln.store.running import park, running_of, take_over

__all__ = ["adopt", "reconcile", "tidy"]


def tidy(producer: Producer) -> None:
    """Throw away what lies there of segments that ended just before the power went."""
    for name in ids_in(producer.bench.scratch):
        with suppress(UnknownName):
            row = find_segment(producer.bench.ledger, name)
            if row.ended:
                producer.clear(row)


def adopt(ledger: Ledger, engine: Engine, executor: str) -> int:
    """Take over what dead workers held; returns how many segments these are."""
    adopted = engine.take_over()
    if adopted:
        take_over(ledger, adopted, executor)
    return len(adopted)


def reconcile(producer: Producer, engine: Engine, executor: str, held: Container[str]) -> None:
    """Submit again what our rows call running and the engine does not.

    Args:
        held: the segments that this worker has in hands.
    """
    bench = producer.bench
    for row in running_of(bench.ledger, executor):
        if row.id in held:
            continue
        status = engine.status(row.id)
        if status == "exhausted":
            why = "the program died again and again while it was made"
            park(bench.ledger, row.id, why, now=bench.now())
            producer.clear(row)  # whoever tries it once more begins with nothing of what killed it
        elif status not in ("waiting", "running") and row.id not in held:
            engine.resume(row.id)

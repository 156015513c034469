"""Where memory ran out: what a model may not be planned to need on a GPU again, for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text

from reelkiln.store.ledger import Ledger

__all__ = ["REMEMBERED", "recall", "recall_model", "remember"]

REMEMBERED = timedelta(days=30)
"""After that a GPU gets another chance: a driver was updated, another program is gone."""

_REMEMBER = text(
    "INSERT INTO ran_out (gpu, model, need, at) VALUES (:gpu, :model, :need, :at)"
    " ON CONFLICT (gpu, model) DO UPDATE SET need = min(need, :need), at = :at"
)
_RECALL = text("SELECT model, need FROM ran_out WHERE gpu = :name AND at >= :since")
_RECALL_MODEL = text("SELECT gpu, need FROM ran_out WHERE model = :name AND at >= :since")


def remember(ledger: Ledger, *, gpu: str, model: str, need: int, now: datetime) -> None:
    """Note that a plan with a predicted need of `need` bytes ran out of this GPU's memory.

    The least need of a model counts.

    Raises:
        LedgerError, LockHeld, DiskFull: nothing was written.
    """
    row = {"gpu": gpu, "model": model, "need": need, "at": now.isoformat()}
    with ledger.transaction() as connection:
        connection.execute(_REMEMBER, row)


def recall(ledger: Ledger, *, gpu: str, now: datetime) -> Mapping[str, int]:
    """The least need, in bytes, that ran out of this GPU's memory, by model; see `REMEMBERED`.

    Raises:
        LedgerError, LockHeld: the ledger cannot be read.
    """
    return _least(ledger, _RECALL, gpu, now)


def recall_model(ledger: Ledger, *, model: str, now: datetime) -> Mapping[str, int]:
    """The least need of one model, in bytes, that ran out of a GPU's memory, by GPU.

    Raises:
        LedgerError, LockHeld: the ledger cannot be read.
    """
    return _least(ledger, _RECALL_MODEL, model, now)


def _least(ledger: Ledger, what: TextClause, name: str, now: datetime) -> Mapping[str, int]:
    since = (now - REMEMBERED).isoformat()
    with ledger.reading() as connection:
        rows = connection.execute(what, {"name": name, "since": since}).all()
    return {str(other): int(need) for other, need in rows}

"""What people said of delivered clips, what that makes of a template, and settings they chose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text

from reelkiln.errors import UsageError
from reelkiln.reel import Marks
from reelkiln.store.ledger import Ledger

__all__ = [
    "TakeCount",
    "approved_files",
    "approved_marks",
    "approved_since",
    "find_setting",
    "keep_setting",
    "models_used",
    "record_review",
    "take_counts",
]

_DELIVERY = text("SELECT id FROM deliveries WHERE sha256 = :sha256 ORDER BY id DESC LIMIT 1")
_REVIEW = text(
    "INSERT INTO reviews (delivery_id, approved, reviewer, note, reviewed_at)"
    " VALUES (:delivery, :approved, :reviewer, :note, :at)"
)
# A later review of the same delivery replaces the earlier one's word.
_COUNTS = text(
    "SELECT d.template,"
    " (SELECT max(t.attempt) FROM takes t WHERE t.delivery_id = d.id) AS attempts,"
    " coalesce((SELECT r.approved FROM reviews r WHERE r.delivery_id = d.id"
    " ORDER BY r.id DESC LIMIT 1), 0) AS approved"
    " FROM deliveries d WHERE d.template <> '' ORDER BY d.id"
)
_APPROVED = text(
    "SELECT t.marks FROM deliveries d JOIN takes t ON t.delivery_id = d.id AND t.kept = 1"
    " WHERE d.template = :template AND (SELECT r.approved FROM reviews r"
    " WHERE r.delivery_id = d.id ORDER BY r.id DESC LIMIT 1) = 1 ORDER BY t.id"
)
_APPROVED_FILES = text(
    "SELECT DISTINCT d.sha256 FROM deliveries d JOIN reviews r ON r.delivery_id = d.id"
    " WHERE r.approved = 1"
)
_KEEP = text(
    "INSERT INTO settings (template, product, model, setting, chosen_at)"
    " VALUES (:template, :product, :model, :setting, :at)"
    " ON CONFLICT (template, product, model)"
    " DO UPDATE SET setting = excluded.setting, chosen_at = excluded.chosen_at"
)
_FIND = text(
    "SELECT setting FROM settings"
    " WHERE template = :template AND product = :product AND model = :model"
)


@dataclass(frozen=True, slots=True)
class TakeCount:
    """One delivery of a template: the attempts it needed, and whether a person approved it."""

    template: str
    attempts: int
    approved: bool


def record_review(
    ledger: Ledger, *, sha256: str, approved: bool, reviewer: str, note: str, now: datetime
) -> None:
    """Write what a person said of a delivered file.

    Raises:
        UsageError: no such file was delivered.
        LedgerError, LockHeld, DiskFull: nothing was written.
    """
    with ledger.transaction() as connection:
        key = connection.execute(_DELIVERY, {"sha256": sha256}).scalar_one_or_none()
        if key is None:
            raise UsageError(
                "this file is not in the ledger",
                hint="Review it in the workspace that made it, unchanged.",
            )
        row = {"delivery": key, "approved": int(approved), "reviewer": reviewer, "note": note}
        connection.execute(_REVIEW, {**row, "at": now.isoformat()})


def take_counts(ledger: Ledger) -> tuple[TakeCount, ...]:
    """Every delivery that a template told, in the order of delivery."""
    with ledger.reading() as connection:
        rows = connection.execute(_COUNTS).all()
    return tuple(TakeCount(row[0], int(row[1] or 1), bool(row[2])) for row in rows)


def approved_marks(ledger: Ledger, template: str) -> tuple[Marks, ...]:
    """What the gate measured of the kept takes of a template that a person approved."""
    with ledger.reading() as connection:
        rows = connection.execute(_APPROVED, {"template": template}).all()
    return tuple(json.loads(row[0]) for row in rows)


def keep_setting(
    ledger: Ledger,
    *,
    template: str,
    product: str,
    model: str,
    setting: Mapping[str, str | float | int],
    now: datetime,
) -> None:
    """Remember the setting that a person chose; an earlier choice is replaced."""
    row = {"template": template, "product": product, "model": model, "at": now.isoformat()}
    with ledger.transaction() as connection:
        connection.execute(_KEEP, {**row, "setting": json.dumps(dict(setting), sort_keys=True)})


def find_setting(
    ledger: Ledger, *, template: str, product: str, model: str
) -> Mapping[str, str | float | int] | None:
    """The setting that was chosen for a template, product and model, or None."""
    row = {"template": template, "product": product, "model": model}
    with ledger.reading() as connection:
        found = connection.execute(_FIND, row).scalar_one_or_none()
    return None if found is None else dict(json.loads(found))


def models_used(ledger: Ledger) -> tuple[str, ...]:
    """The models that anything was delivered with, in alphabetical order."""
    query = text("SELECT DISTINCT model FROM deliveries WHERE model <> '' ORDER BY model")
    with ledger.transaction() as connection:
        return tuple(row[0] for row in connection.execute(query))


def approved_files(ledger: Ledger) -> frozenset[str]:
    """The sha256 of every delivered file that a person ever approved."""
    with ledger.transaction() as connection:
        return frozenset(row[0] for row in connection.execute(_APPROVED_FILES))


def approved_since(ledger: Ledger, *, since: datetime) -> int:
    """How many deliveries made at or after a moment a person approved, by the latest word."""
    query = text(
        "SELECT count(*) FROM deliveries d WHERE d.delivered_at >= :since"
        " AND (SELECT r.approved FROM reviews r WHERE r.delivery_id = d.id"
        " ORDER BY r.id DESC LIMIT 1) = 1"
    )
    row = {"since": since.astimezone(UTC).isoformat()}
    with ledger.reading() as connection:
        return int(connection.execute(query, row).scalar_one())

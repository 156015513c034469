"""The ledger: what was made, in one SQLite file. Each method is one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from reelkiln.errors import LedgerError
from reelkiln.failpoints import failpoint
from reelkiln.reel import Origin, Take, Verdict
from reelkiln.store.database import open_database, translated
from reelkiln.store.migrations import STEPS

__all__ = [
    "Board",
    "DeliveryRow",
    "Ledger",
    "open_ledger",
    "write_seconds",
    "write_takes",
]

_INSERT_DELIVERY = text(
    "INSERT INTO deliveries"
    " (sha256, recipe_digest, recipe, path, delivered_at, model, template, variant, product,"
    " segment_id, storyboard, templates) VALUES (:sha256, :recipe_digest, :recipe, :path,"
    " :delivered_at, :model, :template, :variant, :product, :segment_id, :storyboard, :templates)"
    " RETURNING id"
)
_INSERT_TAKE = text(
    "INSERT INTO takes (delivery_id, segment_id, segment, attempt, seed, sha256, kept, reasons,"
    " marks, made_at) VALUES (:delivery_id, :segment_id, :segment, :attempt, :seed, :sha256, :kept,"
    " :reasons, :marks, :made_at)"
)
_DELIVERED = text(
    "UPDATE segments SET state = 'delivered', wanted = '', phase = '', reason = '',"
    " sha256 = :sha256, model = :model, ended_at = :delivered_at WHERE id = :segment_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One delivered file: its hash, its recipe (JSON text), where it was put and when."""

    id: int
    sha256: str
    recipe_digest: str
    recipe: str
    path: str
    delivered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a reel was told by. `templates` are those of its shots, in their order."""

    storyboard: str
    product: str
    templates: tuple[str, ...]


class Ledger:
    """An open, migrated ledger. Made by `open_ledger`; use it in a `with`, or close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = open_database(path)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def version(self) -> int:
        """How many migration steps the file has seen."""
        with self.reading() as connection:
            return _version(connection)

    def migrate(self) -> None:
        """Bring the file to the newest schema, all steps or none.

        Raises:
            LedgerError: a newer reelkiln wrote this ledger, or the file is damaged.
        """
        with self.transaction() as connection:
            seen = _version(connection)
            if seen > len(STEPS):
                raise LedgerError(
                    f"the ledger {self.path} was written by a newer reelkiln",
                    hint="Update reelkiln, or point REELKILN_STATE at another folder.",
                )
            for step in STEPS[seen:]:
                for statement in step:
                    connection.execute(text(statement))
            connection.execute(text(f"PRAGMA user_version = {len(STEPS)}"))

    def record_delivery(
        self,
        *,
        sha256: str,
        recipe_digest: str,
        recipe: str,
        path: str,
        takes: tuple[Take, ...],
        now: datetime,
        model: str = "",
        origin: Origin | None = None,
        segment_id: str | None = None,
        seconds: Mapping[str, float] | None = None,
        board: Board | None = None,
    ) -> int:
        """Write one delivered file and all the takes made for it; returns the row's id.

        A segment of the queue is delivered in the same transaction, and once: a second call for
        it changes nothing and returns the first one's row.

        Args:
            model: the card's name.
            origin: which template told the words, None where a person typed them.
            segment_id: the segment of the queue that this is, None outside of it.
            seconds: what each phase took, kept with the segment.
            board: which storyboard, and which templates in it, told a reel; None: it is a clip.

        Raises:
            LedgerError, LockHeld, DiskFull: nothing was written.
        """
        row = {
            "sha256": sha256,
            "recipe_digest": recipe_digest,
            "recipe": recipe,
            "path": path,
            "delivered_at": now.isoformat(),
            "model": model,
            "template": origin.template if origin else "",
            "variant": origin.variant if origin else "",
            "product": origin.product if origin else (board.product if board else ""),
            "segment_id": segment_id,
            "storyboard": board.storyboard if board else "",
            "templates": ", ".join(dict.fromkeys(board.templates)) if board else "",
        }
        with self.transaction() as connection:
            if segment_id and (before := _delivery_of(connection, segment_id)):
                return before
            key = int(connection.execute(_INSERT_DELIVERY, row).scalar_one())
            write_takes(connection, takes, now=now, delivery_id=key, segment_id=segment_id)
            failpoint("row half written")
            if segment_id:
                connection.execute(_DELIVERED, row)
                write_seconds(connection, segment_id, seconds or {})
            return key

    def find_delivery(self, *, sha256: str = "", recipe_digest: str = "") -> DeliveryRow | None:
        """The latest delivery of this file hash or this recipe digest, or None."""
        query = text(
            "SELECT id, sha256, recipe_digest, recipe, path, delivered_at FROM deliveries"
            " WHERE (:sha256 <> '' AND sha256 = :sha256)"
            " OR (:digest <> '' AND recipe_digest = :digest) ORDER BY id DESC LIMIT 1"
        )
        with self.reading() as connection:
            row = connection.execute(query, {"sha256": sha256, "digest": recipe_digest}).first()
        return None if row is None else _delivery(dict(row._mapping))

    def latest_deliveries(self, model: str, limit: int = 50) -> tuple[DeliveryRow, ...]:
        """The latest files of one model, the newest first."""
        query = text(
            "SELECT id, sha256, recipe_digest, recipe, path, delivered_at FROM deliveries"
            " WHERE model = :model ORDER BY id DESC LIMIT :limit"
        )
        with self.transaction() as connection:
            rows = connection.execute(query, {"model": model, "limit": limit}).all()
        return tuple(_delivery(dict(row._mapping)) for row in rows)

    def takes_of(self, delivery_id: int) -> tuple[Take, ...]:
        """The takes of one delivery, in the order they were made. Their files are gone."""
        query = text("SELECT * FROM takes WHERE delivery_id = :id ORDER BY id")
        with self.reading() as connection:
            rows = connection.execute(query, {"id": delivery_id}).all()
        return tuple(_take(dict(row._mapping)) for row in rows)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: all of what is done in the `with`, or nothing of it.

        Raises:
            LedgerError, LockHeld, DiskFull: the database's own errors in our words.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise translated(error, self.path) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One look: all that is read in the `with` is of one moment. Nobody is kept from writing.

        Raises:
            LedgerError, LockHeld, DiskFull: as `transaction`.
        """
        try:
            with (
                self._engine.connect().execution_options(reads=True) as connection,
                connection.begin(),
            ):
                yield connection
        except DatabaseError as error:
            raise translated(error, self.path) from error


def write_takes(
    connection: Connection,
    takes: tuple[Take, ...],
    *,
    now: datetime,
    delivery_id: int | None = None,
    segment_id: str | None = None,
) -> None:
    """Write takes, inside a transaction, with the delivery or the segment they were made for."""
    row = {"delivery_id": delivery_id, "segment_id": segment_id, "made_at": now.isoformat()}
    for take in takes:
        connection.execute(_INSERT_TAKE, {**row, **_take_row(take)})


def write_seconds(connection: Connection, segment_id: str, seconds: Mapping[str, float]) -> None:
    """Write, inside a transaction, what each phase of a segment took."""
    query = text(
        "INSERT INTO phases (segment_id, phase, seconds) VALUES (:segment_id, :phase, :seconds)"
        " ON CONFLICT (segment_id, phase) DO UPDATE SET seconds = excluded.seconds"
    )
    for phase, took in seconds.items():
        row = {"segment_id": segment_id, "phase": phase, "seconds": took}
        connection.execute(query, row)


def open_ledger(path: Path) -> Ledger:
    """Open the ledger at `path` (its folder is made) and bring it to the newest schema.

    Raises:
        LedgerError: the file is damaged, too new, or cannot be opened.
        LockHeld: another process has held it for longer than `WAIT_SECONDS`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder of the ledger cannot be made: {path.parent}: {error.strerror}",
            hint="Point REELKILN_STATE at a folder you may write to.",
        ) from error
    ledger = Ledger(path)
    ledger.migrate()
    return ledger


def _delivery_of(connection: Connection, segment_id: str) -> int | None:
    query = text("SELECT id FROM deliveries WHERE segment_id = :id")
    found = connection.execute(query, {"id": segment_id}).scalar_one_or_none()
    return None if found is None else int(found)


def _version(connection: Connection) -> int:
    return int(connection.execute(text("PRAGMA user_version")).scalar_one())


def _take_row(take: Take) -> dict[str, Any]:
    return {
        "segment": take.segment,
        "attempt": take.attempt,
        "seed": take.seed,
        "sha256": take.sha256,
        "kept": int(take.verdict.kept),
        "reasons": json.dumps(take.verdict.reasons, ensure_ascii=False),
        "marks": json.dumps(dict(take.verdict.marks)),
    }


def _take(row: dict[str, Any]) -> Take:
    verdict = Verdict(
        kept=bool(row["kept"]),
        reasons=tuple(json.loads(row["reasons"])),
        marks=json.loads(row["marks"]),
    )
    return Take(
        segment=row["segment"],
        attempt=row["attempt"],
        seed=row["seed"],
        path="",
        sha256=row["sha256"],
        verdict=verdict,
    )


def _delivery(row: dict[str, Any]) -> DeliveryRow:
    at = datetime.fromisoformat(row.pop("delivered_at"))
    return DeliveryRow(**row, delivered_at=at)

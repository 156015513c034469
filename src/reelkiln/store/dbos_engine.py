"""`store.engine.Engine` on DBOS and SQLite.

Four guards, each with its test in `tests/store/test_guards.py`:

1. One process per executor: a file lock. DBOS would let a second one run the first one's work.
2. One version of the schema, said by us. DBOS's own, a hash of the code, would leave everything
   from before an update lying.
3. JSON instead of pickle, and only ids inside.
4. Dead executors: a living worker takes their lock, which the kernel dropped, and their work.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from sqlalchemy import Engine as Database
from sqlalchemy import event

from reelkiln.errors import DiskFull, LedgerError, LockHeld
from reelkiln.store.database import is_full
from reelkiln.store.engine import BEGUN_MAX, Handle, Status

if TYPE_CHECKING:
    from dbos import DBOSClient

__all__ = ["POLL_SECONDS", "VERSION", "DbosEngine"]

POLL_SECONDS = 0.05
"""How often the queue is looked at. DBOS's default, a second, would be most of a small segment."""
FILE = "engine.db"
CACHE_KIB = 128
"""What a connection may cache; SQLite's own 2 MiB are for larger files, and there are a dozen."""
LOCK_SECONDS = 0.5
"""How long to wait for a lock before its holder is said to live. A worker that was killed while it
started a program leaves its lock to that program for the moment until it is its own."""
VERSION = "schema-1"
"""Raised only together with a migration of what is under way."""
NAME, WORKFLOW, TICK = "reelkiln", "segment", "tick"
_STATUS: dict[str, Status] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "exhausted",
}
_ENDED = ("done", "failed", "cancelled", "exhausted")


class DbosEngine:
    """`Engine` on DBOS and SQLite. One per process may be inside `run_worker`."""

    def __init__(self, folder: Path, executor: str = "gpu0") -> None:
        """Open nothing yet.

        Args:
            folder: the workspace's state; `engine.db` and the locks lie in it.
            executor: this worker's name, one for each GPU.
        """
        self.folder, self.executor = folder, executor
        self._calls: dict[str, Callable[[], None]] = {}
        self._tick: Any = None
        self._client_open: DBOSClient | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """Let go of the file."""
        with self._opening:
            if self._client_open is not None:
                self._client_open.destroy()
                self._client_open = None

    def submit(self, segment_id: str) -> None:
        """See `Engine.submit`."""
        options = {"workflow_name": WORKFLOW, "queue_name": _queue(self.executor)}
        options |= {"workflow_id": segment_id, "app_version": VERSION}
        with self._asking() as client:
            client.enqueue(options, segment_id)  # type: ignore[arg-type] # DBOS' own TypedDict

    def resume(self, segment_id: str) -> None:
        """See `Engine.resume`."""
        status = self.status(segment_id)
        if status in ("done", "failed"):
            with self._asking() as client:
                client.delete_workflow(segment_id)
            status = None
        if status is None:
            self.submit(segment_id)
        elif status in _ENDED:
            with self._asking() as client:
                client.resume_workflow(segment_id, queue_name=_queue(self.executor))

    def cancel(self, segment_id: str) -> None:
        """See `Engine.cancel`."""
        with self._asking() as client:
            client.cancel_workflow(segment_id)

    def status(self, segment_id: str) -> Status | None:
        """See `Engine.status`."""
        with self._asking() as client:
            found = client.list_workflows(
                workflow_ids=[segment_id], load_input=False, load_output=False
            )
        return _STATUS[found[0].status] if found else None

    def watch(self, segment_id: str, seconds: float) -> Status | None:
        """See `Engine.watch`."""
        until = time.monotonic() + seconds
        while (status := self.status(segment_id)) not in _ENDED and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return status

    @contextlib.contextmanager
    def run_worker(self, handle: Handle, slots: int) -> Iterator[None]:
        """See `Engine.run_worker`."""
        with self._only_one(), self._launched(handle):
            from dbos import DBOS

            with _quietly(self.folder):
                DBOS.register_queue(
                    _queue(self.executor),
                    worker_concurrency=slots,
                    polling_interval_sec=POLL_SECONDS,
                    on_conflict="always_update",
                )
            yield

    def take_over(self) -> tuple[str, ...]:
        """See `Engine.take_over`."""
        with self._asking() as client:
            held = client.list_workflows(
                status=["PENDING", "ENQUEUED"], name=WORKFLOW, load_input=False, load_output=False
            )
        own = _queue(self.executor)
        adopted: list[str] = []
        for queue in sorted({one.queue_name or "" for one in held} - {own, ""}):
            lock = self._lock(queue.removeprefix(_queue("")))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue  # it lives: the kernel holds its lock
            try:
                found = [one.workflow_id for one in held if one.queue_name == queue]
                with self._asking() as client:
                    client.resume_workflows(found, queue_name=own)
                adopted += found
            finally:
                lock.release()
        return tuple(adopted)

    def daily(self, name: str, cron: str, zone: str, call: Callable[[], None]) -> None:
        """See `Engine.daily`."""
        from dbos import DBOS

        self._calls[name] = call
        entry = {"schedule_name": name, "workflow_fn": self._tick, "schedule": cron}
        entry |= {"context": name, "cron_timezone": zone}
        DBOS.apply_schedules([entry])  # type: ignore[list-item] # as above

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        lock = self._lock(self.executor)
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise LockHeld(
                f"another reelkiln is at work here already, as {self.executor}",
                hint="Let it work, or stop it first; `reelkiln queue list` shows what it does.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _lock(self, executor: str) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / f"executor-{executor}.lock", thread_local=False)

    @contextlib.contextmanager
    def _launched(self, handle: Handle) -> Iterator[None]:
        from dbos import DBOS

        _hold_little()
        _teach_the_clock()
        # The names in the registry are the ones that rows of earlier processes carry.
        DBOS.destroy(destroy_registry=True)
        try:
            DBOS(config=self._config())  # type: ignore[arg-type] # as above
            DBOS.workflow(name=WORKFLOW, max_recovery_attempts=BEGUN_MAX)(_workflow(handle))
            self._tick = DBOS.workflow(name=TICK)(_ticking(self._calls))
            DBOS.listen_queues([_queue(self.executor), "_dbos_internal_queue"])
            with _quietly(self.folder):
                DBOS.launch()
            yield
        finally:
            self._calls.clear()
            DBOS.destroy(destroy_registry=True)

    def _config(self) -> dict[str, Any]:
        from dbos import DBOSPortableJSONSerializer

        return {
            "name": NAME,
            "system_database_url": self._url(),
            "executor_id": self.executor,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
            "notification_listener_polling_interval_sec": POLL_SECONDS,
            "scheduler_polling_interval_sec": 1.0,
            "use_listen_notify": False,
        }

    @contextlib.contextmanager
    def _asking(self) -> Iterator[DBOSClient]:
        """The client, its database's errors in our words."""
        client = self._client()
        with _quietly(self.folder):
            yield client

    def _client(self) -> DBOSClient:
        with self._opening:
            if self._client_open is None:
                from dbos import (
                    DBOSClient,
                    DBOSPortableJSONSerializer,
                    run_dbos_database_migrations,
                )

                self.folder.mkdir(parents=True, exist_ok=True)
                _hold_little()
                _teach_the_clock()
                with _quietly(self.folder):
                    run_dbos_database_migrations(self._url())
                    self._client_open = DBOSClient(
                        system_database_url=self._url(),
                        serializer=DBOSPortableJSONSerializer(),
                        application_name=NAME,
                    )
            return self._client_open

    def _url(self) -> str:
        return f"sqlite:///{(self.folder / FILE).absolute().as_posix()}"


def _hold_little() -> None:
    """Keep the connections that DBOS holds open from caching the whole file, each for itself: a
    shift lives all night, and the file grows."""
    if not event.contains(Database, "connect", _shrink):
        event.listen(Database, "connect", _shrink)


def _shrink(connection: sqlite3.Connection, _record: object) -> None:
    (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
    if Path(file).name == FILE:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _teach_the_clock() -> None:
    """Let an SQLite before 3.42 know `unixepoch('subsec')`.

    DBOS asks for it on Python 3.12 and newer, whatever SQLite is there: Debian 12 has 3.40, which
    answers NULL where a time must not be.
    """
    if sqlite3.sqlite_version_info < (3, 42) and not event.contains(Database, "connect", _teach):
        event.listen(Database, "connect", _teach)


def _teach(connection: sqlite3.Connection, _record: object) -> None:
    connection.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(unit: str) -> float | None:
    """Seconds since 1970 to the millisecond, as SQLite counts them; it asks for nothing else."""
    return time.time_ns() // 1_000_000 / 1000 if unit == "subsec" else None


def _ticking(calls: Mapping[str, Callable[[], None]]) -> Callable[[Any, Any], None]:
    def tick(at: Any, name: Any) -> None:
        # A time from before this process is not made up for: a night begins in its evening.
        if call := calls.get(str(name)):
            call()

    return tick


def _workflow(handle: Handle) -> Callable[[str], None]:
    def run(segment_id: str) -> None:
        handle(segment_id)

    return run


def _queue(executor: str) -> str:
    return f"work-{executor}"


@contextlib.contextmanager
def _quietly(folder: Path) -> Iterator[None]:
    """DBOS's errors on opening its file, in our words; its log has them already."""
    from sqlalchemy.exc import DatabaseError

    logging.getLogger("dbos").setLevel(logging.CRITICAL)
    try:
        yield
    except DatabaseError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and is_full(folder)):
            raise DiskFull(
                f"no room for the engine's file in {folder}", hint="Make room on that disk."
            ) from error
        raise LedgerError(
            f"the engine's file in {folder} cannot be used: {error.orig}",
            hint="Move engine.db away: the queue's rows are in ledger.db and are submitted again.",
        ) from error

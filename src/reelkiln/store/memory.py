"""The engine without a file: it keeps every promise of the seam for as long as the object lives."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reelkiln.errors import LockHeld
from reelkiln.store.engine import BEGUN_MAX, GivenBack, Handle, Status

__all__ = ["MemoryEngine"]

_SHIFT_HELD = "another reelkiln is at work here already"


class MemoryEngine:
    """`store.engine.Engine` in memory. What is in it dies with the process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._status: dict[str, Status] = {}
        self._begun: dict[str, int] = {}
        self._line: list[str] = []
        self._stopping = True
        self._daily: dict[str, threading.Event] = {}

    def submit(self, segment_id: str) -> None:
        """See `Engine.submit`."""
        with self._changed:
            if segment_id not in self._status:
                self._status[segment_id] = "waiting"
                self._line.append(segment_id)
                self._changed.notify_all()

    def resume(self, segment_id: str) -> None:
        """See `Engine.resume`."""
        with self._changed:
            if self._status.get(segment_id) not in ("waiting", "running"):
                self._status.pop(segment_id, None)
                self._begun.pop(segment_id, None)
        self.submit(segment_id)

    def cancel(self, segment_id: str) -> None:
        """See `Engine.cancel`."""
        with self._changed:
            if self._status.get(segment_id) == "waiting":
                self._line.remove(segment_id)
                self._end(segment_id, "cancelled")

    def status(self, segment_id: str) -> Status | None:
        """See `Engine.status`."""
        with self._changed:
            return self._status.get(segment_id)

    def watch(self, segment_id: str, seconds: float) -> Status | None:
        """See `Engine.watch`."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._status.get(segment_id) in ("waiting", "running", None):
                if not self._changed.wait(until - time.monotonic()) or time.monotonic() > until:
                    break
            return self._status.get(segment_id)

    @contextlib.contextmanager
    def run_worker(self, handle: Handle, slots: int) -> Iterator[None]:
        """See `Engine.run_worker`."""
        with self._changed:
            if not self._stopping:
                raise LockHeld(_SHIFT_HELD, hint="Let it work, or stop it first.")
            self._stopping = False
            held = [one for one, status in self._status.items() if status == "running"]
            self._line[:0] = held
        threads = [
            threading.Thread(target=self._run, args=(handle,), daemon=True) for _ in range(slots)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            for stop in self._daily.values():
                stop.set()
            for thread in threads:
                thread.join()

    def take_over(self) -> tuple[str, ...]:
        """See `Engine.take_over`. There is nobody else."""
        return ()

    def daily(self, name: str, cron: str, zone: str, call: Callable[[], None]) -> None:
        """See `Engine.daily`. Only lines of the form "minute hour * * *" are understood."""
        minute, hour, *rest = cron.split()
        if rest != ["*", "*", "*"]:
            raise ValueError(f"no daily time: {cron}")
        if before := self._daily.get(name):
            before.set()
        stop = self._daily[name] = threading.Event()
        at = (int(hour), int(minute), ZoneInfo(zone))
        threading.Thread(target=_ring, args=(at, stop, call), daemon=True).start()

    def _run(self, handle: Handle) -> None:
        while (segment_id := self._next()) is not None:
            try:
                handle(segment_id)
                status: Status = "done"
            except GivenBack:
                continue  # it counts as running until a worker begins it again
            except Exception:  # noqa: BLE001 - as DBOS does: the segment failed, the worker goes on
                status = "failed"
            with self._changed:
                self._end(segment_id, status)

    def _next(self) -> str | None:
        with self._changed:
            while not self._stopping and not self._line:
                self._changed.wait()
            if self._stopping:
                return None
            segment_id = self._line.pop(0)
            self._begun[segment_id] = self._begun.get(segment_id, 0) + 1
            if self._begun[segment_id] > BEGUN_MAX + 1:
                self._end(segment_id, "exhausted")
                return self._next()
            self._status[segment_id] = "running"
            return segment_id

    def _end(self, segment_id: str, status: Status) -> None:
        with self._changed:
            self._status[segment_id] = status
            self._changed.notify_all()


def _ring(at: tuple[int, int, ZoneInfo], stop: threading.Event, call: Callable[[], None]) -> None:
    after = datetime.now(at[2])
    while True:
        after = _next_time(after, at)
        # In UTC: between two times of one zone Python counts the hands of the clock, not seconds.
        seconds = (after.astimezone(UTC) - datetime.now(UTC)).total_seconds()
        if stop.wait(max(0.0, seconds)):
            return
        call()


def _next_time(after: datetime, at: tuple[int, int, ZoneInfo]) -> datetime:
    hour, minute, zone = at
    then = after.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    return then if then > after else then + timedelta(days=1)

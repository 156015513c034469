"""Durable execution: what was begun is ended, also after a power cut. The seam, and its words.

The engine holds ids and states, nothing else: what a segment is stands in the queue's rows, which
are written first. A segment is submitted under its own id, and an id runs once however often it is
submitted. Work is begun at least once: a worker that died begins again what it held, so whatever
`handle` does must be idempotent.

Implementations: `dbos_engine.DbosEngine`, and `memory.MemoryEngine`, which dies with its process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

__all__ = ["BEGUN_MAX", "Engine", "GivenBack", "Handle", "Status"]

Status: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled", "exhausted"]
"""failed: `handle` raised. exhausted: begun `BEGUN_MAX` times and never ended."""

Handle: TypeAlias = Callable[[str], None]
"""Does all the work of the segment with this id, in a thread of its own."""

BEGUN_MAX = 20
"""A segment that was begun so often without an end is a person's: it must not loop all night."""


class GivenBack(BaseException):
    """Raised by a `Handle` whose worker is asked to end: the segment stays to be done.

    Not an Exception: nobody on the way may take it for a failure of the segment.
    """


class Engine(Protocol):
    """Durable execution. `tests/contracts/test_engine.py` holds every implementation to this.

    All methods may be called from any thread, but for `run_worker` from any process too.
    """

    def submit(self, segment_id: str) -> None:
        """Have a segment run. Nothing changes where its id was submitted before."""
        ...

    def resume(self, segment_id: str) -> None:
        """Have a segment that ended, or was cancelled, run once more; submit it where unknown."""
        ...

    def cancel(self, segment_id: str) -> None:
        """A waiting segment will not run. One that runs is for its `Handle` to stop."""
        ...

    def status(self, segment_id: str) -> Status | None:
        """Where a segment stands; None: never submitted."""
        ...

    def watch(self, segment_id: str, seconds: float) -> Status | None:
        """Wait until a segment has ended, at most so long; returns where it stands then."""
        ...

    def run_worker(self, handle: Handle, slots: int) -> AbstractContextManager[None]:
        """Inside the `with`, run up to `slots` submitted segments at a time.

        What this executor held when it last died is begun again first. On leaving, every `handle`
        under way must already have been made to return or to raise `GivenBack`.

        Raises:
            LockHeld: another process is this executor.
        """
        ...

    def take_over(self) -> tuple[str, ...]:
        """Inside `run_worker`: adopt what dead executors held; returns the ids of the segments."""
        ...

    def daily(self, name: str, cron: str, zone: str, call: Callable[[], None]) -> None:
        """Inside `run_worker`: call at every time that a cron line names ("0 20 * * *").

        Each time once, however many clocks strike it: 02:30 in the night when the clock is set back
        comes twice. A later call with the same name replaces the earlier one.

        Args:
            zone: an IANA name, as "Europe/Berlin".
        """
        ...

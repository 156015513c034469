"""What a shift tells the threads that work for it: go on, hold, stop, give this one up."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from reelkiln.errors import Cancelled
from reelkiln.store.engine import GivenBack

__all__ = ["Control", "Held"]


class Held(Cancelled):
    """Production is held: stop within this step, and wait."""

    code = "held"


class Control:
    """Safe to use from any thread. Production is open at first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = ""
        self._stopping = False
        self._cancelled: set[str] = set()

    @property
    def held(self) -> str:
        """Why production is held, "" while it is open."""
        return self._held

    @property
    def stopping(self) -> bool:
        """Whether the shift ends."""
        return self._stopping

    def hold(self, why: str) -> None:
        """Hold production, for a reason in plain words; "" opens it again."""
        with self._changed:
            self._held = why
            self._changed.notify_all()

    def stop(self) -> None:
        """End the shift: whoever works gives back what it has."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def cancel(self, segment_ids: Iterable[str]) -> None:
        """Give these segments up."""
        with self._changed:
            self._cancelled.update(segment_ids)
            self._changed.notify_all()

    def forget(self, segment_id: str) -> None:
        """A segment has ended."""
        with self._changed:
            self._cancelled.discard(segment_id)

    def check(self, segment_id: str) -> None:
        """Called at every step of a segment.

        Raises:
            Cancelled: it is given up. Held: production is held, or the shift ends.
        """
        if segment_id in self._cancelled:
            raise Cancelled("a person cancelled it")
        if self._held or self._stopping:
            raise Held(self._held or "the shift ends")

    def enter(self, segment_id: str) -> None:
        """Wait until production is open.

        Raises:
            Cancelled: the segment is given up meanwhile. GivenBack: the shift ends.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or not self._held or segment_id in self._cancelled
            )
            if segment_id in self._cancelled:
                raise Cancelled("a person cancelled it")
            if self._stopping:
                raise GivenBack

    def rest(self, segment_id: str, seconds: float) -> None:
        """Wait so long, or until something changes, then as `enter`."""
        with self._changed:
            self._changed.wait(seconds)
        self.enter(segment_id)

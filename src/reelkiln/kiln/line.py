"""The line in which orders wait for the lanes of this computer (`kiln.lanes`), and who takes how
many of them.

A lane that is free takes those at the head that load the same model: its share where several lanes
are free, and never more than a batch. A lane at work is asked to hand back what it has not done in
two cases: an urgent order waits and nobody is free for it, or another lane has nothing to do while
this one has `SHARED_MIN` orders left.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelkiln.errors import Cancelled
from reelkiln.kiln.renderer import RenderOrder

__all__ = ["Line", "Task"]

LINGER = 0.2
"""Seconds a lane waits for others to join the first one in line."""
HUNGRY_SECONDS = 1.0
"""So long a lane must have had nothing to do before another one shares with it: the shift looks for
more work ten times a second."""
SHARED_MIN = 3
"""Orders left of a batch that are worth sharing: what is half denoised begins its clip again."""


@dataclass(slots=True, eq=False)
class Task:
    """One order in line or in a batch, with its caller waiting at `inbox`.

    `at_work`: its lane renders it now. `given_up`: when its caller gave it up.
    """

    order: RenderOrder
    folder: Path
    inbox: queue.SimpleQueue[Mapping[str, Any]] = field(default_factory=queue.SimpleQueue)
    at_work: bool = False
    given_up: float | None = None
    ended: bool = False

    def end(self, message: Mapping[str, Any]) -> None:
        """Say how it ended; the first word stands."""
        if not self.ended:
            self.ended = True
            self.inbox.put(message)

    @property
    def loads(self) -> tuple[object, str]:
        """What orders have in common that go through the stages together."""
        return self.order.card, self.order.shot.preset


class Line:
    """Safe to use from any thread."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._changed = threading.Condition()
        self._waiting: list[Task] = []
        self._free_since: dict[int, float] = {}
        self._promised = False
        self.closed = False

    def join(self, task: Task) -> None:
        """Stand in line: urgent ones first, each by its rank, behind those of the same."""
        with self._changed:
            self._waiting = sorted([*self._waiting, task], key=_place)
            self._changed.notify_all()

    def leave(self, task: Task) -> bool:
        """Go away; False: a lane has taken it already."""
        with self._changed:
            if task not in self._waiting:
                return False
            self._waiting.remove(task)
            return True

    def take(self) -> list[Task] | None:
        """What a free lane is to render next, once there is something; None: the line is closed."""
        me = threading.get_ident()
        with self._changed:
            self._free_since[me] = time.monotonic()
            try:
                return self._taken()
            finally:
                del self._free_since[me]

    def _taken(self) -> list[Task] | None:
        while not self.closed:
            was_empty = not self._waiting
            self._changed.wait_for(lambda: self._waiting or self.closed)
            # Those that were given out together come in any order: at an empty line even a full
            # batch waits a moment, so that their ranks decide and not who was the quickest.
            enough = None if was_empty else self._batch * len(self._free_since)
            self._changed.wait_for(self._holds(enough), LINGER)
            if self._waiting and not self.closed:
                return self._share()
        return None

    def _holds(self, enough: int | None) -> Callable[[], bool]:
        """Whether there are enough to begin at once; None: however many there are, wait."""
        return lambda: self.closed or (enough is not None and len(self._waiting) >= enough)

    def _share(self) -> list[Task]:
        alike = [task for task in self._waiting if task.loads == self._waiting[0].loads]
        share = min(self._batch, -(-len(alike) // len(self._free_since)))
        taken = alike[:share]
        self._waiting = [task for task in self._waiting if task not in taken]
        if any(task.order.urgent for task in taken):
            self._promised = False
        return taken

    def back(self, tasks: list[Task]) -> None:
        """Not done: these stand in line again, before their equals; a given up one has ended."""
        with self._changed:
            kept = []
            for task in tasks:
                task.at_work = False
                if task.given_up is not None:
                    task.end({"lost": Cancelled("stopped")})
                elif not task.ended:
                    kept.append(task)
            self._waiting = sorted([*kept, *self._waiting], key=_place)
            self._changed.notify_all()

    def wants_back(self, batch: list[Task]) -> bool:
        """Whether the lane with this batch is to hand back what it has not done."""
        left = [task for task in batch if not task.ended]
        with self._changed:
            if self._waiting:
                return self._way_for_urgent(left)
            now = time.monotonic()
            hungry = any(now - since > HUNGRY_SECONDS for since in self._free_since.values())
            return hungry and len(left) >= SHARED_MIN

    def _way_for_urgent(self, left: list[Task]) -> bool:
        waits = any(task.order.urgent for task in self._waiting)
        if not waits or self._promised or self._free_since:
            return False
        # One lane gives way, not all of them; and not for its equal.
        self._promised = not any(task.order.urgent for task in left)
        return self._promised

    def close(self) -> list[Task]:
        """No lane takes anything any more; returns who still stood in line."""
        with self._changed:
            self.closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
        return left


def _place(task: Task) -> tuple[bool, str]:
    return not task.order.urgent, task.order.rank

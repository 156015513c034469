"""Places of which one order takes one, and waits where none is free."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from reelkiln.kiln.watch import Progress, Watch

__all__ = ["BEAT", "Seats"]

BEAT = 0.25
"""Seconds between two calls of a watch while nothing happens."""

Place = TypeVar("Place")


class Seats(Generic[Place]):
    """The free ones; the one that was used last is taken first: its model is warm."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._free: queue.LifoQueue[Place] = queue.LifoQueue()
        for place in reversed(tuple(places)):
            self._free.put(place)

    def take(self, watch: Watch) -> Place:
        """A place, once one is free; `watch` is called meanwhile and may raise."""
        while True:
            try:
                return self._free.get(timeout=BEAT)
            except queue.Empty:
                watch.on_progress(Progress("load", 0, 1))

    def put(self, place: Place) -> None:
        """The place is free."""
        self._free.put(place)

    @contextmanager
    def taken(self, watch: Watch) -> Iterator[Place]:
        """A place for as long as the `with` lasts."""
        place = self.take(watch)
        try:
            yield place
        finally:
            self.put(place)

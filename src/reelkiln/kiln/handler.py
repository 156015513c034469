"""What the engine calls for each segment, in a thread of its own: make it to its end, or give it
back. No error of one clip ends the shift."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from reelkiln.errors import Cancelled, GpuBusy, LockHeld, ReelkilnError, TryLater
from reelkiln.kiln.control import Held
from reelkiln.kiln.produce import Producer
from reelkiln.kiln.watch import Progress
from reelkiln.store.engine import GivenBack
from reelkiln.store.ledger import Ledger
from reelkiln.store.queue import find_segment
from reelkiln.store.running import claim_one, give_back, mark_cancelled, park
from reelkiln.store.segment import SegmentRow

__all__ = ["Handler"]


@dataclass(slots=True)
class Handler:
    """Segments by their ids, made by a producer.

    `held` maps the segments under way to what they wait for, "" where they do not. `ended` are the
    ids of those that came to an end here. `problem` is what keeps all of them from going on.
    """

    executor: str
    producer: Producer
    note: Callable[[str], None]
    gpu_seconds: float
    held: dict[str, str] = field(default_factory=dict)
    ended: dict[str, list[str]] = field(
        default_factory=lambda: {"delivered": [], "parked": [], "cancelled": []}
    )
    problem: ReelkilnError | None = None
    latest: Progress | None = None
    changed: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> int:
        """How many came to an end here."""
        return sum(map(len, self.ended.values()))

    def __call__(self, segment_id: str) -> None:
        """See `store.engine.Handle`."""
        self.held[segment_id] = ""
        try:
            while not self._made(segment_id):
                pass
        except GivenBack:
            with suppress(ReelkilnError):  # a full disk: the row stays, and is found at the start
                give_back(self._ledger, segment_id, "the shift ended; it goes on with the next one")
            raise
        finally:
            self.held.pop(segment_id, None)
            self.producer.control.forget(segment_id)
            self.changed.set()

    def _made(self, segment_id: str) -> bool:
        """One try; False: again."""
        try:
            self._try(segment_id)
        except Held:
            return False
        except TryLater as error:
            self._later(segment_id, error)
            return False
        except Exception as error:  # noqa: BLE001 - the one place: a mistake of ours ends one clip
            self._park(segment_id, f"a mistake in reelkiln: {type(error).__name__}: {error}")
            self.note("".join(traceback.format_exception(error)))
        self._note_end(segment_id)
        return True

    def _try(self, segment_id: str) -> None:
        control = self.producer.control
        try:
            control.enter(segment_id)
            if (row := self._mine(segment_id)) is not None:
                self.producer(row)
        except (Held, TryLater):
            raise
        except Cancelled:
            self.producer.clear(find_segment(self._ledger, segment_id))
            mark_cancelled(self._ledger, segment_id, now=self.producer.bench.now())
        except ReelkilnError as error:
            self._park(segment_id, "; ".join((error.message, *error.details[:3])))

    def _later(self, segment_id: str, error: TryLater) -> None:
        control = self.producer.control
        with suppress(Cancelled):  # `enter` says it again
            if isinstance(error, GpuBusy):
                if self.held.get(segment_id) != error.message:
                    self.held[segment_id] = error.message
                    self.producer.log("waited", error.message, segment_id)
                control.rest(segment_id, self.gpu_seconds)
            elif isinstance(error, LockHeld):
                control.rest(segment_id, 1.0)
            else:  # the disk is full: the shift ends, and all of them go on with the next one
                self.problem = error
                control.stop()

    def _mine(self, segment_id: str) -> SegmentRow | None:
        """The row, running and this worker's; None where there is nothing to do for it."""
        row = find_segment(self._ledger, segment_id)
        if row.ended:  # it had ended when the power went, and perhaps was not tidied up
            self.producer.clear(row)
        if row.state == "queued":
            now = self.producer.bench.now()
            return claim_one(self._ledger, segment_id, self.executor, now=now)
        return row if row.state == "running" and row.executor == self.executor else None

    def _park(self, segment_id: str, why: str) -> None:
        park(self._ledger, segment_id, why, now=self.producer.bench.now())

    def _note_end(self, segment_id: str) -> None:
        row = find_segment(self._ledger, segment_id)
        if segment_id in self.ended.get(row.state, [segment_id]):
            return
        self.ended[row.state].append(segment_id)
        said = row.movie if row.state == "delivered" else row.reason
        self.note(f"{segment_id} {row.state}: {said}")

    @property
    def _ledger(self) -> Ledger:
        return self.producer.bench.ledger

    def progress(self, segment_id: str, progress: Progress) -> None:
        """What the producer tells: kept for whoever shows it."""
        number = self.done + 1
        self.latest = Progress(
            progress.phase,
            progress.done,
            progress.total,
            clip=number,
            clips=max(number, self.done + len(self.held)),
            attempt=progress.attempt,
        )

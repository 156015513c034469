"""Render many orders together in one child process, so that each network moves to the device once a
batch and not once a clip (`kiln.phases`).

Whoever calls `render` waits in a line. A lane takes those at its head that ask for the same model,
at most `BATCH`, and hands them to its child (`kiln.lane_child`) as one batch. Each caller is told
of its own order, in its own thread, and may give it up: the batch is stopped within a step, and
goes on without it from what was denoised. An order that a person waits for (`urgent`) stops a batch
in the same way and goes first.

A child that dies loses only what it had in hand: that order's caller gets PlaceLost, all others
stand in line again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelkiln.errors import Cancelled, PlaceLost, ReelkilnError
from reelkiln.kiln.children import Maker, usual_place
from reelkiln.kiln.error_words import error_from_json
from reelkiln.kiln.lane_child import Child
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Progress, RanOut, Watch

__all__ = ["BATCH", "LaneRenderer"]

BATCH = 8
"""Orders that go through the stages together. More would save little and keep the first film
waiting: docs/measured says what a batch saves."""
BEAT = 0.2
"""Seconds between two calls of a watch while nothing is told."""
LINGER = 0.2
"""Seconds a lane waits for others to join the first one in line."""
PATIENCE = 5.0
"""Seconds a child has to stop when asked, before it is ended."""


@dataclass(slots=True, eq=False)
class _Task:
    """One order in line or in a batch, with its caller waiting at `inbox`."""

    order: RenderOrder
    folder: Path
    inbox: queue.SimpleQueue[Mapping[str, Any]] = field(default_factory=queue.SimpleQueue)
    at_work: bool = False
    given_up: float | None = None
    ended: bool = False

    def end(self, message: Mapping[str, Any]) -> None:
        if not self.ended:
            self.ended = True
            self.inbox.put(message)


class LaneRenderer:
    """`renderer.Renderer` that batches. One child; `width` is how many orders it takes together."""

    def __init__(
        self, latents: Path, *, cache: Path | None = None, batch: int = BATCH,
        gpu: str | None = None, patience: float = PATIENCE, maker: Maker = usual_place,
    ) -> None:  # fmt: skip
        """Start nothing yet: the child comes with the first order.

        Args:
            latents: the folder where what was denoised outlives child and shift.
            maker: makes the child's place, as `children.ChildRenderer`'s.
        """
        self.width = batch
        self._child = Child(latents, cache, gpu, maker)
        self._patience = patience
        self._changed = threading.Condition()
        self._line: list[_Task] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """See `renderer.Renderer.render`."""
        task = _Task(order, folder)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
            self._line.insert(0 if order.urgent else len(self._line), task)
            self._changed.notify_all()
        try:
            return _followed(task, watch)
        except BaseException:
            self._give_up(task)
            raise

    def pids(self) -> tuple[int | None, ...]:
        """The child's process; None where none runs."""
        return (self._child.pid,)

    def close(self) -> None:
        """End the child."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._child.end()
        if self._thread is not None:
            self._thread.join(10.0)
        with self._changed:
            left, self._line = self._line, []
        for task in left:
            task.end({"lost": PlaceLost("the shift is over", hint="Start another one.")})

    def _give_up(self, task: _Task) -> None:
        """Wait until nobody works on a task any more; its child is ended where it does not stop."""
        with self._changed:
            if task in self._line:
                self._line.remove(task)
                return
            task.given_up = time.monotonic()
        while not task.ended and not self._closed:
            time.sleep(0.02)

    # ── the lane's own thread ────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._run(batch)
            except (EOFError, OSError):
                self._lost(batch)

    def _next(self) -> list[_Task] | None:
        """The tasks at the head of the line that load alike; None: the renderer is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or self._closed)
            if not self._closed and len(self._line) < self.width:
                self._changed.wait_for(
                    lambda: self._closed or len(self._line) >= self.width, LINGER
                )
            if self._closed:
                return None
            if not self._line:
                return []
            alike = [task for task in self._line if _model(task) == _model(self._line[0])]
            batch = alike[: self.width]
            self._line = [task for task in self._line if task not in batch]
            return batch

    def _run(self, batch: list[_Task]) -> None:
        """Have the child render a batch, and pass on what it tells."""
        if not batch:
            return
        self._child.send([(task.order, task.folder) for task in batch])
        asked: set[int] = set()
        yielding = False
        while any(not task.ended for task in batch):
            message = self._child.receive(BEAT)
            if message is not None and self._told(batch, message):
                return
            for number, task in enumerate(batch):
                if task.given_up is not None and not task.ended and number not in asked:
                    asked.add(number)
                    self._child.stop(number)
            if not yielding and self._urgent_waits(batch):
                yielding = True
                self._child.give_way()
            if self._out_of_patience(batch):
                self._child.end()

    def _told(self, batch: list[_Task], message: Mapping[str, Any]) -> bool:
        """Pass a message on; True where the batch is over and its rest stands in line again."""
        if "back" in message:
            self._back([batch[number] for number in message["back"]])
            return True
        if "task" not in message:
            return False
        task = batch[message["task"]]
        if {"rendered", "error"} & message.keys():
            task.end(message)
            return False
        if "ran_out" not in message:  # that is told to all of them
            for other in batch:
                other.at_work = other is task
        task.inbox.put(message)
        return False

    def _urgent_waits(self, batch: list[_Task]) -> bool:
        with self._changed:
            waits = any(task.order.urgent for task in self._line)
        return waits and not any(task.order.urgent and not task.ended for task in batch)

    def _out_of_patience(self, batch: list[_Task]) -> bool:
        now = time.monotonic()
        return any(
            task.given_up is not None
            and not task.ended
            and task.at_work
            and now - task.given_up > self._patience
            for task in batch
        )

    def _lost(self, batch: list[_Task]) -> None:
        """The child is gone: whoever it worked for is told, the others stand in line again."""
        how = self._child.how_it_ended()
        error = PlaceLost(
            f"the process that renders is gone ({how})",
            hint="The clip is given out again; if it stays, take a smaller size or model.",
        )
        left = [task for task in batch if not task.ended]
        struck = [task for task in left if task.at_work] or left[:1]
        for task in left:
            if task in struck or task.given_up is not None:
                task.end({"lost": error})
        self._back([task for task in left if not task.ended])

    def _back(self, tasks: list[_Task]) -> None:
        with self._changed:
            kept = []
            for task in tasks:
                task.at_work = False
                if task.given_up is not None:
                    task.end({"lost": Cancelled("stopped")})
                elif not task.ended:
                    kept.append(task)
            urgent = sum(task.order.urgent for task in self._line)
            self._line[urgent:urgent] = kept
            self._changed.notify_all()


def _followed(task: _Task, watch: Watch) -> Rendered:
    """Tell the caller of its order until that has ended."""
    last = Progress("wait", 0, 1)
    while True:
        try:
            message = task.inbox.get(timeout=BEAT)
        except queue.Empty:
            watch.on_progress(last if task.at_work else Progress("wait", 0, 1))
            continue
        if "progress" in message:
            last = Progress(*message["progress"])
            watch.on_progress(last)
        elif "note" in message:
            watch.on_note(message["note"])
        elif "ran_out" in message:
            watch.on_ran_out(RanOut(*message["ran_out"]))
        elif "rendered" in message:
            return Rendered.from_json(message["rendered"])
        else:
            raise _error(message)


def _error(message: Mapping[str, Any]) -> ReelkilnError:
    lost = message.get("lost")
    return lost if isinstance(lost, ReelkilnError) else error_from_json(message["error"])


def _model(task: _Task) -> tuple[object, str]:
    return task.order.card, task.order.shot.preset

"""Render many orders together in child processes, one for each GPU of this computer, so that each
network moves to the device once a batch and not once a clip (`kiln.phases`).

Whoever calls `render` waits in a line (`kiln.line`). A lane takes those at its head that ask for
the same model, at most `BATCH`, and hands them to its child (`kiln.lane_child`) as one batch. Each
caller is told of its own order, in its own thread, and may give it up: the batch is stopped within
a step, and goes on without it from what was denoised. An order that a person waits for (`urgent`)
stops a batch in the same way and goes first; and a lane with nothing to do is given a share of
another one's batch.

A child that dies loses only what it had in hand: that order's caller gets PlaceLost, all others
stand in line again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelkiln.errors import PlaceLost, ReelkilnError
from reelkiln.kiln.children import Maker, usual_place
from reelkiln.kiln.error_words import error_from_json
from reelkiln.kiln.lane_child import Child
from reelkiln.kiln.line import Line, Task
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Progress, RanOut, Watch
from reelkiln.plan.machine import Machine

__all__ = ["BATCH", "LaneRenderer"]

BATCH = 8
"""Orders that go through the stages together. More would save little and keep the first film
waiting: docs/measured says what a batch saves."""
BEAT = 0.2
"""Seconds between two calls of a watch while nothing is told."""
PATIENCE = 5.0
"""Seconds a child has to stop when asked, before it is ended."""


class LaneRenderer:
    """`renderer.Renderer` that batches, with a lane for each of `gpus`.

    `width` is how many orders all lanes take together.
    """

    def __init__(
        self, latents: Path, gpus: Sequence[str | None] = (None,), *, cache: Path | None = None,
        batch: int = BATCH, patience: float = PATIENCE, maker: Maker = usual_place,
    ) -> None:  # fmt: skip
        """Start nothing yet: children come with the first orders.

        Args:
            latents: the folder where what was denoised outlives children and shift.
            gpus: what `CUDA_VISIBLE_DEVICES` calls each GPU; None: as the environment says.
            maker: makes a child's place, as `children.ChildRenderer`'s.
        """
        self.width = batch * len(gpus)
        self.machine: Machine | None = None
        self._line = Line(batch)
        self._lanes = [_Lane(self._line, Child(latents, cache, g, maker), patience) for g in gpus]
        self._starting = threading.Lock()

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """See `renderer.Renderer.render`."""
        task = Task(order, folder)
        with self._starting:
            for lane in self._lanes:
                lane.start()
        self._line.join(task)
        try:
            return _followed(task, watch)
        except BaseException:
            self._give_up(task)
            raise

    def pids(self) -> tuple[int | None, ...]:
        """The children's processes; None where none runs."""
        return tuple(lane.child.pid for lane in self._lanes)

    def close(self) -> None:
        """End the children."""
        left = self._line.close()
        for lane in self._lanes:
            lane.retire()
        for lane in self._lanes:
            left += lane.join()
        for task in left:
            task.end({"lost": PlaceLost("the shift is over", hint="Start another one.")})

    def _give_up(self, task: Task) -> None:
        """Wait until nobody works on a task any more; its child is ended where it does not stop."""
        if self._line.leave(task):
            return
        task.given_up = time.monotonic()
        while not task.ended and not self._line.closed:
            time.sleep(0.02)


class _Lane:
    """One child and the thread that feeds it."""

    def __init__(self, line: Line, child: Child, patience: float) -> None:
        self._line, self.child, self._patience = line, child, patience
        self._thread: threading.Thread | None = None
        self._batch: list[Task] = []

    def start(self) -> None:
        """Begin to work; again: nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="reelkiln-lane")
            self._thread.start()

    def retire(self) -> None:
        """Let the child go; what it renders is given up."""
        if all(task.ended for task in self._batch):
            self.child.retire(self._patience)
        else:
            self.child.end()

    def join(self) -> list[Task]:
        """Wait for the end of its work; returns what it leaves behind."""
        if self._thread is not None:
            self._thread.join(10.0)
        return self._batch

    def _work(self) -> None:
        while (batch := self._line.take()) is not None:
            self._batch = batch
            try:
                self._run(batch)
            except (EOFError, OSError):
                self._lost(batch)

    def _run(self, batch: list[Task]) -> None:
        """Have the child render a batch, and pass on what it tells."""
        self.child.send([(task.order, task.folder) for task in batch])
        asked: set[int] = set()
        yielding = False
        while any(not task.ended for task in batch):
            message = self.child.receive(BEAT)
            if message is not None and self._told(batch, message):
                return
            for number, task in enumerate(batch):
                if task.given_up is not None and not task.ended and number not in asked:
                    asked.add(number)
                    self.child.stop(number)
            if not yielding and self._line.wants_back(batch):
                yielding = True
                self.child.give_way()
            if self._out_of_patience(batch):
                self.child.end()

    def _told(self, batch: list[Task], message: Mapping[str, Any]) -> bool:
        """Pass a message on; True where the batch is over and its rest stands in line again."""
        if "back" in message:
            self._line.back([batch[number] for number in message["back"]])
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

    def _out_of_patience(self, batch: list[Task]) -> bool:
        now = time.monotonic()
        return any(
            task.given_up is not None
            and not task.ended
            and task.at_work
            and now - task.given_up > self._patience
            for task in batch
        )

    def _lost(self, batch: list[Task]) -> None:
        """The child is gone: whoever it worked for is told, the others stand in line again."""
        how = self.child.how_it_ended()
        error = PlaceLost(
            f"the process that renders is gone ({how})",
            hint="The clip is given out again; if it stays, take a smaller size or model.",
        )
        left = [task for task in batch if not task.ended]
        struck = [task for task in left if task.at_work] or left[:1]
        for task in left:
            if task in struck or task.given_up is not None:
                task.end({"lost": error})
        self._line.back([task for task in left if not task.ended])


def _followed(task: Task, watch: Watch) -> Rendered:
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

"""The child process of a lane, and the parent's end of it. They speak JSON over a pipe:

to the child    {"orders": […], "folders": […]}   render these together
                {"stop": N}                       give number N of them up
                {"give_way": true}                hand the rest back: somebody urgent waits
from the child  {"task": N, "progress": […]}, {"task": N, "note": …}, {"task": N, "ran_out": […]}
                {"task": N, "rendered": …} or {"task": N, "error": …}, once for each
                {"back": [N, …]}                  what was handed back
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import Cancelled, ReelkilnError
from reelkiln.failpoints import failpoint
from reelkiln.kiln.children import Maker
from reelkiln.kiln.crash import arm_here
from reelkiln.kiln.error_words import error_to_json
from reelkiln.kiln.pipe import Message, end_with_the_parent, receive, send, start
from reelkiln.kiln.place import Place, Task
from reelkiln.kiln.renderer import RenderOrder
from reelkiln.kiln.watch import Progress, Watch

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["Child"]


class Child:
    """The parent's end. Starts with the first batch, and anew after it died."""

    def __init__(self, latents: Path, cache: Path | None, gpu: str | None, maker: Maker) -> None:
        self._latents, self._cache, self._gpu, self._maker = latents, cache, gpu, maker
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid if self._process is not None else None

    def send(self, batch: Sequence[tuple[RenderOrder, Path]]) -> None:
        """Give it a batch. Raises OSError, EOFError where it is gone."""
        orders = [order.to_json() for order, _ in batch]
        send(self._open(), {"orders": orders, "folders": [str(folder) for _, folder in batch]})

    def stop(self, number: int) -> None:
        """Have it give up one of the batch."""
        send(self._open(), {"stop": number})

    def give_way(self) -> None:
        """Have it hand back what it has not done."""
        send(self._open(), {"give_way": True})

    def receive(self, seconds: float) -> Message | None:
        """What it says within so many seconds. Raises EOFError, OSError where it is gone."""
        pipe = self._pipe
        if pipe is None:
            raise EOFError
        return receive(pipe) if pipe.poll(seconds) else None

    def retire(self, seconds: float) -> None:
        """Let it go: one that waits for orders goes by itself, with what it holds; where it takes
        longer, it is ended."""
        with self._lock:
            if self._pipe is not None:
                self._pipe.close()
            if self._process is not None:
                self._process.join(seconds)
        self.end()

    def end(self) -> None:
        """End it, whatever it does."""
        with self._lock:
            process = self._process
            if process is not None:
                process.kill()
                process.join()

    def how_it_ended(self) -> str:
        """In words; it is forgotten, and the next batch starts another one."""
        with self._lock:
            process, self._process = self._process, None
            pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        if process is None:
            return "it was not there"
        process.join(1.0)
        code = process.exitcode
        process.kill()
        process.join()
        if code is None:
            return "it no longer answers"
        known = -code in list(signal.Signals)
        return f"ended by {signal.Signals(-code).name}" if known else f"exit code {code}"

    def _open(self) -> Connection:
        with self._lock:
            if self._pipe is None:
                spawn = multiprocessing.get_context("spawn")
                self._pipe, far = spawn.Pipe()
                self._process = spawn.Process(
                    target=_serve,
                    args=(far, self._gpu, self._cache, self._latents, self._maker),
                    daemon=True,
                )
                start(self._process)
                far.close()
            return self._pipe


class _GiveWay(Cancelled):
    """What is not done is handed back."""


class _Stopped(Cancelled):
    """One of the batch is given up; the others go on."""


def _serve(
    pipe: Connection, gpu: str | None, cache: Path | None, latents: Path, maker: Maker
) -> None:
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything here asks for a GPU
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who tells us
    os.dup2(2, 1)  # stdout belongs to the parent's results
    end_with_the_parent()
    arm_here()
    place = maker("this computer" if gpu is None else f"gpu {gpu}", cache)
    try:
        while True:
            message = receive(pipe)
            if "orders" in message:
                _Batch(place, pipe, message, latents).run()
    except (EOFError, OSError):
        return
    finally:
        place.close()


class _Batch:
    """One batch in the child. A stop ends the walk through the stages, and the rest begin it again:
    what was denoised lies on the disk."""

    def __init__(self, place: Place, pipe: Connection, message: Message, latents: Path) -> None:
        self.place, self.pipe, self.latents = place, pipe, latents
        self.orders = [RenderOrder.from_json(one) for one in message["orders"]]
        self.folders = [Path(one) for one in message["folders"]]
        self.left = list(range(len(self.orders)))
        self.stopped: set[int] = set()

    def run(self) -> None:
        while self.left:
            try:
                self._walk()
            except _GiveWay:
                self._end_stopped()
                send(self.pipe, {"back": self.left})
                return
            except _Stopped:
                self._end_stopped()
            except ReelkilnError as error:  # what stands against all of them
                for number in list(self.left):
                    self._end(number, {"error": error_to_json(error)})

    def _walk(self) -> None:
        numbers = list(self.left)
        tasks = [Task(self.orders[n], self.folders[n], self._watch(n)) for n in numbers]
        for index, result in self.place.render_all(tasks, self.latents):
            if isinstance(result, ReelkilnError):
                self._end(numbers[index], {"error": error_to_json(result)})
            else:
                self._end(numbers[index], {"rendered": result.to_json()})

    def _watch(self, number: int) -> Watch:
        def tell(progress: Progress) -> None:
            send(self.pipe, {"task": number, "progress": astuple(progress)})
            failpoint("step in the lane")
            self._listen()

        return Watch(
            tell,
            lambda line: send(self.pipe, {"task": number, "note": line}),
            lambda what: send(self.pipe, {"task": number, "ran_out": astuple(what)}),
        )

    def _listen(self) -> None:
        while self.pipe.poll():
            message = receive(self.pipe)
            if "give_way" in message:
                raise _GiveWay("somebody waits")
            if "stop" in message:
                self.stopped.add(message["stop"])
        if self.stopped & set(self.left):
            raise _Stopped("stopped")

    def _end_stopped(self) -> None:
        for number in [n for n in self.left if n in self.stopped]:
            self._end(number, {"error": error_to_json(Cancelled("stopped"))})

    def _end(self, number: int, message: Message) -> None:
        self.left.remove(number)
        send(self.pipe, {"task": number, **message})

"""Render in child processes, one for each GPU of this computer.

A crash of CUDA, or the system killing whoever takes too much memory, ends a child and not the
shift. Parent and child speak JSON over a pipe:

    to the child    {"order": …, "folder": …}   render this
                    {"stop": true}              give up what you render
    from the child  {"ready": NAME}             once, when it can take orders
                    {"progress": […]}, {"note": …}, {"ran_out": […]}
                    {"rendered": …} or {"error": …}, once for each order
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from reelkiln.backends.probe import gpu_names
from reelkiln.errors import Cancelled, PlaceLost, ReelkilnError
from reelkiln.failpoints import failpoint
from reelkiln.kiln.crash import arm_here
from reelkiln.kiln.error_words import error_from_json, error_to_json
from reelkiln.kiln.pipe import Message, end_with_the_parent, receive, send, start
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.seats import BEAT, Seats
from reelkiln.kiln.watch import Progress, RanOut, Watch
from reelkiln.plan.machine import Machine

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from reelkiln.kiln.place import Place

__all__ = ["ChildRenderer", "Maker", "places_here", "usual_place"]

PATIENCE = 5.0
"""Seconds a child has to give up its work when asked, before it is ended."""

Maker: TypeAlias = Callable[[str, Path | None], "Place"]
"""Makes a child's place, in the child, of its name and the cache. Found by its name there."""


def places_here() -> tuple[str | None, ...]:
    """What to give a renderer for all of this computer: its GPUs, else one None."""
    return gpu_names() or (None,)


def usual_place(name: str, cache: Path | None) -> Place:
    """Renders and judges, with the weights that lie in the cache."""
    from reelkiln.kiln.place import Place, here  # the parent need not read all that

    return Place(name, here(cache), cache=cache)


class ChildRenderer:
    """`renderer.Renderer` with a child for each of `gpus` (None: as the environment says).

    Children start with their first order. The model stays loaded until another one is asked for.
    """

    def __init__(
        self,
        gpus: Sequence[str | None] = (None,),
        *,
        cache: Path | None = None,
        patience: float = PATIENCE,
        maker: Maker = usual_place,
    ) -> None:
        self._children = tuple(_Child(gpu, cache, patience, maker) for gpu in gpus)
        self._seats = Seats(self._children)
        self.machine: Machine | None = None

    @property
    def width(self) -> int:
        """How many children there are."""
        return len(self._children)

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """See `renderer.Renderer.render`."""
        with self._seats.taken(watch) as child:
            return child.render(order, folder, watch)

    def pids(self) -> tuple[int | None, ...]:
        """The process of each place; None where none runs."""
        return tuple(child.pid for child in self._children)

    def close(self) -> None:
        """End every child: one that waits for orders goes by itself, with what it holds."""
        for child in self._children:
            child.retire()


class _Child:
    """The parent's end of one child."""

    def __init__(self, gpu: str | None, cache: Path | None, patience: float, maker: Maker) -> None:
        self._gpu, self._cache, self._patience, self._maker = gpu, cache, patience, maker
        self._name = "this computer" if gpu is None else f"gpu {gpu}"
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        try:
            pipe = self._open()
            send(pipe, {"order": order.to_json(), "folder": str(folder)})
            answer = self._listen(pipe, watch)
        except (EOFError, OSError) as error:
            raise self._lost() from error
        except BaseException:
            self._give_up()
            raise
        if "error" in answer:
            raise error_from_json(answer["error"])
        return Rendered.from_json(answer["rendered"])

    def retire(self) -> None:
        """Let the child go: it ends when the pipe is closed, or is ended where it does not."""
        process = self._process
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if process is not None:
            process.join(self._patience)
        self.end()

    def end(self) -> None:
        """End the child, whatever it does."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if process is not None:
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()

    def _open(self) -> Connection:
        if self._process is not None and not self._process.is_alive():
            self.end()
        if self._pipe is None:
            spawn = multiprocessing.get_context("spawn")
            self._pipe, far = spawn.Pipe()
            self._process = spawn.Process(
                target=_serve,
                args=(far, self._gpu, self._cache, self._name, self._maker),
                daemon=True,
            )
            start(self._process)
            far.close()
        return self._pipe

    def _listen(self, pipe: Connection, watch: Watch) -> Message:
        """Pass on what the child tells, until it has done or failed."""
        last = Progress("load", 0, 1)
        while True:
            if not pipe.poll(BEAT):
                watch.on_progress(last)
                continue
            try:
                message = receive(pipe)
            except KeyboardInterrupt:
                self.end()  # half a message is left in the pipe: nothing said behind it is heard
                raise
            if "progress" in message:
                last = Progress(*message["progress"])
                watch.on_progress(last)
            elif "note" in message:
                watch.on_note(message["note"])
            elif "ran_out" in message:
                watch.on_ran_out(RanOut(*message["ran_out"]))
            elif "ready" not in message:
                return message

    def _give_up(self) -> None:
        """Have the child stop within a step, and keep it; end it where it does not listen."""
        if self._pipe is None:
            return
        try:
            send(self._pipe, {"stop": True})
            until = time.monotonic() + self._patience
            while self._pipe.poll(max(0.0, until - time.monotonic())):
                if {"rendered", "error"} & receive(self._pipe).keys():
                    return
        except (EOFError, OSError):
            pass
        self.end()

    def _lost(self) -> PlaceLost:
        process = self._process
        code = None
        if process is not None:
            process.join(1.0)
            code = process.exitcode
        self.end()
        return PlaceLost(
            f"the process that renders on {self._name} is gone ({_how(code)})",
            hint="The clip is given out again; if it stays, take a smaller size or model.",
        )


def _how(code: int | None) -> str:
    if code is None:
        return "it no longer answers"
    if code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
        return f"ended by {name}" + (", often for want of memory" if name == "SIGKILL" else "")
    return f"exit code {code}"


def _serve(pipe: Connection, gpu: str | None, cache: Path | None, name: str, maker: Maker) -> None:
    """The child: takes orders until the parent closes the pipe."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything here asks for a GPU
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who tells us
    os.dup2(2, 1)  # stdout belongs to the parent's results
    end_with_the_parent()
    arm_here()
    place = maker(name, cache)
    try:
        send(pipe, {"ready": name})
        while True:
            message = receive(pipe)
            if "order" in message:
                send(pipe, _answer(place, message, pipe))
    except (EOFError, OSError):
        return
    finally:
        place.close()


def _answer(place: Place, message: Message, pipe: Connection) -> Message:
    def tell(progress: Progress) -> None:
        send(pipe, {"progress": astuple(progress)})
        failpoint("step in the renderer")
        if pipe.poll() and "stop" in receive(pipe):
            raise Cancelled("stopped")

    watch = Watch(
        tell,
        lambda line: send(pipe, {"note": line}),
        lambda what: send(pipe, {"ran_out": astuple(what)}),
    )
    try:
        order = RenderOrder.from_json(message["order"])
        return {"rendered": place.render(order, Path(message["folder"]), watch).to_json()}
    except ReelkilnError as error:
        return {"error": error_to_json(error)}

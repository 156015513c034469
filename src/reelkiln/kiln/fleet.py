"""Render on many computers: Ray places the work, one actor per GPU, and that is all it does.

The ledger and the engine at the desk are the truth. An actor gets an order (shot, plan, card and
the digest of the weights), finds or fetches the weights in its own computer's cache, and returns
the encoded takes through Ray's object store: no shared disk, no second database. A computer that
dies loses the order it had, which is said (PlaceLost); its actor is started again by Ray
(`max_restarts=-1`) and takes the next order. Ray itself tries nothing twice
(`max_task_retries=0`): there is one layer of retries, the shift's.

The only module that imports ray. Ray pickles what it carries between its own processes: that is why
nobody may join without the token (`nodes`).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelkiln import __version__
from reelkiln.errors import MissingLibrary, ReelkilnError, UsageError
from reelkiln.kiln.actor import Actor
from reelkiln.kiln.hush import hushed
from reelkiln.kiln.nodes import ray_environment
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.seat import Seat, first_line
from reelkiln.kiln.seats import Seats
from reelkiln.kiln.watch import Watch
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.form import read
from reelkiln.plan.machine import Machine

__all__ = ["FleetRenderer"]

HELLO_SECONDS = 120.0
"""How long the first actor of a fleet may take to import everything."""
REACH_SECONDS = 5.0
"""How long the head's door may take to open."""
GONE_SECONDS = 2.0
"""Between two looks whether a lost actor is back."""


class FleetRenderer:
    """`renderer.Renderer` on every GPU of a Ray cluster that runs already.

    Args:
        address: HOST:PORT of the cluster's head.
        token: the file with the token that every member knows.
        cache: the desk's Hugging Face cache, to tell which revision of a model is meant.

    Raises:
        MissingLibrary: ray is not installed.
        UsageError: nothing answers there, the token is wrong, there is no GPU in the fleet, or a
            member runs another version of reelkiln.
    """

    def __init__(self, address: str, token: Path, *, cache: Path | None = None) -> None:
        self._cache = cache
        self._all: tuple[Seat, ...] = ()
        self._seats: Seats[Seat] = Seats()
        self._closed = threading.Event()
        self._news: queue.Queue[str] = queue.Queue()
        self._told = ""
        self._voice = ExitStack()
        self._voice.enter_context(hushed("ray_"))
        try:
            self._ray = _connected(address, token)
        except BaseException:
            self._voice.close()
            raise
        count = int(self._ray.cluster_resources().get("GPU", 0))
        if not count:
            self.close()
            raise UsageError(
                f"no computer of the fleet at {address} has a GPU",
                hint="Let one join: `reelkiln fleet join`.",
            )
        remote = self._ray.remote(Actor).options(
            num_gpus=1,
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=3,  # render, hear and stop
        )
        self._all = tuple(Seat(self._ray, remote.remote()) for _ in range(count))
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    @property
    def width(self) -> int:
        """How many GPUs the fleet had when it was joined."""
        return len(self._all)

    @property
    def machine(self) -> Machine | None:
        """The computer with the largest GPU of those that have come: what it cannot carry, none
        can. Each of the others plans for its own."""
        known = [seat.machine for seat in self._all if seat.machine is not None]
        return max(known, key=lambda one: (one.gpu is not None, one.vram_total), default=None)

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """See `renderer.Renderer.render`."""
        seat = self._living(watch)
        self._pass_on(watch)
        try:
            pinned = replace(order, card=_pinned(order.card, order.shot.preset, self._cache))
            return seat.render(pinned, folder, watch)
        finally:
            (self._mend if seat.lost else self._seats.put)(seat)

    def _living(self, watch: Watch) -> Seat:
        """A free seat whose actor answers; one that died while it was idle is mended first."""
        while True:
            seat = self._seats.take(watch)
            try:
                if seat.answers(watch):
                    return seat
            except BaseException:
                self._seats.put(seat)
                raise
            self._mend(seat)

    def names(self) -> tuple[str, ...]:
        """Where each actor was when it last said so."""
        return tuple(seat.name for seat in self._all)

    def close(self) -> None:
        """End every actor and leave the fleet; its computers stay."""
        self._closed.set()
        if self._ray.is_initialized():
            for seat in self._all:
                with suppress(Exception):
                    self._ray.kill(seat.actor)
            self._ray.shutdown()
        self._voice.close()

    def _greet(self) -> None:
        """Wait for the first actor; the others come when they come.

        Raises:
            UsageError: it does not come, or runs another version.
        """
        waiting = {seat.hello(): seat for seat in self._all}
        ready, _ = self._ray.wait(list(waiting), num_returns=1, timeout=HELLO_SECONDS)
        if not ready:
            raise UsageError(
                "no computer of the fleet answers", hint="Look at its terminal, then try again."
            )
        for answer, seat in waiting.items():
            if answer in ready:
                self._check_version(seat, self._ray.get(answer))
                self._seats.put(seat)
            else:
                self._mend(seat)

    def _check_version(self, seat: Seat, answer: tuple[str, str, str]) -> None:
        seat.name, version, machine = answer
        seat.machine = read(Machine, json.loads(machine), "machine")
        if version != __version__:
            raise UsageError(
                f"{seat.name} runs reelkiln {version}, the desk {__version__}",
                hint="Install the same version on every computer.",
            )

    def _mend(self, seat: Seat) -> None:
        """Give the seat back once its actor answers again, from whatever computer."""

        def wait() -> None:
            while not self._closed.is_set():
                if self._is_back(seat):
                    self._tell(f"{seat.name} renders")
                    seat.lost = False
                    self._seats.put(seat)
                    return
                self._closed.wait(GONE_SECONDS)

        threading.Thread(target=wait, daemon=True, name="reelkiln-mend").start()

    def _is_back(self, seat: Seat) -> bool:
        """Whether its actor answers, and is one that we can work with."""
        try:
            self._check_version(seat, self._ray.get(seat.hello(), timeout=HELLO_SECONDS))
        except ReelkilnError as error:  # another version: it may be replaced by a right one
            self._tell(f"{error.message}: it renders nothing")
            return False
        except Exception:  # noqa: BLE001 - whatever Ray says of a lost actor: not yet
            return False
        return True

    def _tell(self, line: str) -> None:
        """Have the next order's watch hear a line; the last one is not said again."""
        if line != self._told:
            self._told = line
            self._news.put(line)

    def _pass_on(self, watch: Watch) -> None:
        while not self._news.empty():
            with suppress(queue.Empty):
                watch.on_note(self._news.get_nowait())


def _connected(address: str, token: Path) -> Any:
    """Ray, as a member of the fleet."""
    os.environ.update(ray_environment(token))  # Ray takes these from nowhere else
    try:
        import ray
    except ImportError as error:
        raise MissingLibrary(
            "ray is not installed", hint='Install "reelkiln[fleet]" on every computer of the fleet.'
        ) from error
    _check_reachable(address)
    with _own_signals():
        try:
            ray.init(
                address=address,
                namespace="reelkiln",
                log_to_driver=False,
                logging_level="ERROR",
                include_dashboard=False,
            )
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise UsageError(
                f"the fleet at {address} does not let us in: {first_line(error)}",
                hint="Is `reelkiln fleet desk` running there, with this token?",
            ) from error
    return ray


def _check_reachable(address: str) -> None:
    """Ray itself tries for minutes, without a word."""
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACH_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"nothing answers at {address}: {getattr(error, 'strerror', None) or error}",
            hint="Start `reelkiln fleet desk` there, or say --fleet one.",
        ) from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray puts a handler of its own for SIGTERM; ours is put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pinned(card: Card, preset: str, cache: Path | None) -> Card:
    """The card with the revisions that lie at the desk, so that every computer fetches these."""
    try:
        folders: Mapping[str, Path] = locate(card, preset, cache)
    except ReelkilnError:
        return card  # the desk need not have the weights; then the card's own words count
    commits = {name: folder.name for name, folder in folders.items() if len(folder.name) == 40}
    sources = tuple(
        replace(source, revision=commits[source.name]) if source.name in commits else source
        for source in card.sources
    )
    return replace(card, sources=sources)

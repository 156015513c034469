"""The desk's end of one actor: an order goes out, progress and takes come back.

Ray is handed in: only `fleet` imports it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelkiln.errors import PlaceLost, RenderFailed
from reelkiln.film.faults import on_disk
from reelkiln.kiln.actor import pictures_of, unpack_take
from reelkiln.kiln.error_words import error_from_json
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.seats import BEAT
from reelkiln.kiln.watch import Progress, RanOut, Watch
from reelkiln.plan.machine import Machine
from reelkiln.reel import Take

__all__ = ["Seat", "first_line"]


class Seat:
    """The desk's end of one actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self.actor = ray, actor
        self.name = "a computer of the fleet"
        self.lost = False
        self.machine: Machine | None = None

    def hello(self) -> Any:
        """Ray's promise of `Actor.hello`."""
        return self.actor.hello.remote()

    def answers(self, watch: Watch) -> bool:
        """Whether the actor is there. It may have died while nobody used it."""
        errors, hello = self._ray.exceptions, self.hello()
        try:
            while not self._ray.wait([hello], timeout=BEAT)[0]:
                watch.on_progress(Progress("load", 0, 1))
            self._ray.get(hello)
        except (errors.RayActorError, errors.ObjectLostError, errors.RaySystemError):
            return False
        return True

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """See `renderer.Renderer.render`; afterwards `lost` says whether the actor is gone."""
        pictures = {name: _read(name) for name in pictures_of(order)}
        with self._in_words():
            answer = self.actor.render.remote(json.dumps(order.to_json()), pictures)
            try:
                heard = self._wait(answer, watch)
            except BaseException:
                self._give_up(answer)
                raise
            text, takes = self._ray.get(answer)
        told = json.loads(text)
        for what in told["ran_out"]:
            watch.on_ran_out(RanOut(*what))
        if "error" in told:
            raise error_from_json(told["error"])
        done = Rendered.from_json(told["rendered"])
        for note in done.notes[heard:]:
            watch.on_note(note)
        return _arrived(done, takes, folder)

    def _wait(self, answer: Any, watch: Watch) -> int:
        """Pass on what the actor tells, until it has done or failed; how many notes that were."""
        last, heard = Progress("load", 0, 1), 0
        while not self._ray.wait([answer], timeout=BEAT)[0]:
            saying = self.actor.hear.remote(heard)
            if self._ray.wait([saying], timeout=BEAT)[0]:
                words, notes = self._ray.get(saying)
                last, heard = Progress(*words), heard + len(notes)
                for note in notes:
                    watch.on_note(note)
            watch.on_progress(last)
        return heard

    def _give_up(self, answer: Any) -> None:
        """Have the actor stop at its next step; one that does not listen is started anew."""
        with suppress(Exception):
            self.actor.stop.remote()
            if not self._ray.wait([answer], timeout=5.0)[0]:
                self.lost = True
                self._ray.kill(self.actor, no_restart=False)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Ray's errors in our words."""
        errors = self._ray.exceptions
        try:
            yield
        except (errors.RayActorError, errors.ObjectLostError, errors.RaySystemError) as error:
            self.lost = True
            raise PlaceLost(
                f"{self.name} is gone: {first_line(error)}",
                hint="The clip is given out again; look at that computer.",
            ) from error
        except errors.RayTaskError as error:
            raise RenderFailed(
                f"{self.name} failed: {_last_line(error)}", hint="Report this, with the line above."
            ) from error


def _arrived(done: Rendered, takes: Mapping[str, bytes], folder: Path) -> Rendered:
    """The result with its takes in the desk's folder."""
    for name, data in takes.items():
        path = folder / Path(name).name
        with on_disk(path):
            unpack_take(data, path)

    def here(take: Take) -> Take:
        return replace(take, path=str(folder / Path(take.path).name))

    return replace(done, chosen=tuple(map(here, done.chosen)), takes=tuple(map(here, done.takes)))


def _read(name: str) -> bytes:
    with on_disk(Path(name)):
        return Path(name).read_bytes()


def first_line(error: Exception) -> str:
    """What an error says first."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _last_line(error: Exception) -> str:
    return next(iter(reversed(str(error).strip().splitlines())), type(error).__name__)[:200]

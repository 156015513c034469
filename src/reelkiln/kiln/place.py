"""One place that renders: one GPU, or the processor. It lives in a child or in an actor."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from reelkiln.backends.probe import probe, versions
from reelkiln.backends.registry import find_backend
from reelkiln.errors import WeightsBroken
from reelkiln.kiln.bench import machine_words
from reelkiln.kiln.checkpoints import Checkpoints
from reelkiln.kiln.fire import fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.recipe import Weights
from reelkiln.kiln.renderer import Rendered, RenderOrder, weights_digest
from reelkiln.kiln.standards import Standards, limits_from, photo_from, reader_for, scorer_for
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.form import write
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Take

__all__ = ["Finder", "Place", "here"]

Finder: TypeAlias = Callable[[Card, str], dict[str, Path]]
"""A card and a preset: the folder of each source. May fetch what is missing."""


def here(cache: Path | None) -> Finder:
    """Looks at this disk only, as `models.installed.locate`."""
    return lambda card, preset: locate(card, preset, cache)


class Place:
    """Renders one order after another and keeps the model while they ask for the same one.

    Args:
        name: where this is, in words for the record ("gpu 1", "studio-pc gpu 0").
        find: where the weights lie.
        machine: what this place has; None: asked now.
        cache: where scorers that were pulled lie (None: the Hugging Face cache of the environment).
    """

    def __init__(
        self,
        name: str,
        find: Finder,
        machine: Machine | None = None,
        cache: Path | None = None,
    ) -> None:
        self.name, self._cache = name, cache
        self.machine = machine or probe()
        self._find = find
        self._loaded: tuple[Card, str] | None = None
        self._furnace: Furnace | None = None
        self._weights: tuple[Weights, ...] = ()
        self._standards = Standards()

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """Render one order into `folder`. Raises as `renderer.Renderer.render`, but PlaceLost."""
        furnace = self._prepare(order)
        notes: list[str] = []

        def note(line: str) -> None:
            notes.append(line)
            watch.on_note(line)

        fired = fire(
            order.shot,
            self._fitting(order, note),
            furnace,
            machine=self.machine,
            scratch=folder,
            clock=PhaseClock(time.perf_counter, Watch(watch.on_progress, note)),
            standards=replace(
                self._standards,
                limits=limits_from(order.usual, order.card),
                palette=order.palette,
                photo=photo_from(order.photo),
            ),
            kept=self._checkpoints(folder),
        )
        return Rendered(
            plan=fired.plan,
            chosen=tuple(map(_plain, fired.chosen)),
            takes=tuple(map(_plain, fired.takes)),
            refusals=fired.refusals,
            seconds=fired.seconds,
            peak_vram=fired.peak.vram,
            peak_ram=fired.peak.ram,
            weights=self._weights,
            libraries=versions(),
            machine=machine_words(self.machine),
            place=self.name,
            notes=tuple(notes),
        )

    def close(self) -> None:
        """Let the model go."""
        if self._furnace is not None:
            self._furnace.close()
        self._furnace, self._loaded = None, None

    def _checkpoints(self, folder: Path) -> Checkpoints:
        """Latents lie with the order's takes: whoever renders it again does not denoise again."""
        words = json.dumps([write(self._weights), versions()], sort_keys=True)
        return Checkpoints(folder / "latents", hashlib.sha256(words.encode()).hexdigest())

    def _prepare(self, order: RenderOrder) -> Furnace:
        """The furnace for this order's model, its weights found and compared."""
        wanted = (order.card, order.shot.preset)
        if self._furnace is None or self._loaded != wanted:
            self.close()
            folders = self._find(*wanted)
            self._weights = weights_of(*wanted, folders)
            scorer = scorer_for(folders, self._cache)
            self._standards = Standards(scorer=scorer, reader=reader_for(order.card))
            self._furnace = Furnace(
                find_backend(order.card.family), order.card, folders, cache=self._cache
            )
            self._loaded = wanted
        if order.weights_digest not in ("", weights_digest(self._weights)):
            raise WeightsBroken(
                f"the weights of {order.card.name} on {self.name} are not those of the desk",
                hint=f"Run `reelkiln models check {order.card.name}` on both computers.",
            )
        return self._furnace

    def _fitting(self, order: RenderOrder, note: Callable[[str], None]) -> Plan:
        """The order's plan where this place can carry it, else one for this place."""
        gpu = order.plan.device == "cuda"
        if not gpu or (self.machine.gpu and order.plan.peak_bytes <= self.machine.vram_total):
            return order.plan
        plan = plan_shot(order.shot, order.card, self.machine)
        note(f"planned anew for {self.name}: {machine_words(self.machine)}")
        return replace(plan, because=(*plan.because, f"planned anew for {self.name}"))


def _plain(take: Take) -> Take:
    """The take without marks that JSON has no word for."""
    marks = {name: float(mark) for name, mark in take.verdict.marks.items() if math.isfinite(mark)}
    return replace(take, verdict=replace(take.verdict, marks=marks))

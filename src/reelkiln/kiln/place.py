"""One place that renders: one GPU, or the processor. It lives in a child or in an actor."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from reelkiln.backends.probe import OwnRam, probe, versions
from reelkiln.backends.registry import find_backend
from reelkiln.errors import GpuBusy, PlanRefused, ReelkilnError, WeightsBroken
from reelkiln.kiln.bench import gpu_words, machine_words, ran_out_of
from reelkiln.kiln.checkpoints import Checkpoints
from reelkiln.kiln.firing import Fired
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.phases import Charge, fire_all
from reelkiln.kiln.recipe import Weights
from reelkiln.kiln.renderer import Rendered, RenderOrder, weights_digest
from reelkiln.kiln.standards import Standards, limits_from, photo_from, standards_for
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.form import write
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Take

__all__ = ["Finder", "Place", "Task", "here"]

Finder: TypeAlias = Callable[[Card, str], dict[str, Path]]
"""A card and a preset: the folder of each source. May fetch what is missing."""


def here(cache: Path | None) -> Finder:
    """Looks at this disk only, as `models.installed.locate`."""
    return lambda card, preset: locate(card, preset, cache)


class Task(NamedTuple):
    """An order, the existing folder for its takes, and who is told."""

    order: RenderOrder
    folder: Path
    watch: Watch


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
        self._own = OwnRam()

    def render(
        self, order: RenderOrder, folder: Path, watch: Watch, latents: Path | None = None
    ) -> Rendered:
        """Render one order into `folder`. Raises as `renderer.Renderer.render`, but PlaceLost.

        Args:
            latents: as `render_all`; None: inside `folder`.
        """
        kept = folder / "latents" if latents is None else latents
        ((_, result),) = self.render_all((Task(order, folder, watch),), kept)
        if isinstance(result, ReelkilnError):
            raise result
        return result

    def render_all(
        self, tasks: Sequence[Task], latents: Path
    ) -> Iterator[tuple[int, Rendered | ReelkilnError]]:
        """Render orders of one model and preset together, stage by stage (`kiln.phases`).

        Args:
            latents: the folder where what was denoised outlives this process.

        Yields:
            the number of each task with what came of it, as soon as it is complete.

        Raises:
            What a task's watch raises: it ends them all, and what was denoised is kept.
            WeightsMissing, WeightsBroken, MissingLibrary, GpuBusy, DiskFull.
        """
        with self._own:
            yield from self._render_all(tasks, latents)

    def _render_all(
        self, tasks: Sequence[Task], latents: Path
    ) -> Iterator[tuple[int, Rendered | ReelkilnError]]:
        furnace = self._prepare(tasks[0].order)
        notes: list[list[str]] = [[] for _ in tasks]
        tried = [self._charge(task, own) for task, own in zip(tasks, notes, strict=True)]
        charges = {n: charge for n, charge in enumerate(tried) if isinstance(charge, Charge)}
        yield from ((n, no) for n, no in enumerate(tried) if isinstance(no, PlanRefused))
        numbers = list(charges)
        waiting = {number: tasks[number] for number in numbers}

        def tell(plan: Plan) -> None:
            if (what := ran_out_of(plan, self.machine)) is not None:
                for task in waiting.values():
                    task.watch.on_ran_out(what)

        for done in fire_all(
            list(charges.values()),
            furnace,
            machine=self.machine,
            scratch=tasks[0].folder,
            kept=self._checkpoints(latents),
            on_out_of_memory=tell,
        ):
            number = numbers[done.index]
            del waiting[number]
            if done.fired is not None:
                yield number, self._rendered(done.fired, notes[number], done.keys)
            elif done.error is not None:
                done.forget()
                yield number, done.error

    def _charge(self, task: Task, notes: list[str]) -> Charge | PlanRefused:
        """The order as this place renders it, or that it cannot, being smaller than another."""
        order, watch = task.order, task.watch

        def note(line: str) -> None:
            notes.append(line)
            watch.on_note(line)

        try:
            plan = self._fitting(order, note)
        except PlanRefused as refused:
            return refused
        return Charge(
            shot=order.shot,
            plan=plan,
            clock=PhaseClock(time.perf_counter, Watch(watch.on_progress, note)),
            standards=replace(
                self._standards,
                limits=limits_from(order.usual),
                palette=order.palette,
                photo=photo_from(order.photo),
            ),
            scratch=task.folder,
        )

    def _rendered(self, fired: Fired, notes: list[str], keys: frozenset[str]) -> Rendered:
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
            unread=fired.unread,
            own_ram=self._own.most,
            latents=tuple(sorted(keys)),
        )

    def close(self) -> None:
        """Let the model go."""
        if self._furnace is not None:
            self._furnace.close()
        self._furnace, self._loaded = None, None

    def _checkpoints(self, latents: Path) -> Checkpoints:
        words = json.dumps([write(self._weights), versions()], sort_keys=True)
        return Checkpoints(latents, hashlib.sha256(words.encode()).hexdigest())

    def _refuse_busy(self, plan: Plan) -> None:
        """Refuse while another program holds the GPU that the plan counts on."""
        if plan.device != "cuda" or self.machine.gpu is None:
            return
        free = probe().vram_free
        if free < plan.peak_bytes <= self.machine.vram_total:
            raise GpuBusy(
                f"another program holds the GPU: {free / 2**30:.1f} GiB of {self.machine.gpu} are"
                f" free, {plan.peak_bytes / 2**30:.1f} GiB are needed",
                hint="Close it, or wait until it is done.",
            )

    def _prepare(self, order: RenderOrder) -> Furnace:
        """The furnace for this order's model, its weights found and compared."""
        wanted = (order.card, order.shot.preset)
        if self._furnace is None or self._loaded != wanted:
            self.close()
            self._refuse_busy(order.plan)
            folders = self._find(*wanted)
            self._weights = weights_of(*wanted, folders)
            self._standards = standards_for(order.card, folders, self._cache)
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
        """The order's plan where it was made for a GPU like this one, else one for this place."""
        mine = gpu_words(self.machine)
        if order.planned_for is None:
            gpu = order.plan.device == "cuda"
            fits = self.machine.gpu and order.plan.peak_bytes <= self.machine.vram_total
        else:
            gpu, fits = True, order.planned_for == mine
        if not gpu or fits:
            return order.plan
        need = order.ran_out.get(mine)
        known = {} if need is None else {order.shot.model: need}
        plan = plan_shot(order.shot, order.card, replace(self.machine, ran_out=known))
        note(f"planned anew for {self.name}: {machine_words(self.machine)}")
        return replace(plan, because=(*plan.because, f"planned anew for {self.name}"))


def _plain(take: Take) -> Take:
    """The take without marks that JSON has no word for."""
    marks = {name: float(mark) for name, mark in take.verdict.marks.items() if math.isfinite(mark)}
    return replace(take, verdict=replace(take.verdict, marks=marks))

"""The shots of reels become kept takes: what lies on the shelf is not rendered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelkiln import __version__
from reelkiln.backends.registry import find_backend
from reelkiln.errors import GateRefused, ReelkilnError
from reelkiln.film.label import Signer
from reelkiln.kiln.bench import Bench, machine_words, note_ran_out
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.firing import Fired
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.make import Order, checkpoints_in, keep_refused
from reelkiln.kiln.phases import Charge, Outcome, fire_all
from reelkiln.kiln.recipe import Recipe, take_note
from reelkiln.kiln.shelf import Shelf, shelf_key
from reelkiln.kiln.standards import (
    Standards,
    limits_for,
    photo_for,
    reader_for,
    scorer_for,
)
from reelkiln.kiln.start import picture_hash, with_picture
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.reel import Take

__all__ = ["Footage", "distinct", "shoot"]


@dataclass(frozen=True, slots=True)
class Footage:
    """A shot's kept takes, one for each segment, and its recipe; `takes` are all that were made."""

    recipe: Recipe
    chosen: tuple[Take, ...]
    takes: tuple[Take, ...]


def shoot(
    orders: Sequence[Order],
    choice: Choice,
    bench: Bench,
    watch: Watch,
    *,
    signer: Signer,
    shelf: Shelf,
    further: int,
) -> tuple[Footage, ...]:
    """Footage of every order, in their order; orders that need the same takes share them.

    Args:
        shelf: where kept takes are looked for, and put.
        further: how many things are made besides, for who watches.

    Raises:
        GateRefused: at the end, when a shot was refused; its details name what was kept.
        PlanRefused, RenderFailed: at the end, when a shot failed.
        WeightsMissing, WeightsBroken, MissingLibrary: before anything is rendered.
        FilmError, DiskFull: the shots kept so far stay on the shelf.
    """
    clips = distinct(orders) + further
    clocks = [
        PhaseClock(bench.clock, watch, clip=distinct(orders[: number + 1]), clips=clips)
        for number in range(len(orders))
    ]
    return _Shooting(orders, choice, bench, signer=signer, shelf=shelf, clocks=clocks).run()


def distinct(orders: Sequence[Order]) -> int:
    """How many shots these are where those with the same takes count once."""
    return len({(order.plan.size, order.plan.segments) for order in orders})


class _Shooting:
    """One shooting: what is the same for all shots, and what has come of them, by their keys."""

    def __init__(
        self,
        orders: Sequence[Order],
        choice: Choice,
        bench: Bench,
        *,
        signer: Signer,
        shelf: Shelf,
        clocks: Sequence[PhaseClock],
    ) -> None:
        self.orders, self.choice, self.bench = orders, choice, bench
        self.signer, self.shelf, self.clocks = signer, shelf, clocks
        card, preset = choice.card, orders[0].shot.preset
        self.folders = locate(card, preset, bench.cache)
        self.weights = weights_of(card, preset, self.folders)
        self.scorer = scorer_for(self.folders, bench.cache)
        self.reader = reader_for(card)
        self.keys = [shelf_key(self._recipe(order, None)) for order in orders]
        self.kept: dict[str, Fired] = {}
        self.refusals: list[str] = []
        self.errors: list[ReelkilnError] = []

    def run(self) -> tuple[Footage, ...]:
        todo = self._not_on_the_shelf()
        if todo:
            self._render(todo)
        if self.errors:
            raise self.errors[0]
        if self.refusals:
            raise GateRefused(
                f"{len(self.refusals)} of {len(self.orders)} shots were refused; no reel was made",
                hint="Look at what was kept, then give the shot another seed: or variant: in the"
                " storyboard. The good shots are kept.",
                details=tuple(self.refusals),
            )
        return tuple(
            Footage(
                self._recipe(order, self.kept[key]), self.kept[key].chosen, self.kept[key].takes
            )
            for order, key in zip(self.orders, self.keys, strict=True)
        )

    def _not_on_the_shelf(self) -> list[int]:
        """The numbers of the shots that must be rendered, each once."""
        todo: dict[str, int] = {}
        for number, key in enumerate(self.keys):
            if key in self.kept or key in todo:
                continue
            if found := self.shelf.find(key):
                self.clocks[number].note(f"shot {number + 1}: its takes are kept from before")
                self.kept[key] = found
            else:
                todo[key] = number
        return list(todo.values())

    def _render(self, todo: list[int]) -> None:
        card, bench = self.choice.card, self.bench
        checkpoints = checkpoints_in(bench, self.weights)
        checkpoints.sweep(bench.now().timestamp())
        with (
            bench.scratch_folder() as scratch,
            Furnace(find_backend(card.family), card, self.folders, cache=bench.cache) as furnace,
        ):
            charges = [self._charge(number) for number in todo]
            for outcome in fire_all(
                charges,
                furnace,
                machine=bench.machine,
                scratch=scratch,
                kept=checkpoints,
                on_out_of_memory=lambda plan: note_ran_out(plan, bench),
            ):
                self._put(todo[outcome.index], outcome)
        self.shelf.trim(wanted=self.keys)

    def _charge(self, number: int) -> Charge:
        order = self.orders[number]
        limits = limits_for(order.origin, self.bench.ledger)
        standards = Standards(
            limits, order.palette, self.scorer, self.reader, photo_for(order.photo)
        )
        return Charge(
            shot=order.shot, plan=order.plan, clock=self.clocks[number], standards=standards
        )

    def _put(self, number: int, outcome: Outcome) -> None:
        """A good shot onto the shelf, a refused one beside where the reel would be."""
        if outcome.error is not None:
            self.errors.append(outcome.error)
        order, fired = self.orders[number], outcome.fired
        if fired is not None and not fired.refusals:
            self.kept[self.keys[number]] = self.shelf.keep(self.keys[number], fired)
        elif fired is not None:
            recipe = self._recipe(order, fired)
            refusal = keep_refused(fired, recipe, order, self.signer, self.clocks[number])
            self.refusals.append(refusal)
        outcome.forget()

    def _recipe(self, order: Order, fired: Fired | None) -> Recipe:
        """How a shot was made, or, not rendered yet, how it will be."""
        name = Path(order.shot.image).name if order.shot.image else ""
        shot, plan = with_picture(order.shot, fired.plan if fired else order.plan, name)
        return Recipe(
            shot=shot,
            plan=plan,
            picture=picture_hash(order.shot),
            weights=self.weights,
            libraries=self.bench.versions,
            reelkiln=__version__,
            machine=machine_words(self.bench.machine),
            chosen_because=self.choice.because,
            seconds=fired.seconds if fired else {},
            peak_vram=fired.peak.vram if fired else 0,
            peak_ram=fired.peak.ram if fired else 0,
            takes=tuple(take_note(take) for take in fired.takes) if fired else (),
            unread=fired.unread if fired else (),
            origin=order.origin,
        )

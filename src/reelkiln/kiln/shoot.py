"""The shots of reels become kept takes: what lies on the shelf is not rendered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelkiln import __version__
from reelkiln.backends.registry import find_backend
from reelkiln.errors import GateRefused
from reelkiln.film.label import Signer
from reelkiln.kiln.bench import Bench, machine_words
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.fire import Fired, fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.make import Order, keep_refused
from reelkiln.kiln.recipe import Recipe, take_note
from reelkiln.kiln.shelf import Shelf, shelf_key
from reelkiln.kiln.standards import Standards, limits_for, reader_for, scorer_for
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.reel import Take

__all__ = ["Footage", "shoot"]


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
    clips: int,
) -> tuple[Footage, ...]:
    """Footage of every order, in their order; orders that need the same takes share them.

    Args:
        clips: how many things are made in all, for who watches.

    Raises:
        GateRefused: at the end, when a shot was refused; its details name what was kept.
        WeightsMissing, WeightsBroken, MissingLibrary: before anything is rendered.
        RenderFailed, FilmError, DiskFull: the shots kept so far stay on the shelf.
    """
    shooting = _Shooting(choice, bench, watch, signer, clips)
    return shooting.all(orders)


class _Shooting:
    def __init__(
        self, choice: Choice, bench: Bench, watch: Watch, signer: Signer, clips: int
    ) -> None:
        self.choice, self.bench, self.watch = choice, bench, watch
        self.signer, self.clips = signer, clips
        self.shelf = Shelf(bench.shelf)
        self.refusals: list[str] = []

    def all(self, orders: Sequence[Order]) -> tuple[Footage, ...]:
        card, preset = self.choice.card, orders[0].shot.preset
        folders = locate(card, preset, self.bench.cache)
        self.weights = weights_of(card, preset, folders)
        self.scorer, self.reader = scorer_for(folders), reader_for(card)
        found: dict[str, Fired | None] = {}
        footage: list[Footage] = []
        with Furnace(find_backend(card.family), card, folders) as furnace:
            for number, order in enumerate(orders, 1):
                key = shelf_key(self._recipe(order, None))
                if key not in found:
                    found[key] = self._fired(order, key, number, furnace)
                if fired := found[key]:
                    recipe = self._recipe(order, fired)
                    footage.append(Footage(recipe, fired.chosen, fired.takes))
        self.shelf.trim()
        if self.refusals:
            raise GateRefused(
                f"{len(self.refusals)} of {len(orders)} shots were refused; no reel was made",
                hint="Look at what was kept, then give the shot another seed: or variant: in the"
                " storyboard. The good shots are kept.",
                details=tuple(self.refusals),
            )
        return tuple(footage)

    def _fired(self, order: Order, key: str, number: int, furnace: Furnace) -> Fired | None:
        """From the shelf, or rendered and put there; None where the gate refused it."""
        clock = PhaseClock(self.bench.clock, self.watch, clip=number, clips=self.clips)
        if kept := self.shelf.find(key):
            clock.note(f"shot {number}: its takes are kept from before")
            return kept
        limits = limits_for(order.origin, self.bench.ledger, self.choice.card)
        with self.bench.scratch_folder() as scratch:
            fired = fire(
                order.shot,
                order.plan,
                furnace,
                machine=self.bench.machine,
                scratch=scratch,
                clock=clock,
                standards=Standards(limits, order.palette, self.scorer, self.reader),
            )
            if not fired.refusals:
                return self.shelf.keep(key, fired)
            recipe = self._recipe(order, fired)
            self.refusals.append(keep_refused(fired, recipe, order, self.signer, clock))
            return None

    def _recipe(self, order: Order, fired: Fired | None) -> Recipe:
        """How a shot was made, or, not rendered yet, how it will be."""
        return Recipe(
            shot=order.shot,
            plan=fired.plan if fired else order.plan,
            weights=self.weights,
            libraries=self.bench.versions,
            reelkiln=__version__,
            machine=machine_words(self.bench.machine),
            chosen_because=self.choice.because,
            seconds=fired.seconds if fired else {},
            peak_vram=fired.peak.vram if fired else 0,
            peak_ram=fired.peak.ram if fired else 0,
            takes=tuple(take_note(take) for take in fired.takes) if fired else (),
            origin=order.origin,
        )

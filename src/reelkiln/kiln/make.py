"""The main job: shots become finished clips, with one loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelkiln import __version__
from reelkiln.backends.registry import find_backend
from reelkiln.errors import GateRefused
from reelkiln.film.label import Signer
from reelkiln.kiln.bench import Bench, machine_words
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import Delivery, deliver, record
from reelkiln.kiln.fire import Fired, fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.names import refused
from reelkiln.kiln.recipe import Recipe, Weights, take_note
from reelkiln.kiln.standards import Standards, limits_for, reader_for, scorer_for
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Origin, Shot

__all__ = ["Order", "make", "orders_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One clip to make: what, how, under which name; which template told it, in whose colours."""

    shot: Shot
    plan: Plan
    movie: Path
    private: bool = False
    origin: Origin | None = None
    palette: tuple[str, ...] = ()


def orders_for(
    shots: Sequence[Shot], movies: Sequence[Path], choice: Choice, bench: Bench, *, private: bool
) -> tuple[Order, ...]:
    """Plan every shot for this machine, once it is clear that the weights are there.

    Raises:
        WeightsMissing, WeightsBroken: as `locate` says.
        PlanRefused, UsageError: as `plan_shot` says.
    """
    locate(choice.card, shots[0].preset, bench.cache)
    return tuple(
        Order(
            shot=shot,
            plan=plan_shot(shot, choice.card, bench.machine),
            movie=movie,
            private=private,
        )
        for shot, movie in zip(shots, movies, strict=True)
    )


def make(
    orders: Sequence[Order], choice: Choice, bench: Bench, watch: Watch
) -> tuple[Delivery, ...]:
    """Make every clip; the model is loaded once where the plans allow it.

    A clip that the gate refuses does not keep the others from being made.

    Raises:
        GateRefused: at the end, when a clip was refused; its details name what was kept.
        WeightsMissing, WeightsBroken, MissingLibrary, UsageError (the certificate): before anything
            is rendered.
        PlanRefused, RenderFailed, FilmError, DiskFull, LedgerError, LockHeld: the clips made so far
            stay.
    """
    card = choice.card
    folders = locate(card, orders[0].shot.preset, bench.cache)
    signer = bench.signer()
    weights = weights_of(card, orders[0].shot.preset, folders)
    scorer, reader = scorer_for(folders), reader_for(card)
    deliveries: list[Delivery] = []
    refusals: list[str] = []
    with (
        bench.scratch_folder() as scratch,
        Furnace(find_backend(card.family), card, folders) as furnace,
    ):
        for number, order in enumerate(orders, 1):
            clock = PhaseClock(bench.clock, watch, clip=number, clips=len(orders))
            fired = fire(
                order.shot,
                order.plan,
                furnace,
                machine=bench.machine,
                scratch=scratch,
                clock=clock,
                standards=Standards(
                    limits_for(order.origin, bench.ledger, card), order.palette, scorer, reader
                ),
            )
            recipe = _recipe(order, fired, weights, choice, bench)
            if fired.refusals:
                refusals.append(_keep_refused(fired, recipe, order, signer, clock))
                continue
            delivery = deliver(
                fired.chosen,
                recipe,
                order.movie,
                private=order.private,
                signer=signer,
                clock=clock,
            )
            record(delivery, fired.takes, bench)
            deliveries.append(delivery)
    if refusals:
        raise _refusal(refusals, deliveries)
    return tuple(deliveries)


def _recipe(
    order: Order, fired: Fired, weights: tuple[Weights, ...], choice: Choice, bench: Bench
) -> Recipe:
    return Recipe(
        shot=order.shot,
        plan=fired.plan,
        weights=weights,
        libraries=bench.versions,
        reelkiln=__version__,
        machine=machine_words(bench.machine),
        chosen_because=choice.because,
        seconds=fired.seconds,
        peak_vram=fired.peak.vram,
        peak_ram=fired.peak.ram,
        takes=tuple(take_note(take) for take in fired.takes),
        origin=order.origin,
    )


def _keep_refused(
    fired: Fired, recipe: Recipe, order: Order, signer: Signer, clock: PhaseClock
) -> str:
    """Keep the best take where there is one that may be kept; one line about it."""
    why = "; ".join(fired.refusals)
    if not fired.whole:
        return f"{order.movie.name}: {why}; nothing was kept"
    path = refused(order.movie)
    deliver(fired.chosen, recipe, path, private=order.private, signer=signer, clock=clock)
    return f"{order.movie.name}: {why}; the best take is kept as {path}"


def _refusal(refusals: list[str], deliveries: list[Delivery]) -> GateRefused:
    hint = "Look at what was kept, or try another --seed or other words."
    clips = len(refusals) + len(deliveries)
    if clips == 1:
        return GateRefused(f"no take was good enough: {refusals[0]}", hint=hint)
    made = (f"{delivery.movie} is made" for delivery in deliveries)
    return GateRefused(
        f"{len(refusals)} of {clips} clips were refused", hint=hint, details=(*refusals, *made)
    )

"""The main job: shots become finished clips, with one loaded model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reelkiln import __version__
from reelkiln.backends.registry import find_backend
from reelkiln.errors import GateRefused, ReelkilnError
from reelkiln.film.label import Signer
from reelkiln.kiln.bench import Bench, machine_words, note_ran_out
from reelkiln.kiln.checkpoints import Checkpoints
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import Delivery, deliver, record
from reelkiln.kiln.firing import Fired
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.names import refused
from reelkiln.kiln.phases import Charge, Outcome, fire_all
from reelkiln.kiln.recipe import Recipe, Weights, take_note
from reelkiln.kiln.standards import limits_for, photo_for, standards_for
from reelkiln.kiln.start import picture_hash, with_picture
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.plan.form import write
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Origin, Shot
from reelkiln.script.workspace import Workspace

__all__ = ["Order", "keep_refused", "make", "orders_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One clip to make: what, how, under which name; which template told it, in whose colours, and
    a photo of the product where there is one."""

    shot: Shot
    plan: Plan
    movie: Path
    private: bool = False
    origin: Origin | None = None
    palette: tuple[str, ...] = ()
    photo: Path | None = None


def orders_for(
    shots: Sequence[Shot],
    movies: Sequence[Path],
    choice: Choice,
    bench: Bench,
    *,
    private: bool,
    space: Workspace | None = None,
) -> tuple[Order, ...]:
    """Plan every shot for this machine, once it is clear that the weights are there.

    Args:
        space: the workspace around: its brand's colours are measured, and the photo of a product
            that the words name.

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
            palette=space.brand.palette if space else (),
            photo=space.photo_named(shot.prompt) if space else None,
        )
        for shot, movie in zip(shots, movies, strict=True)
    )


def make(
    orders: Sequence[Order], choice: Choice, bench: Bench, watch: Watch
) -> tuple[Delivery, ...]:
    """Make every clip, stage by stage; the model is loaded once where the plans allow it.

    A clip that the gate refuses, or that fails, does not keep the others from being made. What was
    denoised before a crash is taken up again (`kiln.checkpoints`).

    Raises:
        GateRefused: at the end, when a clip was refused; its details name what was kept.
        PlanRefused, RenderFailed: at the end, when a clip failed.
        WeightsMissing, WeightsBroken, MissingLibrary, UsageError (the certificate): before anything
            is rendered.
        FilmError, DiskFull, LedgerError, LockHeld: the clips made so far stay.
    """
    return _Making(orders, choice, bench, watch).run()


class _Making:
    """One run of `make`: what is the same for all its clips, and what has come of them."""

    def __init__(self, orders: Sequence[Order], choice: Choice, bench: Bench, watch: Watch) -> None:
        self.orders, self.choice, self.bench = orders, choice, bench
        card, preset = choice.card, orders[0].shot.preset
        self.folders = locate(card, preset, bench.cache)
        self.signer = bench.signer()
        self.weights = weights_of(card, preset, self.folders)
        self.standards = standards_for(card, self.folders, bench.cache)
        self.photos = {order.photo: photo_for(order.photo) for order in orders}
        self.clocks = [
            PhaseClock(bench.clock, watch, clip=number, clips=len(orders))
            for number in range(1, len(orders) + 1)
        ]
        self.deliveries: dict[int, Delivery] = {}
        self.refusals: dict[int, str] = {}
        self.errors: dict[int, ReelkilnError] = {}

    def run(self) -> tuple[Delivery, ...]:
        card, bench = self.choice.card, self.bench
        kept = checkpoints_in(bench, self.weights)
        kept.sweep(bench.now().timestamp())
        with (
            bench.scratch_folder() as scratch,
            Furnace(find_backend(card.family), card, self.folders, cache=bench.cache) as furnace,
        ):
            for outcome in fire_all(
                [self._charge(number) for number in range(len(self.orders))],
                furnace,
                machine=bench.machine,
                scratch=scratch,
                kept=kept,
                on_out_of_memory=lambda plan: note_ran_out(plan, bench),
            ):
                self._finish(outcome)
        made = tuple(self.deliveries[number] for number in sorted(self.deliveries))
        if self.errors:
            raise self._failure()
        if self.refusals:
            raise _refusal([self.refusals[n] for n in sorted(self.refusals)], list(made))
        return made

    def _charge(self, number: int) -> Charge:
        order = self.orders[number]
        limits = limits_for(order.origin, self.bench.ledger)
        return Charge(
            shot=order.shot,
            plan=order.plan,
            clock=self.clocks[number],
            standards=replace(
                self.standards,
                limits=limits,
                palette=order.palette,
                photo=self.photos[order.photo],
            ),
        )

    def _finish(self, outcome: Outcome) -> None:
        """Deliver one clip, keep a refused one, or note why there is none."""
        number = outcome.index
        order, clock = self.orders[number], self.clocks[number]
        if outcome.fired is None:
            if outcome.error is not None:
                self.errors[number] = outcome.error
            outcome.forget()
            return
        fired = outcome.fired
        recipe = _recipe(order, fired, self.weights, self.choice, self.bench)
        if fired.refusals:
            self.refusals[number] = keep_refused(fired, recipe, order, self.signer, clock)
        else:
            delivery = deliver(
                fired.chosen,
                recipe,
                order.movie,
                private=order.private,
                signer=self.signer,
                clock=clock,
                card=self.choice.card,
            )
            record(delivery, fired.takes, self.bench)
            self.deliveries[number] = delivery
        outcome.forget()

    def _failure(self) -> ReelkilnError:
        """The first error, with the others and what was made in its details."""
        first = self.errors[min(self.errors)]
        if len(self.orders) == 1:
            return first
        told = (*(f"{self.orders[n].movie.name}: {e.message}" for n, e in self.errors.items()),)
        made = (f"{delivery.movie} is made" for delivery in self.deliveries.values())
        details = (*told, *self.refusals.values(), *made)
        return type(first)(first.message, hint=first.hint, details=details)


def checkpoints_in(bench: Bench, weights: Sequence[Weights]) -> Checkpoints:
    """Where latents outlive a crash, for these weights and the libraries that compute with them."""
    words = json.dumps([write(tuple(weights)), bench.versions], sort_keys=True)
    maker = hashlib.sha256(words.encode("utf-8")).hexdigest()
    return Checkpoints(bench.scratch / "latents", maker)


def _recipe(
    order: Order, fired: Fired, weights: tuple[Weights, ...], choice: Choice, bench: Bench
) -> Recipe:
    name = Path(order.shot.image).name if order.shot.image else ""
    shot, plan = with_picture(order.shot, fired.plan, name)
    return Recipe(
        shot=shot,
        plan=plan,
        picture=picture_hash(order.shot),
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
        unread=fired.unread,
    )


def keep_refused(
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

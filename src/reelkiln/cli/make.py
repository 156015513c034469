"""`reelkiln make`: words become an MP4."""

from __future__ import annotations

import secrets
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, show_json
from reelkiln.cli.options import (
    Aspect,
    Force,
    Json,
    ModelName,
    Negative,
    Out,
    PresetName,
    Private,
    Prompt,
    Quiet,
    Seconds,
    Seed,
    SizeText,
    StartPicture,
)
from reelkiln.cli.progress import telling
from reelkiln.cli.space import space_around

if TYPE_CHECKING:
    from reelkiln.cli.progress import Teller
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.choose import Choice
    from reelkiln.kiln.deliver import Delivery
    from reelkiln.kiln.wish import Wish
    from reelkiln.plan.machine import Machine

__all__ = ["as_json", "make", "pick", "picked", "show", "wish_from"]


def make(
    prompt: Prompt,
    *,
    out_path: Out = None,
    model: ModelName = None,
    preset: PresetName = None,
    seconds: Seconds = "4",
    aspect: Aspect = None,
    size: SizeText = None,
    seed: Seed = None,
    negative: Negative = "",
    image: StartPicture = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", metavar="N", min=1, max=100, help="How many clips, each with the next seed."
        ),
    ] = 1,
    force: Force = False,
    private: Private = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render a clip from a sentence and write it as an MP4."""
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    wish = wish_from(
        prompt,
        negative=negative,
        preset=preset,
        seconds=seconds,
        aspect=aspect,
        size=size,
        seed=seed,
        count=count,
        image=image,
    )
    workshop = open_workshop(current_folder(), read_settings())
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        choice = pick(model or workshop.settings.model, preset, bench)
        deliveries = _make(wish, choice, bench, teller, out_path, force=force, private=private)
    if json:
        show_json(as_json(deliveries, choice.because))
        return
    for delivery in deliveries:
        show(delivery, quiet=quiet)


def wish_from(
    prompt: str,
    *,
    negative: str,
    preset: str | None,
    seconds: str,
    aspect: str | None,
    size: str | None,
    seed: int | None,
    count: int,
    image: Path | None = None,
) -> Wish:
    """The options as a Wish; a seed is drawn where none was given.

    Raises:
        UsageError: seconds, size or aspect are not of their form.
    """
    from reelkiln.kiln.wish import SEED_MAX, Wish, parse_seconds, parse_size

    return Wish(
        prompt=prompt_from(prompt),
        negative=negative,
        preset=preset,
        seconds=parse_seconds(seconds),
        size=parse_size(size, aspect),
        seed=secrets.randbelow(SEED_MAX + 1) if seed is None else seed,
        count=count,
        image=None if image is None else str(image),
    )


def prompt_from(argument: str) -> str:
    """The prompt itself, or what stdin holds where it is "-" (at most a little over the limit)."""
    if argument != "-":
        return argument
    from reelkiln.plan.wish import PROMPT_MAX

    data = sys.stdin.buffer.read(8 * PROMPT_MAX)
    return data.decode("utf-8", errors="surrogateescape")


def pick(name: str, preset: str | None, bench: Bench) -> Choice:
    """As `picked`, at a bench."""
    return picked(name, preset, bench.machine, bench.cache)


def picked(name: str, preset: str | None, machine: Machine, cache: Path | None) -> Choice:
    """The model called `name`, or the one that suits the machine: of those that are on the disk
    with all that this preset needs.

    Raises:
        UnknownName, WeightsMissing: as `choose` says.
    """
    from reelkiln.kiln.choose import choose
    from reelkiln.models.cards import find_card, load_cards
    from reelkiln.models.installed import is_installed

    return choose(
        name,
        load_cards(),
        machine,
        find=find_card,
        installed=lambda card: is_installed(
            card,
            preset if preset and preset in card.presets else card.default_preset,
            cache,
        ),
    )


def _make(
    wish: Wish,
    choice: Choice,
    bench: Bench,
    teller: Teller,
    out_path: Path | None,
    *,
    force: bool,
    private: bool,
) -> tuple[Delivery, ...]:
    from reelkiln.kiln.make import make as make_clips
    from reelkiln.kiln.make import orders_for
    from reelkiln.kiln.names import check_targets, targets
    from reelkiln.kiln.start import check_picture
    from reelkiln.kiln.watch import Watch
    from reelkiln.kiln.wish import advice, shots_of
    from reelkiln.plan.figures import figures_of
    from reelkiln.plan.reasons import duration

    shots = shots_of(wish, choice.card)
    movies = targets(out_path, Path(), shots[0].prompt, seed=wish.seed, count=wish.count)
    check_targets(movies, force=force)
    space = space_around()
    orders = orders_for(shots, movies, choice, bench, private=private, space=space)
    teller.note(f"model {choice.card.name}: {choice.because}")
    teller.note(
        f"seed {wish.seed}" + (f" and the {wish.count - 1} after it" if wish.count > 1 else "")
    )
    plan = orders[0].plan
    further = ""
    if wish.count > 1:
        figures = figures_of(plan, shots[0], choice.card, bench.machine)
        further = f" for the first, {duration(figures.further_seconds)} for each further one"
    teller.note(f"about {duration(plan.seconds_estimate)}{further}, {plan.rung}")
    if space is not None:
        product = space.named(shots[0].prompt)
        whose = f" and the photo of {product.name}" if product and product.photo else ""
        teller.note(f"measured against the colours of {space.brand.name}{whose}")
    for line in (*check_picture(shots[0], plan), *advice(shots[0], choice.card)):
        teller.note(line)
    return make_clips(orders, choice, bench, Watch(teller.progress, teller.note))


def show(delivery: Delivery, *, quiet: bool = False) -> None:
    """Where a clip's files are."""
    if quiet:
        out(str(delivery.movie))
        return
    facts = delivery.facts
    rate = f"{float(facts.fps):g} frames a second"
    out(f"film    {delivery.movie}  ({_seconds(facts.seconds)}, {facts.size}, {rate})")
    out(f"poster  {delivery.beside.poster}")
    out(f"sheet   {delivery.beside.sheet}")
    out(f"recipe  {delivery.beside.sidecar}")


def as_json(deliveries: tuple[Delivery, ...], because: str) -> dict[str, Any]:
    """What was made, for programs."""
    return {
        "model": deliveries[0].recipe.shot.model,
        "because": because,
        "clips": [_clip(delivery) for delivery in deliveries],
    }


def _clip(delivery: Delivery) -> dict[str, Any]:
    recipe, facts = delivery.recipe, delivery.facts
    return {
        "film": str(delivery.movie),
        "poster": str(delivery.beside.poster),
        "sheet": str(delivery.beside.sheet),
        "sidecar": str(delivery.beside.sidecar),
        "seed": recipe.shot.seed,
        "preset": recipe.shot.preset,
        "seconds": float(facts.seconds),
        "size": str(facts.size),
        "fps": float(facts.fps),
        "frames": facts.frames,
        "sha256": delivery.sha256,
        "digest": delivery.digest,
        "took": dict(recipe.seconds),
        "peak_vram": recipe.peak_vram,
        "peak_ram": recipe.peak_ram,
        "takes": len(recipe.takes),
    }


def _seconds(seconds: Fraction) -> str:
    return f"{float(seconds):g} s"

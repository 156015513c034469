"""`reelkiln remake`: a clip again, from the recipe it carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import show_json
from reelkiln.cli.make import as_json, show
from reelkiln.cli.options import Force, Json, Out, Private, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from reelkiln.cli.progress import Teller
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.deliver import Delivery
    from reelkiln.kiln.remake import Found

__all__ = ["remake"]


def remake(
    movie: Annotated[Path, typer.Argument(metavar="FILE", help="An MP4 that reelkiln made.")],
    *,
    out_path: Out = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image",
            metavar="FILE",
            help="The picture it began from, where that no longer lies beside the film.",
        ),
    ] = None,
    replan: Annotated[
        bool, typer.Option("--replan", help="Plan anew for this machine. The pixels will differ.")
    ] = False,
    force: Force = False,
    private: Private = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render a clip again, with the same pixels, from the recipe and the plan that it carries."""
    from reelkiln.kiln.remake import find_recipe, same_pixels
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    target = out_path or Path(f"{movie.stem}-again.mp4")
    workshop = open_workshop(current_folder(), read_settings())
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        found = find_recipe(movie, bench.ledger)
        teller.note(f"the recipe is in {found.where}; seed {found.recipe.shot.seed}")
        found = found.with_picture((image,) if image else (movie.absolute().parent, Path()))
        delivery = _remake(
            found, target, bench, teller, replan=replan, force=force, private=private
        )
        same = same_pixels(found.recipe, delivery.recipe)
        teller.note(f"its frames {'are the same as' if same else 'differ from'} those of then")
    if json:
        show_json({**as_json((delivery,), found.recipe.chosen_because), "same_pixels": same})
        return
    show(delivery, quiet=quiet)


def _remake(
    found: Found,
    target: Path,
    bench: Bench,
    teller: Teller,
    *,
    replan: bool,
    force: bool,
    private: bool,
) -> Delivery:
    from reelkiln.kiln.choose import Choice
    from reelkiln.kiln.make import Order, make
    from reelkiln.kiln.names import check_targets, targets
    from reelkiln.kiln.remake import check_fit
    from reelkiln.kiln.watch import Watch
    from reelkiln.models.cards import find_card
    from reelkiln.plan.walk import plan_shot

    recipe = found.recipe
    shot, card = recipe.shot, find_card(recipe.shot.model)
    movies = targets(target, Path(), shot.prompt, seed=shot.seed, count=1)
    check_targets(movies, force=force)
    plan = recipe.plan
    if replan:
        teller.note("planned anew for this machine: the pixels will differ")
        plan = plan_shot(shot, card, bench.machine)
    else:
        check_fit(recipe, card, bench)
    order = Order(shot=shot, plan=plan, movie=movies[0], private=private, origin=recipe.origin)
    choice = Choice(card, recipe.chosen_because)
    (delivery,) = make([order], choice, bench, Watch(teller.progress, teller.note))
    return delivery

"""`reelkiln remake`: a clip or a reel again, from the recipe it carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli import reel_told
from reelkiln.cli.console import show_json
from reelkiln.cli.make import as_json, show
from reelkiln.cli.options import Force, Json, Out, Private, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from reelkiln.cli.progress import Teller
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.choose import Choice
    from reelkiln.kiln.deliver import Delivery
    from reelkiln.kiln.deliver_reel import ReelDelivery
    from reelkiln.kiln.edit import ReelRecipe
    from reelkiln.kiln.recipe import Recipe
    from reelkiln.kiln.remake import Found

__all__ = ["remake"]


def remake(
    movie: Annotated[Path, typer.Argument(metavar="FILE", help="An MP4 that reelkiln made.")],
    *,
    out_path: Out = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            metavar="[SHOT=]FILE",
            help="A picture it began from, where that no longer lies beside the film; 2=FILE is"
            " that of a reel's shot 2. May be said several times.",
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
    """Render a film again, with the same pixels, from the recipe and the plan that it carries.

    A film that carries only its recipe's hash is looked up in its sidecar and the ledger.
    """
    from reelkiln.kiln.deliver_reel import ReelDelivery
    from reelkiln.kiln.edit import ReelRecipe
    from reelkiln.kiln.pictures import read_named
    from reelkiln.kiln.remake import find_recipe, same_pixels
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    target = out_path or Path(f"{movie.stem}-again.mp4")
    workshop = open_workshop(current_folder(), read_settings())
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        found = find_recipe(movie, bench.ledger)
        teller.note(f"the recipe is in {found.where}; seed {found.clips[0].shot.seed}")
        named = [read_named(one) for one in image or ()]
        found = found.with_pictures(named, (movie.absolute().parent, Path()))
        remaking = _Remaking(
            found=found, bench=bench, teller=teller, replan=replan, force=force, private=private
        )
        delivery: Delivery | ReelDelivery
        if isinstance(found.recipe, ReelRecipe):
            delivery = remaking.reel(found.recipe, target, workshop.workspace or Path())
        else:
            delivery = remaking.clip(found.recipe, target)
        same = same_pixels(found.recipe, delivery.recipe)
        teller.note(f"its frames {'are the same as' if same else 'differ from'} those of then")
    if json:
        show_json({**_as_json(delivery, found.clips[0].chosen_because), "same_pixels": same})
        return
    if isinstance(delivery, ReelDelivery):
        reel_told.show(delivery, quiet=quiet)
    else:
        show(delivery, quiet=quiet)


def _as_json(delivery: Delivery | ReelDelivery, because: str) -> dict[str, Any]:
    from reelkiln.kiln.deliver_reel import ReelDelivery

    if isinstance(delivery, ReelDelivery):
        return reel_told.as_json((delivery,), because)
    return as_json((delivery,), because)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remaking:
    found: Found
    bench: Bench
    teller: Teller
    replan: bool
    force: bool
    private: bool

    @property
    def choice(self) -> Choice:
        """The model of then."""
        from reelkiln.kiln.choose import Choice
        from reelkiln.models.cards import find_card

        first = self.found.clips[0]
        return Choice(find_card(first.shot.model), first.chosen_because)

    def clip(self, recipe: Recipe, target: Path) -> Delivery:
        """A clip again."""
        from reelkiln.kiln.make import Order, make
        from reelkiln.kiln.names import check_targets, targets
        from reelkiln.kiln.remake import check_fit
        from reelkiln.kiln.watch import Watch
        from reelkiln.plan.walk import plan_shot

        shot, choice, plan = recipe.shot, self.choice, recipe.plan
        movies = targets(target, Path(), shot.prompt, seed=shot.seed, count=1)
        check_targets(movies, force=self.force)
        if self.replan:
            self._say_replanned()
            plan = plan_shot(shot, choice.card, self.bench.machine)
        else:
            check_fit(recipe, choice.card, self.bench)
        order = Order(
            shot=shot, plan=plan, movie=movies[0], private=self.private, origin=recipe.origin
        )
        watch = Watch(self.teller.progress, self.teller.note)
        (delivery,) = make([order], choice, self.bench, watch)
        return delivery

    def reel(self, recipe: ReelRecipe, target: Path, folder: Path) -> ReelDelivery:
        """A reel again: every shot is rendered, none is taken from those that are kept."""
        from reelkiln.kiln.names import check_targets, reel_family, reel_targets
        from reelkiln.kiln.reel import make_reels
        from reelkiln.kiln.remake import reel_order
        from reelkiln.kiln.watch import Watch

        edit, choice = recipe.edit, self.choice
        name = f"{edit.product}-{edit.storyboard}"
        movies = reel_targets(target, Path(), name, [(edit.language, edit.platform)])
        check_targets(movies, force=self.force, files=reel_family)
        if self.replan:
            self._say_replanned()
        order = reel_order(recipe, movies[0], folder, choice.card, self.bench, replan=self.replan)
        watch = Watch(self.teller.progress, self.teller.note)
        (delivery,) = make_reels([order], choice, self.bench, watch, anew=True)
        return delivery

    def _say_replanned(self) -> None:
        self.teller.note("planned anew for this machine: the pixels will differ")

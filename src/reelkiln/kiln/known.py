"""What a film of ours says of itself: the words it was made from, where its segments meet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.sidecar import read_sidecar
from reelkiln.film.tags import RECIPE, read_tags
from reelkiln.kiln.recipe import Recipe, recipe_from_json, recipe_from_text
from reelkiln.plan.plan import Plan
from reelkiln.script.workspace import Workspace

__all__ = ["Known", "known_of"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a film was meant to be; empty where nobody knows.

    `joins` are the seconds at which a segment begins. `model` is the card's name, `palette` holds
    the brand's colours, `photo` is a picture of the product.
    """

    words: str = ""
    model: str = ""
    joins: tuple[Fraction, ...] = ()
    palette: tuple[str, ...] = ()
    photo: Path | None = None


def known_of(film: Path, space: Workspace | None = None) -> Known:
    """What a film's own recipe says, in its metadata or its sidecar, and what the workspace adds
    where its template and product are of there. A film of somebody else's says nothing."""
    recipe = _recipe_in(film) or _recipe_beside(film)
    if recipe is None:
        return Known()
    known = Known(recipe.shot.prompt, recipe.shot.model, _joins(recipe.plan))
    if space is None or recipe.origin is None or recipe.origin.product not in space.products:
        return known
    photo = space.photo(recipe.origin.product)
    return Known(known.words, known.model, known.joins, space.brand.palette, photo)


def _recipe_in(film: Path) -> Recipe | None:
    try:
        return recipe_from_text(read_tags(film).get(RECIPE, ""))
    except (FilmError, UsageError):  # no film, no recipe, or only the hash of one
        return None


def _recipe_beside(film: Path) -> Recipe | None:
    try:
        return recipe_from_json((read_sidecar(film) or {}).get("recipe"))
    except (FilmError, UsageError):
        return None


def _joins(plan: Plan) -> tuple[Fraction, ...]:
    """When each segment but the first adds its first frame, in seconds."""
    frames, found = 0, []
    for segment in plan.segments:
        if segment.index:
            found.append(Fraction(frames) / plan.fps)
        frames += segment.frames - segment.lead_frames
    return tuple(found)

"""What a film of ours says of itself: its words, where segments meet, where a reel is cut."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.sidecar import read_sidecar
from reelkiln.film.tags import RECIPE, read_tags
from reelkiln.kiln.dress import cutlist_of
from reelkiln.kiln.edit import Edit, ReelRecipe, is_reel, reel_from_json
from reelkiln.kiln.recipe import Recipe, recipe_from_json
from reelkiln.kiln.scenes import Scene
from reelkiln.plan.plan import Plan
from reelkiln.script.workspace import Workspace

__all__ = ["Known", "known_of", "scenes_of"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a film was meant to be; empty where nobody knows.

    `joins` are the seconds at which a segment begins, `cuts` those of a reel's frames that another
    shot comes with: one at a cut, several in a fade; `scenes` are a reel's shots. `model` is the
    card's name, `palette` holds the brand's colours, `photo` is a picture of the product.
    """

    words: str = ""
    model: str = ""
    joins: tuple[Fraction, ...] = ()
    cuts: tuple[Fraction, ...] = ()
    scenes: tuple[Scene, ...] = ()
    palette: tuple[str, ...] = ()
    photo: Path | None = None


def known_of(film: Path, space: Workspace | None = None) -> Known:
    """What a film's own recipe says, in its metadata or its sidecar, and what the workspace adds
    where its template and product are of there. A film of somebody else's says nothing."""
    recipe = _recipe_in(film) or _recipe_beside(film)
    if recipe is None:
        return Known()
    if isinstance(recipe, ReelRecipe):
        return _reel(recipe, space)
    known = Known(recipe.shot.prompt, recipe.shot.model, _joins(recipe.plan))
    if space is None:
        return known
    if recipe.origin is None:  # the words were typed
        photo = space.photo_named(recipe.shot.prompt)
    elif recipe.origin.product in space.products:
        photo = space.photo(recipe.origin.product)
    else:
        return known
    return replace(known, palette=space.brand.palette, photo=photo)


def _reel(recipe: ReelRecipe, space: Workspace | None) -> Known:
    edit = recipe.edit
    return Known(
        model=recipe.clips[0].shot.model if recipe.clips else "",
        cuts=_cuts(edit),
        scenes=scenes_of(recipe),
        palette=space.brand.palette if space else edit.palette,
        photo=space.photo(edit.product) if space else None,
    )


def scenes_of(recipe: ReelRecipe) -> tuple[Scene, ...]:
    """The shots of a reel, as each is seen alone; none where its numbers do not fit together."""
    try:
        places = cutlist_of(recipe.edit)
    except UsageError:
        return ()
    fps, shots = recipe.edit.fps, places.spans[: len(recipe.clips)]
    following = [*places.spans[1:], None]
    return tuple(
        Scene(
            start=Fraction(span.start + span.overlap) / fps,
            end=Fraction(min(after.start if after else span.end, places.frames - places.loop))
            / fps,
            words=clip.shot.prompt,
        )
        for span, after, clip in zip(shots, following, recipe.clips, strict=False)
    )


def _recipe_in(film: Path) -> Recipe | ReelRecipe | None:
    try:
        return _recipe_of(json.loads(read_tags(film).get(RECIPE, "")))
    except (FilmError, UsageError, ValueError, RecursionError):
        return None  # no film, no recipe, or only the hash of one


def _recipe_beside(film: Path) -> Recipe | ReelRecipe | None:
    try:
        return _recipe_of((read_sidecar(film) or {}).get("recipe"))
    except (FilmError, UsageError):
        return None


def _recipe_of(data: object) -> Recipe | ReelRecipe:
    return reel_from_json(data) if is_reel(data) else recipe_from_json(data)


def _cuts(edit: Edit) -> tuple[Fraction, ...]:
    """When each frame is seen with which a piece comes, or comes more, in seconds.

    The first piece comes again at the end of a loop.
    """
    try:
        places = cutlist_of(edit)
    except UsageError:  # its numbers were changed by hand: then nothing is exempt
        return ()
    again = range(places.frames - places.loop, places.frames)
    frames = (range(span.start, span.start + span.overlap + 1) for span in places.spans[1:])
    return tuple(number / edit.fps for number in chain(*frames, again))


def _joins(plan: Plan) -> tuple[Fraction, ...]:
    """When each segment but the first adds its first frame, in seconds."""
    frames, found = 0, []
    for segment in plan.segments:
        if segment.index:
            found.append(Fraction(frames) / plan.fps)
        frames += segment.frames - segment.lead_frames
    return tuple(found)

"""Rendering a clip again from the recipe it carries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from reelkiln import __version__
from reelkiln.errors import FilmError, PlanRefused, UsageError, WeightsMissing
from reelkiln.film.names import companions
from reelkiln.film.sidecar import read_sidecar
from reelkiln.film.tags import RECIPE, read_tags
from reelkiln.kiln.bench import Bench, machine_words
from reelkiln.kiln.board import ReelOrder
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.edit import ReelRecipe, is_reel, reel_digest, reel_from_json
from reelkiln.kiln.make import Order
from reelkiln.kiln.pictures import Named, pictured
from reelkiln.kiln.recipe import Recipe, digest, recipe_from_json, recipe_from_text
from reelkiln.kiln.reel import check_files
from reelkiln.kiln.weights import weights_of
from reelkiln.models.installed import locate
from reelkiln.plan.again import why_not
from reelkiln.plan.card import Card
from reelkiln.plan.walk import plan_shot
from reelkiln.store.ledger import Ledger

__all__ = ["Found", "check_fit", "find_recipe", "reel_order", "same_pixels"]

DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Found:
    """A recipe, and where it was: "the file", "the sidecar" or "the ledger"."""

    recipe: Recipe | ReelRecipe
    where: str

    def with_pictures(self, named: Sequence[Named], folders: Sequence[Path]) -> Found:
        """The same with the paths of the pictures that its shots begin from.

        Raises:
            UsageError: as `pictured` says.
        """
        reel = isinstance(self.recipe, ReelRecipe)
        clips = pictured(self.clips, named, folders, reel=reel)
        if isinstance(self.recipe, ReelRecipe):
            return replace(self, recipe=replace(self.recipe, clips=clips))
        return replace(self, recipe=clips[0])

    @property
    def clips(self) -> tuple[Recipe, ...]:
        """The recipes of its clips: of a reel's shots, or the one that it is."""
        return _clips(self.recipe)


def find_recipe(movie: Path, ledger: Ledger) -> Found:
    """The recipe of a film: from the film itself, else its sidecar, else the ledger by hash.

    Raises:
        UsageError: the film is missing, or none of the three has its recipe; says what each lacks.
    """
    if not _is_file(movie):
        raise UsageError(f"there is no film {movie}", hint="Name a file that reelkiln made.")
    lacks: list[str] = []
    tag = _tag(movie, lacks)
    if tag and not DIGEST.fullmatch(tag):
        return Found(_from_text(tag), "the file")
    if recipe := _from_sidecar(movie, tag, lacks):
        return Found(recipe, "the sidecar")
    if recipe := _from_ledger(movie, tag, ledger, lacks):
        return Found(recipe, "the ledger")
    raise UsageError(
        f"the recipe of {movie.name} is nowhere to be found",
        hint="Put its sidecar back beside it, or make it anew with `reelkiln make`.",
        details=tuple(lacks),
    )


def check_fit(recipe: Recipe | ReelRecipe, card: Card, bench: Bench) -> None:
    """Refuse to render where the pixels would not be the same.

    Raises:
        PlanRefused: something differs; the details say what, and the hint offers `--replan`.
    """
    differing = tuple(
        dict.fromkeys(
            line
            for clip in _clips(recipe)
            for line in (
                *_other_programs(clip, bench),
                *_other_machine(clip, card, bench),
                *_other_weights(clip, card, bench),
            )
        )
    )
    if differing:
        raise PlanRefused(
            "this clip cannot be rendered again with the same pixels",
            hint="Add --replan to plan it anew for this machine: its pixels will differ.",
            details=differing,
        )


def same_pixels(before: Recipe | ReelRecipe, after: Recipe | ReelRecipe) -> bool:
    """Whether the kept takes of two recipes are the same, pixel by pixel."""
    pairs = zip_longest(_clips(before), _clips(after))
    return all(one and other and _kept(one) == _kept(other) != [] for one, other in pairs)


def reel_order(
    recipe: ReelRecipe, movie: Path, folder: Path, card: Card, bench: Bench, *, replan: bool
) -> ReelOrder:
    """A reel to make again, with the plans of then or, with `replan`, planned anew.

    Args:
        folder: the workspace, in which its logo, fonts and music lie.

    Raises:
        UsageError: these files are not what they were.
        PlanRefused: as `check_fit` and `plan_shot` say.
    """
    check_files(recipe.edit, folder)
    if not replan:
        check_fit(recipe, card, bench)
    shots = tuple(
        Order(
            shot=clip.shot,
            plan=plan_shot(clip.shot, card, bench.machine) if replan else clip.plan,
            movie=movie.with_name(f"{movie.stem}-shot-{number}.mp4"),
            origin=clip.origin,
            palette=recipe.edit.palette,
        )
        for number, clip in enumerate(recipe.clips, 1)
    )
    return ReelOrder(edit=recipe.edit, shots=shots, movie=movie, folder=folder)


def _clips(recipe: Recipe | ReelRecipe) -> tuple[Recipe, ...]:
    return recipe.clips if isinstance(recipe, ReelRecipe) else (recipe,)


def _kept(recipe: Recipe) -> list[tuple[int, str]]:
    last = {take.segment: take.sha256 for take in recipe.takes if take.kept}
    return sorted(last.items())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _tag(movie: Path, lacks: list[str]) -> str:
    try:
        tag = read_tags(movie).get(RECIPE, "")
    except FilmError as error:
        lacks.append(f"the file: {error.message}")
        return ""
    if not tag:
        lacks.append("the file: its metadata carries no recipe")
    elif DIGEST.fullmatch(tag):
        lacks.append("the file: it carries only the hash of its recipe (--private)")
    return tag


def _from_sidecar(movie: Path, tag: str, lacks: list[str]) -> Recipe | ReelRecipe | None:
    path = companions(movie).sidecar
    try:
        data = read_sidecar(movie)
        recipe = None if data is None else _from_json(data.get("recipe"))
    except (FilmError, UsageError) as error:
        lacks.append(f"the sidecar: {path.name}: {error.message}")
        return None
    if recipe is None:
        lacks.append(f"the sidecar: there is no {path.name}")
        return None
    if tag and _digest(recipe) != tag:
        lacks.append(f"the sidecar: {path.name} is the recipe of another clip")
        return None
    return recipe


def _from_ledger(
    movie: Path, tag: str, ledger: Ledger, lacks: list[str]
) -> Recipe | ReelRecipe | None:
    try:
        sha256 = file_sha256(movie)
    except OSError as error:
        lacks.append(f"the ledger: {movie.name} cannot be read: {error.strerror}")
        return None
    row = ledger.find_delivery(sha256=sha256, recipe_digest=tag)
    if row is None:
        lacks.append(f"the ledger: {ledger.path} knows no film with this hash")
        return None
    return _from_text(row.recipe)


def _from_text(text: str) -> Recipe | ReelRecipe:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return recipe_from_text(text)  # says what is wrong with it
    return _from_json(data)


def _from_json(data: object) -> Recipe | ReelRecipe:
    return reel_from_json(data) if is_reel(data) else recipe_from_json(data)


def _digest(recipe: Recipe | ReelRecipe) -> str:
    return reel_digest(recipe) if isinstance(recipe, ReelRecipe) else digest(recipe)


def _other_programs(recipe: Recipe, bench: Bench) -> list[str]:
    found = (
        [] if recipe.reelkiln == __version__ else [_then("reelkiln", recipe.reelkiln, __version__)]
    )
    names = sorted({*recipe.libraries, *bench.versions})
    return found + [
        _then(name, then, now)
        for name in names
        if (then := recipe.libraries.get(name, "none")) != (now := bench.versions.get(name, "none"))
    ]


def _other_machine(recipe: Recipe, card: Card, bench: Bench) -> list[str]:
    here = machine_words(bench.machine)
    found = []
    if recipe.machine != here:
        found.append(f"it was rendered on another machine: {recipe.machine}; this is {here}")
    if why := why_not(recipe.plan, card, bench.machine):
        found.append(f"its plan does not fit: {why}")
    return found


def _other_weights(recipe: Recipe, card: Card, bench: Bench) -> list[str]:
    try:
        folders = locate(card, recipe.shot.preset, bench.cache)
    except WeightsMissing as error:
        return [f"{error.message}; {error.hint}"]
    now = {source.source: source for source in weights_of(card, recipe.shot.preset, folders)}
    found = []
    for then in recipe.weights:
        here = now.pop(then.source, None)
        if here is None or here.revision != then.revision or not _same(here.sha256, then.sha256):
            found.append(f"the weights {then.source!r} of {card.name} are others than then")
    return found + [f"the weights {name!r} of {card.name} were not used then" for name in now]


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return dict(one) == dict(other)


def _then(name: str, then: str, now: str) -> str:
    return f"{name} was {then} then and is {now} now"

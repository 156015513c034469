"""A recipe: everything that is needed to render a clip again, and how it went the first time."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reelkiln.errors import UsageError
from reelkiln.plan.form import read, write
from reelkiln.plan.plan import Plan
from reelkiln.reel import Origin, Shot, Take

__all__ = [
    "FORMAT",
    "Recipe",
    "TakeNote",
    "Weights",
    "digest",
    "recipe_from_json",
    "recipe_from_text",
    "recipe_to_json",
    "recipe_to_text",
    "take_note",
]

FORMAT = 1
"""Raised when a reader of the older format would misread the newer one."""

PIXELS = ("format", "shot", "plan", "weights", "libraries", "reelkiln")
"""The keys that decide the pixels."""
GUESSES = frozenset({"peak_bytes", "ram_bytes", "seconds_estimate", "because", "kept_bytes"})
"""Fields of a Plan that foretell or explain, and change no pixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One source the model was loaded from: `sha256` maps each file to its hash."""

    source: str
    repo: str
    revision: str
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNote:
    """What is told of a take: its pixels' hash and what the gate measured, not where it lay."""

    segment: int
    attempt: int
    seed: int
    sha256: str
    kept: bool
    reasons: tuple[str, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one clip was made.

    `plan` is the plan that the kept takes were rendered with, their seeds in its segments, so that
    rendering it once gives the same clip. `libraries` maps a library to its version. `seconds` maps
    each phase (load, encode, denoise, decode, check, finish) to the seconds it took; finish is not
    known yet inside the file itself. `peak_vram` and `peak_ram` are bytes. `takes` are all that
    were made, kept or not. `machine` is in words. `chosen_because` says why this model was taken.
    `origin` says which template told the words, None where a person typed them. `picture` is the
    sha256 of the start picture's file, empty without one; `shot.image` is then its bare name.
    `unread` are words of the prompts that the model had no place for.
    """

    shot: Shot
    plan: Plan
    weights: tuple[Weights, ...]
    libraries: Mapping[str, str]
    reelkiln: str
    machine: str
    chosen_because: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_vram: int = 0
    peak_ram: int = 0
    takes: tuple[TakeNote, ...] = ()
    origin: Origin | None = None
    picture: str = ""
    unread: tuple[str, ...] = ()

    def with_seconds(self, seconds: Mapping[str, float]) -> "Recipe":
        """The same recipe with other seconds per phase, which its digest does not see."""
        return replace(self, seconds=seconds)


def take_note(take: Take) -> TakeNote:
    """What is told of a take. Marks that are no number are left out: JSON has no word for them."""
    marks = {name: float(mark) for name, mark in take.verdict.marks.items() if math.isfinite(mark)}
    return TakeNote(
        segment=take.segment,
        attempt=take.attempt,
        seed=take.seed,
        sha256=take.sha256,
        kept=take.verdict.kept,
        reasons=take.verdict.reasons,
        marks=marks,
    )


def digest(recipe: Recipe) -> str:
    """64 hex digits: sha256 of the canonical JSON of all that decides the pixels.

    Two recipes with the same digest give the same pixels on the same machine. Times, memory, takes
    that were thrown away and reasons do not count.
    """
    data = recipe_to_json(recipe)
    kept = {key: data[key] for key in PIXELS}
    if recipe.picture:
        kept["picture"] = recipe.picture
    kept["plan"] = {key: value for key, value in kept["plan"].items() if key not in GUESSES}
    words = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(words.encode("ascii")).hexdigest()


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON values; `recipe_from_json` gives back an equal one."""
    return {"format": FORMAT, **write(recipe)}


def recipe_from_json(data: object) -> Recipe:
    """The recipe that `recipe_to_json` wrote, equal in every field.

    Raises:
        UsageError: it is not a recipe of this format; the message says where.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise UsageError(
            f"not a recipe of format {FORMAT}, which this version reads",
            hint="Update reelkiln, or make the clip anew with `reelkiln make`.",
        )
    fields = {key: value for key, value in data.items() if key != "format"}
    recipe: Recipe = read(Recipe, fields, "recipe")
    return recipe


def recipe_to_text(recipe: Recipe) -> str:
    """The recipe as one line of JSON, for a file's metadata and the ledger."""
    data = recipe_to_json(recipe)
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def recipe_from_text(text: str) -> Recipe:
    """The recipe in a piece of JSON.

    Raises:
        UsageError: it is not JSON, or not a recipe of this format.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "the recipe is not JSON", hint="Make the clip anew with `reelkiln make`."
        ) from error
    return recipe_from_json(data)

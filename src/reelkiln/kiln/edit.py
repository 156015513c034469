"""An edit: everything that makes a reel of its shots, as frozen values, and the reel's recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from reelkiln.errors import UsageError
from reelkiln.kiln.recipe import FORMAT, Recipe, digest, recipe_from_json, recipe_to_json
from reelkiln.plan.form import read, write
from reelkiln.reel import Size

__all__ = [
    "Cut",
    "Edit",
    "EndWords",
    "FileNote",
    "Music",
    "ReelRecipe",
    "is_reel",
    "reel_digest",
    "reel_from_json",
    "reel_to_json",
    "reel_to_text",
]

REEL = "reel"
"""The key that tells a reel's recipe from a clip's."""


@dataclass(frozen=True, slots=True)
class FileNote:
    """A person's own file: its path inside the workspace, and its sha256 when it was used."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One shot in the reel: how long it is seen, fades included, how it begins, what is on it."""

    seconds: Fraction
    crossfade: Fraction = Fraction(0)
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWords:
    """The end card's words, and how long it is seen, its coming included."""

    headline: str
    action: str = ""
    tags: str = ""
    seconds: Fraction
    crossfade: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """What is heard: a bed by name or a person's track, with what they said of its rights."""

    bed: str = ""
    track: FileNote | None = None
    licence: str = ""
    source: str = ""
    start: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is done with the takes.

    `loop` is how many seconds the end fades into the beginning. `disclosure` is the visible note,
    empty without one, and `disclosed_because` says why it is there or not. `upscale` names the
    network that enlarges the frames, empty for none. `music` None: a silent track. `captions_at`
    "auto" is decided by the takes.
    """

    storyboard: str
    product: str
    language: str
    platform: str
    size: Size
    fps: Fraction
    cuts: tuple[Cut, ...]
    palette: tuple[str, ...]
    end: EndWords | None = None
    logo: FileNote | None = None
    heading: FileNote | None = None
    body: FileNote | None = None
    disclosure: str = ""
    disclosed_because: tuple[str, ...] = ()
    music: Music | None = None
    loop: Fraction = Fraction(0)
    upscale: str = ""
    captions_at: Literal["auto", "lower", "middle", "upper", "top"] = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelRecipe:
    """How a reel was made: its edit, and each shot's own recipe in the order they are seen.

    `seconds` maps each phase of the finishing to the seconds it took.
    """

    edit: Edit
    clips: tuple[Recipe, ...]
    reelkiln: str
    seconds: Mapping[str, float] = field(default_factory=dict)


def reel_digest(recipe: ReelRecipe) -> str:
    """64 hex digits: sha256 of all that decides the reel's pixels and sound.

    Why the note is shown, and how long anything took, does not count.
    """
    edit = write(recipe.edit)
    del edit["disclosed_because"]
    data = {
        "format": FORMAT,
        "edit": edit,
        "clips": [digest(clip) for clip in recipe.clips],
        "reelkiln": recipe.reelkiln,
    }
    words = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(words.encode("ascii")).hexdigest()


def is_reel(data: object) -> bool:
    """Whether a recipe's JSON is that of a reel."""
    return isinstance(data, Mapping) and REEL in data


def reel_to_json(recipe: ReelRecipe) -> dict[str, Any]:
    """The recipe as JSON values; `reel_from_json` gives back an equal one."""
    return {
        "format": FORMAT,
        REEL: write(recipe.edit),
        "clips": [recipe_to_json(clip) for clip in recipe.clips],
        "reelkiln": recipe.reelkiln,
        "seconds": dict(recipe.seconds),
    }


def reel_to_text(recipe: ReelRecipe) -> str:
    """The recipe as one line of JSON, for a file's metadata and the ledger."""
    data = reel_to_json(recipe)
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def reel_from_json(data: object) -> ReelRecipe:
    """The recipe that `reel_to_json` wrote, equal in every field.

    Raises:
        UsageError: it is no recipe of a reel of this format; the message says where.
    """
    if not isinstance(data, Mapping) or REEL not in data or data.get("format") != FORMAT:
        raise UsageError(
            f"not a reel's recipe of format {FORMAT}, which this version reads",
            hint="Update reelkiln, or make the reel anew with `reelkiln reel`.",
        )
    clips = data.get("clips")
    edit: Edit = read(Edit, data[REEL], REEL)
    if not isinstance(clips, list) or len(clips) != len(edit.cuts):
        raise UsageError("the recipe's clips are not those of its cuts", hint="Make it anew.")
    seconds: Mapping[str, float] = read(Mapping[str, float], data.get("seconds", {}), "seconds")
    return ReelRecipe(
        edit=edit,
        clips=tuple(map(recipe_from_json, clips)),
        reelkiln=read(str, data.get("reelkiln"), "reelkiln"),
        seconds=seconds,
    )

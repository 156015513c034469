"""Everything that can be seen of a film before anybody judges it: read once, held against many.

The boxes and packets are read, the sound is decoded, and at most twelve pictures (`deep`: all).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.boxes import BrokenBoxes
from reelkiln.film.container import opened
from reelkiln.film.facts import Facts, probe
from reelkiln.film.glimpse import Glimpses, glimpse
from reelkiln.film.layout import Layout, head_of, is_boxes, kind_of, read_layout
from reelkiln.film.loudness import Loudness, measure_loudness
from reelkiln.film.packets import Weights, weigh
from reelkiln.film.sidecar import read_sidecar

__all__ = ["Broken", "Overlay", "Overlays", "Survey", "survey"]

_WRONG = (FilmError, UsageError)
"""Once a file could be read, FFmpeg's "not permitted" too is about what stands in it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a film cannot be judged: the name of the check that it fails, what is wrong, a hint."""

    check: str
    found: str
    do: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """Something laid over the picture, and where: left, top, right, bottom in its pixels."""

    name: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Overlays:
    """What our sidecar says of overlays; `items` is None where it says nothing, for the reason."""

    items: tuple[Overlay, ...] | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen of a film.

    Either `broken` says why no more could be seen, or `facts` and `weights` are there. `layout` is
    None for a container that is not made of boxes. `loudness` is None without sound. A fault is a
    line about sound or pictures that do not decode, empty where all is well.
    """

    path: Path
    deep: bool
    container: str
    broken: Broken | None = None
    layout: Layout | None = None
    facts: Facts | None = None
    weights: Weights | None = None
    loudness: Loudness | None = None
    sound_fault: str = ""
    glimpses: Glimpses | None = None
    picture_fault: str = ""
    overlays: Overlays = field(default_factory=lambda: Overlays(None, "there is no sidecar"))


def survey(path: Path, *, deep: bool = False) -> Survey:
    """Look at a film of any origin. A broken one has a survey too.

    Raises:
        UsageError: the file is missing or may not be read.
    """
    head, container, layout = head_of(path), "", None
    try:
        if is_boxes(head):
            layout = read_layout(path)
            container = layout.container
        else:
            with opened(path) as film:
                container = kind_of(head, film.format.name)
        if broken := _beyond(layout):
            return Survey(path=path, deep=deep, container=container, broken=broken, layout=layout)
        return _whole(path, deep, container, layout)
    except BrokenBoxes as wrong:
        broken = Broken("boxes", str(wrong), "the file is cut short or damaged: copy it again")
    except _WRONG as wrong:
        broken = Broken("readable", _without(path, wrong.message), wrong.hint)
    return Survey(path=path, deep=deep, container=container, broken=broken, layout=layout)


def _beyond(layout: Layout | None) -> Broken | None:
    if layout is None or not layout.beyond:
        return None
    found = f"samples reach {layout.beyond:,} bytes beyond the end of the file"
    return Broken("samples", found, "the file is cut short or damaged: copy or make it again")


def _whole(path: Path, deep: bool, container: str, layout: Layout | None) -> Survey:
    facts, weights = probe(path, decode=False), weigh(path)
    loudness, sound_fault = None, ""
    try:
        loudness = measure_loudness(path)
    except _WRONG as wrong:
        sound_fault = _without(path, wrong.message)
    glimpses, picture_fault = None, ""
    try:
        glimpses = glimpse(path, weights.video.keys)
        if deep:
            facts = probe(path, decode=True)
    except _WRONG as wrong:
        picture_fault = _without(path, wrong.message)
    return Survey(
        path=path,
        deep=deep,
        container=container,
        layout=layout,
        facts=facts,
        weights=weights,
        loudness=loudness,
        sound_fault=sound_fault,
        glimpses=glimpses,
        picture_fault=picture_fault,
        overlays=_overlays(path),
    )


def _without(path: Path, message: str) -> str:
    return message.removeprefix(f"{path} ")


def _overlays(path: Path) -> Overlays:
    """The sidecar's `overlays`: [{"name": "caption", "box": [left, top, right, bottom]}, …].

    Only a sidecar that names the hash of this very file counts.
    """
    try:
        content = read_sidecar(path)
    except _WRONG as wrong:
        return Overlays(None, _without(path, wrong.message))
    if content is None:
        return Overlays(None, "there is no sidecar of ours")
    if content.get("sha256") != _sha256(path):
        return Overlays(None, "its sidecar belongs to another file")
    listed = content.get("overlays")
    if listed is None:
        return Overlays(None, "its sidecar lists no overlays")
    try:
        return Overlays(tuple(_overlay(item) for item in listed))
    except (KeyError, TypeError, ValueError, OverflowError):
        return Overlays(None, "its sidecar's overlays cannot be read")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # no hash of a film, so no sidecar is of it


def _overlay(item: Mapping[str, Any]) -> Overlay:
    left, top, right, bottom = (int(side) for side in item["box"])
    name = "".join(letter for letter in str(item["name"])[:100] if letter.isprintable())
    return Overlay(name, (left, top, right, bottom))

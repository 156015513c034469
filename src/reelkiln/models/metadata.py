"""What a repository says of itself in its small files, read before its weights are fetched.

`model_index.json` names the class of each component and the library it is of; a component's
`config.json` names its own (`_class_name` of diffusers, `architectures` of transformers).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reelkiln.errors import WeightsBroken
from reelkiln.models import layout
from reelkiln.models.hashes import Digest
from reelkiln.models.hub import Hub, peek_header, read_range
from reelkiln.models.order import Pullable, Wanted
from reelkiln.models.recognise import Recognised, recognise_header
from reelkiln.plan.scorer import Fetchable

__all__ = ["NamedClass", "classes_on_disk", "classes_to_come", "kinds_to_come"]

INDEX, CONFIG = "model_index.json", "config.json"
SMALL = 1024 * 1024
"""Bytes; a configuration is never larger."""


@dataclass(frozen=True, slots=True)
class NamedClass:
    """A class that a repository wants for one of its components.

    `file` is where it says so ("owner/name/vae/config.json"), `library` is "diffusers",
    "transformers", or the name of a module that travels in the repository.
    """

    file: str
    component: str
    library: str
    name: str


def classes_to_come(hub: Hub, order: Pullable) -> tuple[NamedClass, ...]:
    """The classes that a pull's files name. Fetches the small files of the order that are not here.

    Raises:
        HubUnreachable, WeightsMissing: as `hub.read_from`.
        WeightsBroken: a configuration is no JSON object, or not what the hub listed.
    """
    held = {(w.at.repo, w.file.path): w for w in order.files}
    return tuple(
        named
        for (repo, path), wanted in held.items()
        if PurePosixPath(path).name in (INDEX, CONFIG)
        for named in _named(repo, path, _fetched(hub, order.cache, wanted), _used(held, repo))
    )


def classes_on_disk(card: Fetchable, folders: dict[str, Path]) -> tuple[NamedClass, ...]:
    """The classes that the files of an installed model name.

    Args:
        folders: where each source lies, as `installed.locate` says.

    Raises:
        WeightsBroken: a configuration is no JSON object.
    """
    return tuple(
        named
        for source in card.used_sources
        if source.name in folders
        for path in source.files
        if PurePosixPath(path).name in (INDEX, CONFIG)
        for named in _named(
            str(folders[source.name]),
            path,
            (folders[source.name] / path).read_bytes(),
            frozenset(_folder(name) for name in source.files),
        )
    )


def kinds_to_come(hub: Hub, order: Pullable) -> tuple[tuple[str, Recognised], ...]:
    """What the order's single-file weights are, by their headers; those on this disk are left out.

    A single file is one that lies in no folder of its repository. Its first bytes are fetched.

    Raises:
        HubUnreachable, WeightsMissing, WeightsBroken: as `hub.peek_header`.
    """
    alone = [
        wanted
        for wanted in order.files
        if wanted.file.path.endswith(".safetensors")
        and not _folder(wanted.file.path)
        and not wanted.here
    ]
    return tuple(
        (
            f"{wanted.at.repo}/{wanted.file.path}",
            recognise_header(peek_header(hub, wanted.at, wanted.file), wanted.file.path),
        )
        for wanted in alone
    )


def _used(held: dict[tuple[str, str], Wanted], repo: str) -> frozenset[str]:
    return frozenset(_folder(path) for owner, path in held if owner == repo)


def _folder(path: str) -> str:
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 else ""


def _fetched(hub: Hub, cache: Path, wanted: Wanted) -> bytes:
    file, at = wanted.file, wanted.at
    name = f"{at.repo}/{file.path}"
    blob = layout.blob_path(cache, at.repo, file.blob)
    pointer = layout.snapshot_folder(cache, at.repo, at.commit) / layout.safe_path(file.path)
    for lies in (pointer, blob):
        if lies.is_file():
            return lies.read_bytes()
    if file.size > SMALL:
        raise WeightsBroken(f"{name} has {file.size} bytes", hint="A configuration is small.")
    data = read_range(hub, at, file, 0, file.size)
    digest = Digest(file.size)
    digest.update(data)
    if not digest.names(file.blob):
        raise WeightsBroken(f"{name} arrived with the wrong content", hint="Try again.")
    return data


def _named(where: str, path: str, data: bytes, used: frozenset[str]) -> Iterator[NamedClass]:
    """The classes in one file; of an index only those of components whose folders are used."""
    file = f"{where}/{path}"
    told = _object(file, data)
    if PurePosixPath(path).name == CONFIG:
        component = _folder(path) or "model"
        for library, name in _own_class(told):
            yield NamedClass(file, component, library, name)
        return
    for component, value in told.items():
        pair = isinstance(value, list) and len(value) == 2
        if component in used and pair and all(isinstance(each, str) for each in value):
            yield NamedClass(file, component, value[0], value[1])


def _own_class(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(told.get("auto_map"), dict):  # classes in Python files beside the weights
        yield "auto_map", next(iter(map(str, told["auto_map"].values())), "")
    elif isinstance(told.get("_class_name"), str):
        yield "diffusers", told["_class_name"]
    elif isinstance(told.get("architectures"), list):
        yield from (("transformers", str(name)) for name in told["architectures"])


def _object(file: str, data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise WeightsBroken(f"{file} is not a JSON object", hint="It is broken at its source.")
    return told

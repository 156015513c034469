"""Which weights a clip was rendered with: commits and hashes, for its recipe."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from reelkiln.errors import WeightsBroken
from reelkiln.kiln.recipe import Weights
from reelkiln.models.installed import sources_for
from reelkiln.plan.card import Card, Source

__all__ = ["weights_of"]

SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")


def weights_of(card: Card, preset: str, folders: Mapping[str, Path]) -> tuple[Weights, ...]:
    """The sources that a preset loads from these folders, with the hash of each file.

    Raises:
        WeightsBroken: a file cannot be read.
    """
    return tuple(_weights(source, folders[source.name]) for source in sources_for(card, preset))


def _weights(source: Source, folder: Path) -> Weights:
    return Weights(
        source=source.name,
        repo=source.repo,
        revision=folder.name if COMMIT.fullmatch(folder.name) else source.revision,
        sha256={name: _hash(folder / name) for name in source.files},
    )


def _hash(path: Path) -> str:
    """The sha256 of a file. The cache names large files by it already: then nothing is read."""
    try:
        name = path.resolve(strict=True).name
        if SHA256.fullmatch(name):
            return name
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsBroken(
            f"the weights {path} cannot be read: {error.strerror}",
            hint="Run `reelkiln models check`, which says what to do.",
        ) from error

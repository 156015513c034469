"""Which weights a clip was rendered with: commits and hashes, for its recipe."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelkiln import __version__
from reelkiln.errors import WeightsBroken
from reelkiln.kiln.recipe import Weights
from reelkiln.models.installed import sources_for
from reelkiln.plan.card import Card, Source

__all__ = ["licences", "weights_of"]

SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")


def weights_of(card: Card, preset: str, folders: Mapping[str, Path]) -> tuple[Weights, ...]:
    """The sources that a preset loads from these folders, with the hash of each file.

    Raises:
        WeightsBroken: a file cannot be read.
    """
    return tuple(_weights(source, folders[source.name]) for source in sources_for(card, preset))


def licences(card: Card, weights: Sequence[Weights]) -> list[dict[str, Any]]:
    """For a sidecar: under which licence the weights are, whether anybody read it, and its duties.

    `duties` are None where nobody has read the licence: nothing is known then, which is not the
    same as none.
    """
    licence = card.licence
    return [
        {
            "model": card.name,
            "licence": licence.name,
            "state": licence.state,
            "commercial": licence.commercial,
            "duties": list(licence.duties) if licence.state == "read" else None,
            "source": licence.source,
            "weights": [
                {
                    "source": one.source,
                    "repo": one.repo,
                    "revision": one.revision or f"bundled with reelkiln {__version__}",
                }
                for one in weights
            ],
        }
    ]


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

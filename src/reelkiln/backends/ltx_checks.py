"""Where LTX's files lie, and what is wrong with them: seen without loading a weight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reelkiln.backends.libraries import library_problems
from reelkiln.backends.schedule import schedule_problems
from reelkiln.backends.seam import Folders
from reelkiln.backends.weights import check_safetensors, text_problems
from reelkiln.errors import ReelkilnError, WeightsBroken, WeightsMissing
from reelkiln.plan.card import Card

__all__ = ["TOKENIZER", "encoder_files", "model_file", "problems"]

TOKENIZER = "tokenizer"
"""The tokenizer's folder inside the source "model"."""


def model_file(card: Card, folders: Folders) -> Path:
    """The file with transformer and autoencoder.

    Raises:
        WeightsBroken: the card or the folder does not name exactly one.
    """
    files = _safetensors(card, "model", folders["model"])
    if len(files) == 1:
        return files[0]
    raise WeightsBroken(
        f"{folders['model']} holds {len(files)} safetensors files, and {card.name} needs one",
        hint=f"Fetch it again with `reelkiln models pull {card.name}`.",
    )


def encoder_files(card: Card, folders: Folders) -> tuple[Path, ...]:
    """The file, or the files, of the text encoder.

    Raises:
        WeightsBroken: there is none.
    """
    files = _safetensors(card, "encoder", folders["encoder"])
    if files:
        return files
    raise WeightsBroken(
        f"{folders['encoder']} holds no safetensors file of the text encoder",
        hint=f"Fetch it again with `reelkiln models pull {card.name}`.",
    )


def problems(card: Card, folders: Folders) -> Iterator[ReelkilnError]:
    """What is wrong with libraries, schedule or files, one error each."""
    yield from library_problems(card)
    yield from schedule_problems(card)
    for name in ("model", "encoder"):
        if name not in folders or not folders[name].is_dir():
            yield WeightsMissing(
                f"the weights of {card.name} are not on the disk ({name})",
                hint=f"Get them with `reelkiln models pull {card.name}`.",
            )
            return
    try:
        for file in (model_file(card, folders), *encoder_files(card, folders)):
            check_safetensors(file, card.name)
    except WeightsBroken as error:
        yield error
    tokenizer = folders["model"] / TOKENIZER
    yield from text_problems(tokenizer / "spiece.model", card.name)
    yield from text_problems(tokenizer / "tokenizer_config.json", card.name)


def _safetensors(card: Card, source: str, folder: Path) -> tuple[Path, ...]:
    """The files that the card's set names: a folder of the cache may hold those of others too."""
    named = [
        folder / name
        for one in card.used_sources
        if one.name == source
        for name in one.files
        if name.endswith(".safetensors")
    ]
    return tuple(named or sorted(folder.glob("*.safetensors")))

"""Weight files, looked at without loading them. Safetensors only: pickled files can run code.

Format of a safetensors file (huggingface/safetensors, README): 8 bytes little-endian length N of
the header, N bytes of JSON, then the tensors; each header entry gives the bytes of its tensor,
counted from the end of the header.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reelkiln.errors import WeightsBroken

__all__ = [
    "Part",
    "check_safetensors",
    "file_problems",
    "only_file",
    "part_problems",
    "read_json",
    "text_problems",
]

HEADER_MAX = 100_000_000
"""Bytes; the library's own limit."""


@dataclass(frozen=True, slots=True)
class Part:
    """One network in a repository: its folder, its class, and the stem of its weight files."""

    folder: str
    class_name: str
    stem: Literal["diffusion_pytorch_model", "model"] = "diffusion_pytorch_model"


def part_problems(root: Path, part: Part, model: str) -> Iterator[WeightsBroken]:
    """What is wrong with one part: its configuration, its class, each of its weight files."""
    folder = root / part.folder
    try:
        _check_class(folder, part, model)
        for file in _weight_files(folder, part, model):
            check_safetensors(file, model)
    except WeightsBroken as error:
        yield error


def only_file(folder: Path, model: str) -> Path:
    """The one safetensors file of a folder.

    Raises:
        WeightsBroken: there is none, or more than one.
    """
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    raise _broken(
        f"{folder} holds {len(files)} safetensors files and no config.json; one is needed", model
    )


def file_problems(folder: Path, model: str) -> Iterator[WeightsBroken]:
    """What is wrong with a folder that should hold one safetensors file."""
    try:
        check_safetensors(only_file(folder, model), model)
    except WeightsBroken as error:
        yield error


def text_problems(file: Path, model: str) -> Iterator[WeightsBroken]:
    """What is wrong with a small text file: a JSON object, or anything else that can be read."""
    try:
        if file.suffix == ".json":
            read_json(file, model)
        elif not file.is_file():
            yield _broken(f"{file} cannot be read: there is no such file", model)
    except WeightsBroken as error:
        yield error


def check_safetensors(file: Path, model: str) -> None:
    """Compare the header of a safetensors file with its size.

    Raises:
        WeightsBroken: it is missing, no safetensors file, or cut short; the message names it.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = struct.unpack("<Q", stream.read(8))[0]
            if length > min(HEADER_MAX, size):
                raise ValueError
            entries = json.loads(stream.read(length))
        ends = [entry["data_offsets"][1] for key, entry in entries.items() if key[:2] != "__"]
        expected = 8 + length + max(ends, default=0)
    except OSError as error:
        raise _broken(f"{file} cannot be read: {error.strerror}", model) from error
    except (struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _broken(f"{file} is not a safetensors file, or is damaged", model) from error
    if size != expected:
        raise _broken(f"{file} has {size} bytes, and its header says {expected}", model)


def read_json(file: Path, model: str) -> dict[str, Any]:
    """A JSON object from a repository.

    Raises:
        WeightsBroken: it is missing or no JSON object; the message names it.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(f"{file} cannot be read: {error.strerror}", model) from error
    except ValueError as error:
        raise _broken(f"{file} is not JSON", model) from error
    if not isinstance(data, dict):
        raise _broken(f"{file} is not a JSON object", model)
    return data


def _check_class(folder: Path, part: Part, model: str) -> None:
    config = read_json(folder / "config.json", model)
    named = config.get("_class_name") or (config.get("architectures") or [part.class_name])[0]
    if named != part.class_name:
        raise _broken(
            f"{folder / 'config.json'} describes a {named}, and {part.class_name} is needed", model
        )


def _weight_files(folder: Path, part: Part, model: str) -> tuple[Path, ...]:
    """One file, or the shards that an index names."""
    whole, index = (folder / f"{part.stem}.safetensors{end}" for end in ("", ".index.json"))
    if index.is_file():
        names = read_json(index, model).get("weight_map", {})
        return tuple(folder / name for name in sorted(set(names.values())))
    if not whole.is_file() and any(folder.glob("*.bin")):
        raise _broken(f"{folder} holds only pickled weights, which are never loaded", model)
    return (whole,)


def _broken(message: str, model: str) -> WeightsBroken:
    return WeightsBroken(message, hint=f"Fetch it again with `reelkiln models pull {model}`.")

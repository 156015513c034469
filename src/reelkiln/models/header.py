"""The header of a safetensors file: names, types and shapes, never a weight.

The format: 8 bytes little-endian length, that many bytes of JSON, then the data
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reelkiln.errors import WeightsBroken

__all__ = [
    "HEADER_MAX",
    "PICKLES",
    "Header",
    "Tensor",
    "false_variant",
    "header_length",
    "parse_header",
    "read_header",
    "refuse_pickle",
]

HEADER_MAX = 25_000_000
"""The longest header we read, in bytes, as in huggingface_hub's own reader. The header of a 13B
model has about 200 thousand."""

PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".th"})
"""Names of files that run code when they are loaded."""

_BITS = {"F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16}
_BITS |= {"I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry: its type ("F16"), its shape, and its place in the data, in bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """All entries by name, the file's own remarks, and how many bytes of data must follow."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    data_start: int
    data_bytes: int

    @property
    def params(self) -> int:
        """How many numbers the file holds."""
        return sum(math.prod(t.shape) for t in self.tensors.values())

    @property
    def file_bytes(self) -> int:
        """How large the file must be."""
        return self.data_start + self.data_bytes

    @property
    def floating_bits(self) -> float:
        """The mean width of its floating-point numbers in bits (0: it has none)."""
        kinds = [t for t in self.tensors.values() if "F" in t.dtype]
        numbers = sum(math.prod(t.shape) for t in kinds)
        return sum(8 * (t.end - t.start) for t in kinds) / numbers if numbers else 0.0


def refuse_pickle(name: str) -> None:
    """Refuse a file whose name says that it is a pickle.

    Raises:
        WeightsBroken: loading such a file would run whatever its author wrote into it.
    """
    if PurePosixPath(name.lower()).suffix in PICKLES:
        raise WeightsBroken(
            f"{name} is a pickle: loading it would run code, so it is never opened",
            hint="Use the .safetensors file of the same model.",
        )


def header_length(first: bytes, name: str) -> int:
    """The length of the JSON that follows the first 8 bytes.

    Raises:
        WeightsBroken: a pickle or zip under this name, too short, or longer than `HEADER_MAX`.
    """
    if first[:2] in {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK"}:
        raise WeightsBroken(
            f"{name} holds a pickle whatever its name says, so it is never opened",
            hint="Use the .safetensors file of the same model.",
        )
    if len(first) < 8:
        raise _broken(name, "it ends inside the header", cut=True)
    length = int.from_bytes(first[:8], "little")
    if not 2 <= length <= HEADER_MAX:
        raise _broken(name, f"its header would be {length} bytes long")
    return length


def parse_header(text: bytes, name: str) -> Header:
    """The header's JSON as a value.

    Raises:
        WeightsBroken: not JSON, or the entries do not fill the data exactly.
    """
    try:
        data = json.loads(text)
        remarks = data.pop("__metadata__", {})
        tensors = {key: _tensor(value) for key, value in data.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise _broken(name, "its header cannot be read") from wrong
    at = 0
    for tensor in sorted(tensors.values(), key=lambda t: (t.start, t.end)):
        if tensor.start != at or tensor.end < tensor.start:
            raise _broken(name, "its header does not match its data")
        at = tensor.end
    metadata = {str(k): str(v) for k, v in remarks.items()} if isinstance(remarks, dict) else {}
    return Header(tensors, metadata, 8 + len(text), at)


def _tensor(value: Any) -> Tensor:
    shape = tuple(int(side) for side in value["shape"])
    start, end = (int(edge) for edge in value["data_offsets"])
    bits = _BITS.get(value["dtype"])
    wrong_size = bits is not None and math.prod(shape) * bits != 8 * (end - start)
    if min(shape, default=0) < 0 or wrong_size:
        raise ValueError("an entry's size does not follow from its shape")
    return Tensor(str(value["dtype"]), shape, start, end)


def read_header(path: Path) -> Header:
    """The header of a file on the disk.

    Raises:
        WeightsBroken: a pickle, not safetensors, or truncated; the message names the file.
        WeightsMissing is not raised: a file that is not there is a FileNotFoundError.
    """
    refuse_pickle(path.name)
    with path.open("rb") as file:
        length = header_length(file.read(8), str(path))
        text = file.read(length)
    if len(text) < length:
        raise _broken(str(path), "it ends inside the header", cut=True)
    header = parse_header(text, str(path))
    size = path.stat().st_size
    if size < header.file_bytes:
        raise _broken(str(path), f"{header.file_bytes - size} bytes are missing", cut=True)
    if size > header.file_bytes:
        raise _broken(str(path), f"{size - header.file_bytes} bytes too many follow the data")
    return header


def false_variant(name: str, header: Header) -> str | None:
    """What is wrong when a file's name promises fewer bits than it holds, else None.

    Sizes do not lie, names do: the "fp16" file of guoyww/animatediff-motion-adapter-v1-5-2 holds
    453 million 32-bit numbers in 1.82 GB.
    """
    promise = re.search(r"(?:^|[._-])(fp16|bf16|fp8)(?=[._-])", name.lower())
    if promise is None:
        return None
    promised = 8 if promise[1] == "fp8" else 16
    if header.floating_bits <= promised * 1.5:
        return None
    return (
        f"{name} says {promise[1]} but holds {header.params / 1e6:.0f} million numbers "
        f"of {header.floating_bits:.0f} bits: it saves nothing"
    )


def _broken(name: str, why: str, *, cut: bool = False) -> WeightsBroken:
    state = "is truncated" if cut else "is not a safetensors file"
    return WeightsBroken(
        f"{name} {state}: {why}",
        hint="Delete it and fetch it again, for a model of ours with `reelkiln models pull`.",
    )

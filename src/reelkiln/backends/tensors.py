"""Safetensors files as tables of tensors, read one at a time from the page cache.

A file is mapped, never read whole: what is taken from it costs no memory of the process until it is
converted or copied to a device, and a tensor that keeps its type stays a view of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reelkiln.errors import WeightsBroken

__all__ = ["Tensors", "fill", "open_tensors"]

SCALES = (".scale_weight", ".weight_scale")
"""What follows the name of a linear layer in files whose 8-bit weights were scaled to fit."""
NARROW = ("float8_e4m3fn", "float8_e5m2")


class Tensors:
    """The tensors of one or more files by name. Made by `open_tensors`."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self._files = files

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, from the header alone."""
        return tuple(self._files[name].get_slice(name).get_shape())

    def stored(self, name: str) -> Any:
        """The tensor as it lies in the file: a view of it, in host memory."""
        return self._files[name].get_tensor(name)

    def rows(self, name: str, indices: Any) -> Any:
        """Some rows of a matrix. Only the pages that hold them are read."""
        import torch

        table = self.stored(name)
        if table.element_size() == 1:  # 8-bit floats have no indexing of their own
            return table.view(torch.uint8)[indices].view(table.dtype)
        return table[indices]

    def true(self, name: str, device: Any, dtype: Any) -> Any:
        """The tensor's numbers on `device` in `dtype`, 8-bit weights multiplied by their scale.

        It is copied as it is stored and converted there: half the bytes cross the bus.
        """
        import torch

        value = self.stored(name).to(device)
        scale = self._scale(name)
        if scale is None:
            return value.to(dtype)
        return (value.to(torch.float32) * self.stored(scale).to(device, torch.float32)).to(dtype)

    def narrow(self, name: str) -> bool:
        """Whether a tensor lies in 8 bits in the file, without a scale of its own."""
        import torch

        kinds = tuple(getattr(torch, kind) for kind in NARROW)
        return self.stored(name).dtype in kinds and self._scale(name) is None

    def _scale(self, name: str) -> str | None:
        stem = name.removesuffix(".weight")
        return next((stem + end for end in SCALES if stem + end in self._files), None)


@contextmanager
def open_tensors(files: Sequence[Path]) -> Iterator[Tensors]:
    """The tensors of safetensors files inside. They are mapped: keep no view of them longer."""
    from safetensors import safe_open

    with ExitStack() as stack:
        table: dict[str, Any] = {}
        for path in files:
            file = stack.enter_context(safe_open(path, framework="pt", device="cpu"))
            # The only way its class offers to list names.
            table |= dict.fromkeys(file.keys(), file)
        yield Tensors(table)


def fill(network: Any, weights: Mapping[str, Any], file: Path, model: str) -> Any:
    """A network that was built without storage takes over these tensors, each exactly once.

    Raises:
        WeightsBroken: one is missing, left over or of another shape; the message names it.
    """
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    wrong = sorted(
        name
        for name in {*wanted, *weights}
        if name not in wanted or name not in weights or wanted[name] != tuple(weights[name].shape)
    )
    if wrong:
        raise WeightsBroken(
            f"{file} does not hold a {type(network).__name__}: {_what(wrong, wanted, weights)}",
            hint=f"Fetch it again with `reelkiln models pull {model}`.",
        )
    network.load_state_dict(dict(weights), assign=True)
    return network.eval().requires_grad_(False)


def _what(wrong: Iterable[str], wanted: Mapping[str, object], weights: Mapping[str, Any]) -> str:
    name, *others = wrong
    more = f" and {len(others)} more" if others else ""
    if name not in weights:
        return f"{name} is missing{more}"
    if name not in wanted:
        return f"{name} is not one of its tensors{more}"
    return f"{name} is {list(weights[name].shape)}, not {wanted[name]}{more}"

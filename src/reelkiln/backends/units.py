"""The parts of a network that are copied as one, in the order in which they compute.

The order is what a stream lives on: a part that is called before its turn finds the bus busy with
others, and everything waits. It is not the order in which a network lists its parts: a UNet's block
lists all its attentions, then all its convolutions, and calls them by turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from reelkiln.plan.budget import UNIT_BYTES

__all__ = ["SMALL_BYTES", "Unit", "aligned", "staying", "units_of", "worth_in"]

SMALL_BYTES = 1 << 20
"""Weights not worth a copy of their own: norms and biases stay, a few MiB in all."""

_ORDER = ("time_embedding", "conv_in", "down_blocks", "mid_block", "up_blocks")
_TURNS = ("resnets", "attentions", "motion_modules")


@dataclass(slots=True, eq=False)
class Unit:
    """A part of a network that is copied as one: a module, its tensors and their host copies."""

    name: str
    module: Any
    tensors: list[Any]
    homes: list[Any] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Its weights, in bytes."""
        return sum(aligned(home) for home in self.homes)

    def views(self, piece: Any) -> list[Any]:
        """Its tensors as views of a piece of memory that begins with them."""
        at, views = 0, []
        for home in self.homes:
            size = home.numel() * home.element_size()
            views.append(piece[at : at + size].view(home.dtype).view(home.shape))
            at += aligned(home)
        return views

    def point(self, tensors: Sequence[Any]) -> None:
        """Let its parameters and buffers be these tensors."""
        for value, tensor in zip(self.tensors, tensors, strict=True):
            value.data = tensor


def aligned(tensor: Any) -> int:
    """Bytes of a tensor with what is left free after it, so that the next begins well."""
    size = tensor.numel() * tensor.element_size()
    return int(-(-size // 256) * 256)


def units_of(network: Any, most: int = UNIT_BYTES, least: int = SMALL_BYTES) -> list[Unit]:
    """The parts of a network of at most `most` bytes, in the order in which they compute.

    The first unit is all the rest: parts below `least`, what stands directly in a larger part, and
    whatever is called past its module.
    """
    found = [unit for unit in _walk(network, "", most) if unit.nbytes >= least]
    own = {id(value) for unit in found for value in unit.tensors}
    rest = [v for v in (*network.parameters(), *network.buffers()) if id(v) not in own]
    return [_unit("", network, rest), *found]


def _unit(name: str, module: Any, tensors: list[Any]) -> Unit:
    return Unit(name, module, tensors, [value.data for value in tensors])


def _walk(module: Any, name: str, most: int) -> Iterator[Unit]:
    import torch

    for child_name, child in _in_turn(module):
        path = f"{name}.{child_name}" if name else child_name
        parameters = list(child.parameters())
        size = sum(value.numel() * value.element_size() for value in parameters)
        callable_ = not isinstance(child, torch.nn.ModuleList)
        if callable_ and size <= most and size:
            yield _unit(path, child, parameters)
        else:
            yield from _walk(child, path, most)


def _in_turn(module: Any) -> list[tuple[str, Any]]:
    """A part's own parts in the order in which it calls them, where that is known to be another
    than the one it lists them in: in diffusers' UNets, with motion modules or without."""
    parts = dict(module.named_children())
    lists = [_numbered(name, parts.pop(name)) for name in _TURNS if name in parts]
    turns = [each for turn in zip_longest(*lists) for each in turn if each is not None]
    ordered = iter([(name, parts[name]) for name in _ORDER if name in parts])
    rest = [next(ordered) if name in _ORDER else (name, part) for name, part in parts.items()]
    return [*turns, *rest]


def _numbered(name: str, parts: Any) -> Iterator[tuple[str, Any]]:
    return ((f"{name}.{index}", part) for index, part in enumerate(parts))


def worth_in(network: Any) -> Callable[[str], float] | None:
    """What the layers of this network are worth streaming: see `staying`; None: all alike.

    In a UNet each level down computes a quarter for the same weights. What stands outside the
    levels and on the widest one is small, and step caching calls it alone: it always stays.
    """
    depth = len(getattr(network, "down_blocks", ()))
    if not depth:
        return None

    def worth(name: str) -> float:
        kind, _, rest = name.partition(".")
        index = rest.partition(".")[0]
        level = {
            "down_blocks": lambda: int(index),
            "up_blocks": lambda: depth - 1 - int(index),
            "mid_block": lambda: depth - 1,
        }.get(kind, lambda: 0)()
        return 4.0**-level if level else 0.0

    return worth


def staying(
    units: Sequence[Unit], kept: int, worth: Callable[[str], float] | None = None
) -> frozenset[int]:
    """Which units stay on the device, at most `kept` bytes of them.

    With `worth` (operations per byte of weight, by a unit's name) those of the least: a layer deep
    in a UNet computes little for its size, and its copy is not hidden behind its own arithmetic.
    Without, every so many: each copy then has the time of several units to hide behind.
    """
    sizes = [unit.nbytes for unit in units]
    stay: set[int] = set()
    if worth is None:
        share, owed = min(kept / max(sum(sizes), 1), 1.0), 0.0
        for index, size in enumerate(sizes):
            owed += share * size
            if owed >= size and kept >= size:
                stay.add(index)
                owed -= size
                kept -= size
        return frozenset(stay)
    worths = [worth(unit.name) for unit in units]
    for index in sorted(range(len(sizes)), key=lambda i: (worths[i], i)):
        if sizes[index] <= kept:
            stay.add(index)
            kept -= sizes[index]
    return frozenset(stay)

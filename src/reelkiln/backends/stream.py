"""A network larger than the device: some of its weights stay there, the others pass through.

The weights that pass are pinned in host memory and copied by a stream of their own into a ring
(`ring.py`) while earlier layers compute. diffusers' group offloading does the same with a fresh
allocation per block, which fills the device with blocks waiting to be freed and costs a fifth of a
step; here nothing is allocated after `enter`, so that the memory held is what was planned.

Which weights stay matters: a layer deep in a UNet computes little for its size, and its copy is not
hidden behind its own arithmetic. Those stay first.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelkiln.backends.ring import Ring, lay_out
from reelkiln.errors import OutOfMemory
from reelkiln.plan.budget import RING_BYTES, UNIT_BYTES

__all__ = ["SMALL_BYTES", "Stream", "Unit", "units_of", "worth_in"]

SMALL_BYTES = 1 << 20
"""Weights not worth a copy of their own: norms and biases stay, a few MiB in all."""


@dataclass(slots=True, eq=False)
class Unit:
    """A part of a network that is copied as one: a module, its parameters and their host copies."""

    name: str
    module: Any
    parameters: list[Any]
    homes: list[Any] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Its weights, in bytes."""
        return sum(_aligned(home) for home in self.homes)


def units_of(network: Any, most: int = UNIT_BYTES) -> list[Unit]:
    """The parts of a network of at most `most` bytes, in the order in which they are written down.

    Parameters that stand directly in a larger part, and whatever is called past its module, are in
    no unit: they stay on the device.
    """
    found: list[Unit] = []
    _walk(network, "", most, found)
    return found


def _walk(module: Any, name: str, most: int, found: list[Unit]) -> None:
    import torch

    for child_name, child in module.named_children():
        path = f"{name}.{child_name}" if name else child_name
        parameters = list(child.parameters())
        size = sum(value.numel() * value.element_size() for value in parameters)
        callable_ = not isinstance(child, torch.nn.ModuleList)
        if callable_ and size <= most and size:
            found.append(Unit(path, child, parameters, [value.data for value in parameters]))
        else:
            _walk(child, path, most, found)


class Stream:
    """One network whose weights pass through the device.

    `kept` bytes of weights stay while it is there. `worth` orders units: those of the smallest
    worth stay first (operations per byte of weight; None: all alike, those that stay are spread
    evenly). On a device without streams, the copies are made in line: slow, and the same numbers.
    """

    def __init__(
        self,
        network: Any,
        device: Any,
        *,
        kept: int,
        worth: Callable[[str], float] | None = None,
        ring: int = RING_BYTES,
        most: int = UNIT_BYTES,
        least: int = SMALL_BYTES,
    ) -> None:
        self._network, self._device = network, device
        units = units_of(network, most)
        large = [unit for unit in units if unit.nbytes >= least]
        sizes, names = [unit.nbytes for unit in large], [unit.name for unit in large]
        stay = _staying(sizes, kept, names, worth)
        self.passing = [unit for index, unit in enumerate(large) if index not in stay]
        self.staying = [unit for index, unit in enumerate(large) if index in stay]
        own = {id(value) for unit in large for value in unit.parameters}
        rest = [v for v in (*network.parameters(), *network.buffers()) if id(v) not in own]
        self._rest = [(value, value.data) for value in rest]
        self._ring: Ring = lay_out([unit.nbytes for unit in self.passing], ring)
        shared = self._ring.shares
        every = range(len(self.passing))
        self._rivals = [[o for o in every if o != unit and shared(unit, o)] for unit in every]
        self._pins = _Flat(self.passing, pinned=device.type == "cuda")
        self._stays = _Flat(self.staying, pinned=False)
        self._there = [False] * len(self.passing)
        self._memory: Any = None
        self._copies: Any = None
        self._done: list[Any] = []
        self._ready: list[Any] = []
        self._hooks: list[Any] = []

    def enter(self) -> None:
        """Bring what stays to the device and begin to copy what comes first."""
        import torch

        for value, home in self._rest:
            value.data = home.to(self._device)
        # One copy: a thousand small ones take several times as long.
        slab = self._stays.whole.to(self._device)
        for unit, views in zip(self.staying, self._stays.views(slab), strict=True):
            _point(unit, views)
        self._memory = torch.empty(self._ring.capacity, dtype=torch.uint8, device=self._device)
        if self._device.type == "cuda":
            self._copies = torch.cuda.Stream(self._device)
            self._done = [torch.cuda.Event() for _ in self.passing]
            self._ready = [torch.cuda.Event() for _ in self.passing]
            # The buffer may be memory that the compute stream still uses.
            self._copies.wait_stream(torch.cuda.current_stream(self._device))
        for index, unit in enumerate(self.passing):
            place = self._memory[self._ring.offsets[index] :]
            _point(unit, _views_of(unit, place))
            self._hooks.append(unit.module.register_forward_pre_hook(self._before(index)))
            self._hooks.append(unit.module.register_forward_hook(self._after(index)))
        for index, freed_by in enumerate(self._ring.after):
            if freed_by >= index:
                self._copy(index)

    def leave(self) -> None:
        """Free the device. The host copies are as they were: nothing is copied back."""
        import torch

        for hook in self._hooks:
            hook.remove()
        if self._copies is not None:
            # A copy may still be under way into memory that is about to be somebody else's.
            torch.cuda.current_stream(self._device).wait_stream(self._copies)
        for value, home in self._rest:
            value.data = home
        for unit in (*self.passing, *self.staying):
            _point(unit, unit.homes)
        self._hooks, self._done, self._ready = [], [], []
        self._memory, self._copies = None, None
        self._there = [False] * len(self.passing)

    def close(self) -> None:
        """Leave, and let the host memory be paged again."""
        self.leave()
        self._pins.release()

    def _before(self, index: int) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            if not self._there[index]:
                self._copy(index, at_once=True)
            if self._copies is not None:
                import torch

                torch.cuda.current_stream(self._device).wait_event(self._ready[index])

        return hook

    def _after(self, index: int) -> Callable[..., None]:
        followers = [unit for unit, after in enumerate(self._ring.after) if after == index]

        def hook(*_: Any) -> None:
            if self._copies is not None:
                self._done[index].record()
            for unit in followers:
                if unit != index:
                    self._copy(unit, waits_for=index)

        return hook

    def _copy(self, index: int, *, waits_for: int | None = None, at_once: bool = False) -> None:
        """Copy a unit to its place, once the unit `waits_for` has computed.

        `at_once` is for a unit that is called out of turn: it waits for all that was begun.
        """
        import torch

        for other in self._rivals[index]:
            self._there[other] = False
        self._there[index] = True
        at, source = self._ring.offsets[index], self._pins.of(index)
        target = self._memory[at : at + source.numel()]
        if self._copies is None:
            target.copy_(source)
            return
        if at_once:
            self._copies.wait_stream(torch.cuda.current_stream(self._device))
        elif waits_for is not None:
            self._copies.wait_event(self._done[waits_for])
        with torch.cuda.stream(self._copies):
            target.copy_(source, non_blocking=True)
            self._ready[index].record(self._copies)


def worth_in(network: Any) -> Callable[[str], float] | None:
    """What the layers of this network are worth streaming: `Stream`'s `worth`; None: all alike.

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


class _Flat:
    """The weights of some units in one piece of host memory, pinned or not.

    Of a pinned piece the device copies by itself. torch's own pinned memory comes in powers of two,
    half of it wasted at worst.
    """

    def __init__(self, units: Sequence[Unit], *, pinned: bool) -> None:
        import torch

        self._units = units
        self.whole = torch.empty(sum(unit.nbytes for unit in units), dtype=torch.uint8)
        self._parts: list[Any] = []
        start = 0
        for unit in units:
            part = self.whole[start : start + unit.nbytes]
            start += unit.nbytes
            views = _views_of(unit, part)
            for view, home in zip(views, unit.homes, strict=True):
                view.copy_(home)
            # They become views of it, and the old memory goes.
            unit.homes = views
            _point(unit, views)
            self._parts.append(part)
        self.release: Callable[[], object] = lambda: None
        if pinned and units:
            self._register()

    def of(self, index: int) -> Any:
        """A unit's weights, bytes in a row."""
        return self._parts[index]

    def views(self, whole: Any) -> list[list[Any]]:
        """The tensors of each unit, in a copy of the piece."""
        start, views = 0, []
        for unit in self._units:
            views.append(_views_of(unit, whole[start : start + unit.nbytes]))
            start += unit.nbytes
        return views

    def _register(self) -> None:
        import torch

        size = self.whole.numel()
        answer = torch.cuda.cudart().cudaHostRegister(self.whole.data_ptr(), size, 0)
        if int(answer) != 0:
            raise OutOfMemory(
                f"the system does not pin {size / 2**30:.2f} GiB of memory (CUDA error {answer})",
                hint="Close other programs, or plan with less RAM.",
            )
        # Also where nobody calls it: memory that is pinned for good is lost to the machine.
        self.release = weakref.finalize(self, _unpin, self.whole)


def _views_of(unit: Unit, piece: Any) -> list[Any]:
    """A unit's tensors as views of a piece of memory that begins with them."""
    at, views = 0, []
    for home in unit.homes:
        size = home.numel() * home.element_size()
        views.append(piece[at : at + size].view(home.dtype).view(home.shape))
        at += _aligned(home)
    return views


def _point(unit: Unit, tensors: Sequence[Any]) -> None:
    """Let a unit's parameters be these tensors."""
    for value, tensor in zip(unit.parameters, tensors, strict=True):
        value.data = tensor


def _unpin(memory: Any) -> None:
    """Let memory be paged again; it stays as it is."""
    import torch

    torch.cuda.synchronize()
    torch.cuda.cudart().cudaHostUnregister(memory.data_ptr())


def _staying(
    sizes: Sequence[int],
    kept: int,
    names: Sequence[str],
    worth: Callable[[str], float] | None,
) -> set[int]:
    """Which units stay, at most `kept` bytes of them: those of the least worth, else every so many.

    With equal worth those that pass are spread evenly over the call, so that each copy has the time
    of several units to hide behind.
    """
    if worth is None:
        share, owed = min(kept / max(sum(sizes), 1), 1.0), 0.0
        stay: set[int] = set()
        for index, size in enumerate(sizes):
            owed += share * size
            if owed >= size and kept >= size:
                stay.add(index)
                owed -= size
                kept -= size
        return stay
    stay = set()
    for index in sorted(range(len(sizes)), key=lambda i: (worth(names[i]), i)):
        if sizes[index] <= kept:
            stay.add(index)
            kept -= sizes[index]
    return stay


def _aligned(tensor: Any) -> int:
    """Bytes of a tensor with what is left free after it, so that the next begins well."""
    size = tensor.numel() * tensor.element_size()
    return int(-(-size // 256) * 256)

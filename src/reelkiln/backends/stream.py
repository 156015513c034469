"""A network larger than the device: some of its weights stay there, the others pass through.

All of them lie pinned in host memory and are copied by a stream of their own while earlier layers
compute: what stays once, in the first call, what passes in every call, into a ring (`ring.py`).
diffusers' group offloading does the same with a fresh allocation per block, which fills the device
with blocks waiting to be freed and costs a fifth of a step; here nothing is allocated after
`enter`, so that the memory held is what was planned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelkiln.backends.pinned import Pinned
from reelkiln.backends.ring import lay_out
from reelkiln.backends.units import SMALL_BYTES, Unit, staying, units_of
from reelkiln.plan.budget import RING_BYTES, UNIT_BYTES

__all__ = ["Stream"]

REST = 0
"""The first unit: small tensors all over the network, which stay and are waited for at once."""


class Stream:
    """One network whose weights pass through the device.

    `kept` bytes of weights stay while it is there; `worth` says which (`units.staying`). On a
    device without streams, the copies are made in line: slow, and the same numbers.
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
        self._device = device
        self._units = units_of(network, most, least)
        chosen = staying(self._units[REST + 1 :], kept, worth)
        self._stays = frozenset({REST, *(index + REST + 1 for index in chosen)})
        self._ring = lay_out([unit.nbytes for unit in self._units], ring, self._stays)
        every = range(len(self._units))
        shares = self._ring.shares
        self._rivals = [[o for o in every if o != unit and shares(unit, o)] for unit in every]
        self._pinned = Pinned(self._units, pinned=device.type == "cuda")
        self._there = [False for _ in every]
        self._memory: Any = None
        self._pairs: list[tuple[Any, Any]] = []
        self._copies: Any = None
        self._done: list[Any] = []
        self._ready: list[Any] = []
        self._hooks: list[Any] = []

    @property
    def staying(self) -> list[Unit]:
        """The units that stay, in the order in which they compute."""
        return [unit for index, unit in enumerate(self._units) if index in self._stays]

    @property
    def passing(self) -> list[Unit]:
        """The units that pass through, in the order in which they compute."""
        return [unit for index, unit in enumerate(self._units) if index not in self._stays]

    def enter(self) -> None:
        """Begin to bring to the device what stays, and of what passes as much as there is room for.

        It returns before they are there: each layer waits for its own weights.
        """
        import torch

        self._memory = torch.empty(self._ring.capacity, dtype=torch.uint8, device=self._device)
        if self._device.type == "cuda":
            self._copies = torch.cuda.Stream(self._device)
            self._done = [torch.cuda.Event() for _ in self._units]
            self._ready = [torch.cuda.Event() for _ in self._units]
            # The memory may be what the compute stream still uses.
            self._copies.wait_stream(torch.cuda.current_stream(self._device))
        for index, (unit, offset) in enumerate(zip(self._units, self._ring.offsets, strict=True)):
            unit.point(unit.views(self._memory[offset:]))
            source = self._pinned.of(index)
            self._pairs.append((self._memory[offset : offset + source.numel()], source))
            if self._ring.after[index] >= index:
                self._copy(index)
            if index not in self._stays:
                self._hooks.append(unit.module.register_forward_pre_hook(self._before(index)))
                self._hooks.append(unit.module.register_forward_hook(self._after(index)))
            elif self._copies is not None and index != REST:
                self._hooks.append(self._wait_once(index))
        self._wait(REST)

    def leave(self) -> None:
        """Free the device. The host copies are as they were: nothing is copied back."""
        import torch

        for hook in self._hooks:
            hook.remove()
        if self._copies is not None:
            # A copy may still be under way into memory that is about to be somebody else's.
            torch.cuda.current_stream(self._device).wait_stream(self._copies)
        for unit in self._units:
            unit.point(unit.homes)
        self._hooks, self._done, self._ready, self._pairs = [], [], [], []
        self._memory, self._copies = None, None
        self._there = [False for _ in self._units]

    def close(self) -> None:
        """Leave, and let the host memory be paged again."""
        self.leave()
        self._pinned.release()

    def _before(self, index: int) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            if not self._there[index]:
                self._copy(index, at_once=True)
            self._wait(index)

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

    def _wait_once(self, index: int) -> Any:
        """What stays is waited for in the first call alone."""

        def hook(*_: Any) -> None:
            handle.remove()
            self._wait(index)

        handle = self._units[index].module.register_forward_pre_hook(hook)
        return handle

    def _wait(self, index: int) -> None:
        """Let computing go on when a unit has been copied."""
        if self._copies is not None:
            import torch

            torch.cuda.current_stream(self._device).wait_event(self._ready[index])

    def _copy(self, index: int, *, waits_for: int | None = None, at_once: bool = False) -> None:
        """Copy a unit to its place, once the unit `waits_for` has computed.

        `at_once` is for a unit that is called out of turn: it waits for all that was begun.
        """
        import torch

        for other in self._rivals[index]:
            self._there[other] = False
        self._there[index] = True
        target, source = self._pairs[index]
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

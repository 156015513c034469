"""Weights in host memory that is pinned: the device copies of it by itself, six times faster."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from reelkiln.backends.units import Unit
from reelkiln.errors import OutOfMemory

__all__ = ["Pinned"]


class Pinned:
    """The weights of some units in one piece of host memory; their old memory goes.

    torch's own pinned memory comes in powers of two, half of it wasted at worst. `pinned` False
    leaves the piece as it is: there is no device to copy of it.
    """

    def __init__(self, units: Sequence[Unit], *, pinned: bool) -> None:
        import torch

        self._whole = torch.empty(sum(unit.nbytes for unit in units), dtype=torch.uint8)
        self._parts: list[Any] = []
        start = 0
        for unit in units:
            part = self._whole[start : start + unit.nbytes]
            start += unit.nbytes
            views = unit.views(part)
            for view, home in zip(views, unit.homes, strict=True):
                view.copy_(home)
            unit.homes = views
            unit.point(views)
            self._parts.append(part)
        self.release: Callable[[], object] = lambda: None
        if pinned and start:
            self._register()

    def of(self, index: int) -> Any:
        """A unit's weights, bytes in a row."""
        return self._parts[index]

    def _register(self) -> None:
        import torch

        size = self._whole.numel()
        answer = torch.cuda.cudart().cudaHostRegister(self._whole.data_ptr(), size, 0)
        if int(answer) != 0:
            raise OutOfMemory(
                f"the system does not pin {size / 2**30:.2f} GiB of memory (CUDA error {answer})",
                hint="Close other programs, or plan with less RAM.",
            )
        # Also where nobody calls it: memory that is pinned for good is lost to the machine.
        self.release = weakref.finalize(self, _unpin, self._whole)


def _unpin(memory: Any) -> None:
    """Let memory be paged again; it stays as it is."""
    import torch

    torch.cuda.synchronize()
    torch.cuda.cudart().cudaHostUnregister(memory.data_ptr())

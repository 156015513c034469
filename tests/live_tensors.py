"""Counting the tensors that live at once, also on the meta device, where nothing is computed."""

from __future__ import annotations

import weakref
from collections import defaultdict
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Live"]


class Live(TorchDispatchMode):
    """Bytes of the storages alive, and their peak, by the block that runs."""

    def __init__(self, ignore: set[int]) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self.block = "start"
        self.peaks: dict[str, int] = defaultdict(int)
        self._known = set(ignore)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        self.peaks[self.block] = max(self.peaks[self.block], self.now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self.now -= size
        self._known.discard(key)

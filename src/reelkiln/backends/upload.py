"""Weights that are not pinned, copied to the device: through two pinned buffers, by turns.

While the device copies from one, the processor fills the other. The driver's own way for such
memory, one thread and small buffers, is five times slower on a machine of 16 cores (docs/measured/
faster.md); pinning the weights themselves would cost a copy of them at every load.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Upload"]

BUFFER_BYTES = 32 << 20
"""Pinned, twice."""


class Upload:
    """Copies tensors to one device, as many as are handed in; elsewhere than on CUDA in line.

    The copies are ordered with what the current stream is asked to compute afterwards.
    """

    def __init__(self, device: Any, size: int = BUFFER_BYTES) -> None:
        self._device, self._size = device, size
        self._buffers: list[Any] = []
        self._free: list[Any] = []
        self._turn, self._at = 0, 0

    def __call__(self, tensor: Any) -> Any:
        """A copy of the tensor on the device."""
        import torch

        if self._device.type != "cuda" or not tensor.is_contiguous():
            return tensor.to(self._device)
        made = torch.empty_like(tensor, device=self._device)
        source, target = (one.reshape(-1).view(torch.uint8) for one in (tensor, made))
        done = 0
        while done < source.numel():
            buffer = self._room()
            count = min(source.numel() - done, buffer.numel() - self._at)
            piece = buffer[self._at : self._at + count]
            piece.copy_(source[done : done + count])
            target[done : done + count].copy_(piece, non_blocking=True)
            done += count
            self._at += count
        return made

    def _room(self) -> Any:
        """The buffer of this turn; the other one, once it is free, when this one is full."""
        import torch

        if not self._buffers:
            self._buffers = [
                torch.empty(self._size, dtype=torch.uint8, pin_memory=True) for _ in range(2)
            ]
            self._free = [torch.cuda.Event() for _ in self._buffers]
        if self._at == self._size:
            self._free[self._turn].record()
            self._turn, self._at = 1 - self._turn, 0
            self._free[self._turn].synchronize()
        return self._buffers[self._turn]

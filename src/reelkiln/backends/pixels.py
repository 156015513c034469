"""From a decoder's numbers to 8-bit pixels, counting what was not a number on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["to_pixels"]


def to_pixels(decoded: Any) -> tuple[NDArray[np.uint8], int]:
    """Decoder output to pixels.

    Args:
        decoded: a torch tensor (frames, 3, height, width), -1 to 1, of any float type and device.

    Returns:
        uint8 of shape (frames, height, width, 3), and how many values were finite before the cast.
        A value that is not becomes black: nobody may see it, and the count tells.
    """
    import torch

    finite = int(torch.isfinite(decoded).sum())
    unit = (decoded.float() / 2 + 0.5).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(0, 1)
    pixels = (unit * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    array: NDArray[np.uint8] = pixels.contiguous().cpu().numpy()
    return array, finite

"""The network that reads a clip of the bundled model: what stands where, and how it moves.

Frames go through one small convolutional trunk, with two more channels that hold each pixel's
place; what moves is read off the order of the frames' features. It knows only the world of the
bundled model's training (`training/spark/world.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOMENTS", "SHORT_SIDE", "build_judge", "prepare", "shrink"]

MOMENTS = 8
"""Frames that the judge looks at, evenly spread over the clip."""

SHORT_SIDE = 96
"""Pixels of the short side of what it looks at."""

_WIDTHS = (24, 40, 64, 96, 128)
_SHARED = 64


def build_judge(labels: Mapping[str, int]) -> Any:
    """A judge with fresh weights.

    Args:
        labels: factor to the number of its labels; "motion" is read over time, the rest per frame.

    Returns:
        a torch module: float (clips, 8, 3, height, width) in 0 to 1 to a dict of factor to logits
        (clips, labels).
    """
    import torch
    from torch import nn

    class Block(nn.Module):
        """Halve the sides, then look twice."""

        def __init__(self, inner: int, outer: int) -> None:
            super().__init__()
            self.down = nn.Conv2d(inner, outer, 3, 2, 1)
            self.norm = nn.GroupNorm(8, outer)
            self.look = nn.Conv2d(outer, outer, 3, 1, 1)
            self.norm2 = nn.GroupNorm(8, outer)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.silu(self.norm(self.down(x)))
            return x + nn.functional.silu(self.norm2(self.look(x)))

    class Judge(nn.Module):
        """Trunk, memory of the frames' order, one head for each factor."""

        def __init__(self) -> None:
            super().__init__()
            widths = (5, *_WIDTHS)
            self.trunk = nn.Sequential(*(Block(a, b) for a, b in pairwise(widths)))
            features = 2 * _WIDTHS[-1]
            self.shrink = nn.Linear(features, _SHARED)
            self.order = nn.Sequential(
                nn.Linear(_SHARED * MOMENTS, 128), nn.SiLU(), nn.Linear(128, labels["motion"])
            )
            self.heads = nn.ModuleDict(
                {k: nn.Linear(features, n) for k, n in labels.items() if k != "motion"}
            )

        def forward(self, clips: torch.Tensor) -> dict[str, torch.Tensor]:
            x = self.trunk(_placed(clips.flatten(0, 1)))
            pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1).view(len(clips), MOMENTS, -1)
            found = {k: head(pooled.mean(1)) for k, head in self.heads.items()}
            found["motion"] = self.order(nn.functional.silu(self.shrink(pooled)).flatten(1))
            return found

    return Judge()


def _placed(frames: Any) -> Any:
    """Frames with their pixels' places as two more channels, the short side from -1 to 1."""
    import torch

    count, _, height, width = frames.shape
    short = min(height, width)
    y = torch.linspace(-height / short, height / short, height, device=frames.device)
    x = torch.linspace(-width / short, width / short, width, device=frames.device)
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")).to(frames.dtype)
    return torch.cat([frames * 2 - 1, grid.expand(count, 2, height, width)], 1)


def prepare(frames: NDArray[np.uint8]) -> Any:
    """What the judge sees of a clip.

    Args:
        frames: uint8 (time, height, width, 3), at least one frame.

    Returns:
        float32 tensor (1, 8, 3, height, width) in 0 to 1, its short side `SHORT_SIDE`.
    """
    import numpy as np
    import torch

    chosen = np.linspace(0, len(frames) - 1, 2 * MOMENTS)[::2].round().astype(int)
    pixels = torch.from_numpy(np.ascontiguousarray(frames[chosen])).permute(0, 3, 1, 2)
    return shrink(pixels.float() / 255)[None]


def shrink(frames: Any) -> Any:
    """Frames (n, 3, height, width) brought to the judge's short side, by areas."""
    import torch

    height, width = frames.shape[-2:]
    scale = SHORT_SIDE / min(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return torch.nn.functional.interpolate(frames, size=size, mode="area")

"""Where pixels lie: on the picture, on the zoomed set, and in the product's own measure."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.spark.world import FACTORS

__all__ = ["KIND", "Canvas", "Layer", "Local"]

KIND = {name: i for i, name in enumerate(FACTORS["product"])}


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where the pixels lie: `x`, `y` on the picture, `xs`, `ys` on the zoomed set.

    `pixel` is a pixel's side on the set, `base` the height on which the product stands.
    """

    x: torch.Tensor
    y: torch.Tensor
    xs: torch.Tensor
    ys: torch.Tensor
    pixel: torch.Tensor
    base: torch.Tensor
    tilt: float


@dataclass(frozen=True, slots=True)
class Local:
    """Pixels in the product's own measure: `x`, `y`, a pixel's side, and where they mirror."""

    x: torch.Tensor
    y: torch.Tensor
    pixel: torch.Tensor
    mirror: torch.Tensor


Layer = tuple[torch.Tensor, torch.Tensor]
"""A colour (frames, 3, height, width) and how much it covers (frames, height, width)."""

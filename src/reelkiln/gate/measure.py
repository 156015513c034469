"""A clip to numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reelkiln.reel import Clip

__all__ = ["measure"]


def measure(clip: Clip) -> dict[str, float]:
    """Measure a clip: finite share, luma, contrast and the share of frozen pairs."""
    luma = clip.frames @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    pairs = np.abs(np.diff(luma, axis=0)).mean((1, 2))
    return {
        "finite": float(clip.finite_share),
        "luma_max": float(luma.mean((1, 2)).max()),
        "frozen_share": float((pairs < 0.5).mean()) if len(pairs) else 0.0,
    }

"""Less motion: how freely AnimateDiff's motion modules let frames differ.

A motion module mixes each place's values over time by attention. Scaling the keys by a share below
1 flattens that attention: every frame then looks at all others more evenly, and their pictures come
nearer to each other. At 0 each frame sees the plain mean of all. What it does was measured on the
bundled model (docs/measured/motion.md).

Scaling what a module adds to the picture, the other way that comes to mind, does the opposite:
without their modules frames no longer know each other, and the picture boils.
"""

from __future__ import annotations

from typing import Any

__all__ = ["calm"]


def calm(unet: Any, share: float) -> None:
    """Hold a motion network (`UNetMotionModel`) to a share of its motion, 0 to 1 (1: unchanged).

    Call it once, before the network is arranged.
    """
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

    if share == 1:
        return

    def flatter(_module: Any, _given: Any, keys: Any) -> Any:
        return keys * share

    for module in unet.modules():
        if isinstance(module, AnimateDiffTransformer3D):
            for block in module.transformer_blocks:
                for attention in (block.attn1, block.attn2):
                    if attention is not None:
                        attention.to_k.register_forward_hook(flatter)

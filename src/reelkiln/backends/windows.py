"""Overlapping context windows (FreeNoise, arXiv 2310.15169) for clips longer than one context.

diffusers has them, with three habits that do not suit a session which renders clips of several
lengths from words encoded before: it builds each motion block a second time, it cannot render a
clip of one context or less once they are on, and it takes no embeddings. All three are mended here
and nowhere else.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from reelkiln.plan.card import Reach

__all__ = ["Windows"]


class Windows:
    """The windows of one pipeline's motion blocks, opened or shut for each render.

    Make it before the arrangement hangs hooks on the network. Shut, the pipeline computes exactly
    what it would without.
    """

    def __init__(self, pipe: Any, reach: Reach) -> None:
        from diffusers.models.attention import BasicTransformerBlock, FreeNoiseTransformerBlock
        from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

        self._pipe, self._reach = pipe, reach
        self._shut, self._open = BasicTransformerBlock, FreeNoiseTransformerBlock
        self._blocks = [
            block
            for module in pipe.unet.modules()
            if isinstance(module, AnimateDiffTransformer3D)
            for block in module.transformer_blocks
        ]
        if reach.kind != "windows":
            return
        self._become(self._open)
        # All that is asked of the adapter, which was merged and dropped, is its longest context.
        limits = SimpleNamespace(motion_max_seq_length=pipe.unet.config.motion_max_seq_length)
        pipe.motion_adapter = SimpleNamespace(config=limits)
        pipe.enable_free_noise(context_length=reach.context, context_stride=reach.stride)
        pipe.motion_adapter = None
        pipe._encode_prompt_free_noise = _same_words_in_every_frame

    def fit(self, frames: int) -> None:
        """Open the windows for a clip longer than one context, shut them for any other."""
        if self._reach.kind != "windows":
            return
        wide = frames > self._reach.context
        self._become(self._open if wide else self._shut)
        self._pipe._free_noise_context_length = self._reach.context if wide else None

    def _become(self, kind: Any) -> None:
        # The two classes hold the same parameters and differ in how they go over the frames.
        for block in self._blocks:
            block.__class__ = kind


def _same_words_in_every_frame(
    *,
    num_frames: int,
    do_classifier_free_guidance: bool,
    prompt_embeds: Any,
    negative_prompt_embeds: Any,
    **_ignored: Any,
) -> tuple[Any, Any]:
    """What diffusers' own method returns for one sentence; its own takes no embeddings yet."""
    import torch

    halves = [negative_prompt_embeds] if do_classifier_free_guidance else []
    repeated = [half.repeat_interleave(num_frames, dim=0) for half in (*halves, prompt_embeds)]
    return torch.cat(repeated), negative_prompt_embeds

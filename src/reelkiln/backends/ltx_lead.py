"""What an LTX clip begins from: a start picture, or the last frames of the segment before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reelkiln.backends.ltx_files import load_vae
from reelkiln.reel import Clip, Size

__all__ = ["beginning", "whole_runs"]


def beginning(
    lead: Clip | None, file: Path, size: Size, *, dtype: str, device: Any, model: str
) -> tuple[Any, Any]:
    """The pipeline's condition (None without a lead), and what stands in for its autoencoder.

    The pipeline asks its autoencoder for the lead's latents and for little else. They are made
    beforehand: the encoder is read for this and let go, 1.3 GiB that the transformer needs
    afterwards.

    Raises:
        WeightsBroken: the file does not hold the encoder.
    """
    import torch
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from diffusers.video_processor import VideoProcessor

    kind = getattr(torch, dtype)
    if lead is None:
        return None, SimpleNamespace(dtype=kind)
    frames = list(lead.frames[-whole_runs(len(lead.frames)) :] / 255.0)
    vae = load_vae(file, dtype, "encoder", model=model).to(device)
    video = VideoProcessor(vae_scale_factor=vae.spatial_compression_ratio).preprocess_video(
        frames, size.height, size.width
    )
    encoded = vae.encode(video.to(device, kind))
    return LTXVideoCondition(video=frames), SimpleNamespace(
        dtype=kind,
        latents_mean=vae.latents_mean,
        latents_std=vae.latents_std,
        encode=lambda _frames: encoded,
    )


def whole_runs(frames: int) -> int:
    """The most frames of at most `frames` that make whole latent frames.

    >>> [whole_runs(count) for count in (1, 8, 9, 12, 17)]
    [1, 1, 9, 9, 17]
    """
    return (frames - 1) // 8 * 8 + 1

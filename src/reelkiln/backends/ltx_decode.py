"""Decoding LTX's latents in windows of frames, and if need be in tiles of the picture.

Whole, 121 frames of 704x480 take 3.8 GiB of working memory; in windows of 33 frames 1 GiB.
diffusers has windows too (`use_framewise_decoding`) and joins them one frame late: it drops the
last frame of each further window, where the first is the one that the window before has shown
already. Here the frames of two windows that are blended are the same moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

__all__ = ["STRIDES", "decode_windows", "tiled"]

RUN = 8
"""Frames of one latent frame; the first one stands for one frame alone."""


def decode_windows(decode: Callable[[Any], Any], latents: Any, window: int) -> Iterator[Any]:
    """Frames in order, some at a time: tensors (frames, 3, height, width) as `decode` gives them.

    Args:
        decode: latents (1, channels, n, height, width) to pictures (1, 3, 8 n - 7, …).
        latents: (1, channels, latent frames, height, width).
        window: frames decoded at once, a multiple of 8 of at least 24, or 0 for all. Windows share
            8 frames, which fade from one to the other; the first latent frame of a further window
            only gives context.
    """
    count = latents.shape[2]
    if not window or count <= window // RUN + 1:
        yield _frames(decode(latents))
        return
    stride = window // RUN - 1
    fading = None
    for start in range(0, count - 1, stride):
        last = start + stride + 2 >= count
        frames = _frames(decode(latents[:, :, start : start + stride + 2]))
        if start:
            frames = frames[1:]
        if fading is not None:
            frames[:RUN] = _fade(fading, frames[:RUN])
        if last:
            yield frames
            return
        yield frames[:-RUN]
        fading = frames[-RUN:].clone()


STRIDES = (Fraction(3, 4), Fraction(1, 2), Fraction(5, 8))
"""How far one tile begins after the other, in tiles, by the plan's `tiling`: the usual one, and two
whose borders fall elsewhere and are faded over more of the picture, in the same memory and up to
2.25 times the time."""


def tiled(vae: Any, side: int, tiling: int = 0) -> Callable[[Any, Any], Any]:
    """The decoder by tiles of `side` pixels where the picture is larger, laid in one of the ways of
    `STRIDES`. Strides are whole latent cells."""
    cell = vae.spatial_compression_ratio
    stride = int(side * STRIDES[tiling]) // cell * cell
    vae.enable_tiling(
        tile_sample_min_height=side,
        tile_sample_min_width=side,
        tile_sample_stride_height=stride,
        tile_sample_stride_width=stride,
    )

    def decode(latents: Any, temb: Any) -> Any:
        if max(latents.shape[-2:]) <= side // cell:
            return vae.decoder(latents, temb)
        return vae.tiled_decode(latents, temb).sample

    return decode


def _frames(decoded: Any) -> Any:
    """(1, 3, frames, height, width) to (frames, 3, height, width)."""
    return decoded[0].permute(1, 0, 2, 3)


def _fade(before: Any, after: Any) -> Any:
    """Equal moments of two windows, from the one to the other."""
    import torch

    share = torch.arange(1, RUN + 1, device=after.device, dtype=after.dtype) / (RUN + 1)
    return torch.lerp(before, after, share.view(-1, 1, 1, 1))

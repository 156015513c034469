"""LTX's decoder in half the memory: what lies between its convolutions, a few frames at a time.

The library normalises a whole clip at once in 32 bits, which holds four times what goes in, and
pads it by copying it. With the input of a block and the layer's own, 6.3 tensors of the picture's
size live at once, 100 bytes a pixel and frame. Positions do not see each other between
convolutions: here norm, scale, shift and activation run over some frames at a time, straight into
the padded tensor that the convolution reads, and 3.6 such tensors live.

That tensor lies channels last, as GPUs multiply: else cuDNN copies what goes in and what comes out,
two tensors more. Convolutions are the library's own, whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

__all__ = ["AT_ONCE", "lean"]

AT_ONCE = 8 << 20
"""Elements that are normalised at once: 100 MiB while they are. Smaller tensors go whole."""


def lean(decoder: Any, at_once: int = AT_ONCE) -> None:
    """Let a decoder of LTX (from version 0.9.5 on) hold less while it runs; the same numbers, up to
    the order of sums."""
    from diffusers.models.autoencoders.autoencoder_kl_ltx import (
        LTXVideoCausalConv3d,
        LTXVideoResnetBlock3d,
        LTXVideoUpsampler3d,
    )

    for module in decoder.modules():
        if isinstance(module, LTXVideoCausalConv3d):
            module.forward = partial(_convolved, module)
        elif isinstance(module, LTXVideoUpsampler3d):
            module.forward = partial(_upsampled, module)
        elif isinstance(module, LTXVideoResnetBlock3d) and _plain(module):
            module.forward = partial(_resnet, module, at_once)
    decoder.norm_out.forward = partial(_normed, decoder.norm_out, at_once)


def _plain(block: Any) -> bool:
    """Whether a block is norm, activation and convolution, twice, and the way around them."""
    extras = (block.norm3, block.conv_shortcut, block.per_channel_scale1, block.per_channel_scale2)
    return all(extra is None for extra in extras)


def _resnet(block: Any, at_once: int, inputs: Any, temb: Any = None, generator: Any = None) -> Any:
    """See `LTXVideoResnetBlock3d.forward`: (batch, channels, frames, height, width), and back."""
    told: tuple[Any, ...] = (None, None, None, None)
    if block.scale_shift_table is not None:
        table = temb.unflatten(1, (4, -1)) + block.scale_shift_table[None, ..., None, None, None]
        told = table.unbind(dim=1)
    shift_1, scale_1, shift_2, scale_2 = told

    def half(given: Any, norm: Any, conv: Any, scale: Any, shift: Any) -> Any:
        padded, inside = _room(conv, given)
        for start, end in _runs(given, at_once):
            made = norm(given[:, :, start:end].movedim(1, -1)).movedim(-1, 1)
            if scale is not None:
                made = made * (1 + scale) + shift
            inside[:, :, start:end] = block.nonlinearity(made)
        return _filled(conv, padded)

    padded = half(inputs, block.norm1, block.conv1, scale_1, shift_1)
    hidden = block.conv1.conv(padded)
    del padded
    padded = half(hidden, block.norm2, block.conv2, scale_2, shift_2)
    del hidden
    return block.conv2.conv(padded).add_(inputs)


def _convolved(conv: Any, given: Any) -> Any:
    """See `LTXVideoCausalConv3d.forward`."""
    padded, inside = _room(conv, given)
    inside.copy_(given)
    return conv.conv(_filled(conv, padded))


def _room(conv: Any, given: Any) -> tuple[Any, Any]:
    """An empty tensor as `given`, channels last and padded in time, and the view inside it."""
    import torch

    before, after = _padding(conv)
    batch, channels, frames, height, width = given.shape
    padded = torch.empty(
        (batch, channels, before + frames + after, height, width),
        dtype=given.dtype,
        device=given.device,
        memory_format=torch.channels_last_3d,
    )
    return padded, padded[:, :, before : before + frames]


def _filled(conv: Any, padded: Any) -> Any:
    """The first and the last frame repeated as often as the convolution looks beyond them."""
    before, after = _padding(conv)
    if before:
        padded[:, :, :before] = padded[:, :, before : before + 1]
    if after:
        padded[:, :, -after:] = padded[:, :, -after - 1 : -after]
    return padded


def _padding(conv: Any) -> tuple[int, int]:
    """Frames that a convolution repeats before the first one and after the last one."""
    more = conv.kernel_size[0] - 1
    return (more, 0) if conv.is_causal else (more // 2, more // 2)


def _runs(given: Any, at_once: int) -> Iterator[tuple[int, int]]:
    """Frames from and to, so that no run has more than `at_once` elements, or is one frame."""
    frames = given.shape[2]
    step = max(at_once * frames // given.numel(), 1)
    for start in range(0, frames, step):
        yield start, min(start + step, frames)


def _normed(norm: Any, at_once: int, given: Any) -> Any:
    """A norm over the last dimension of (batch, frames, height, width, channels)."""
    import torch

    lies = given.movedim(-1, 1)
    out = torch.empty_like(lies)
    for start, end in _runs(lies, at_once):
        made = type(norm).forward(norm, given[:, start:end])
        out[:, :, start:end] = made.movedim(-1, 1)
    return out.movedim(1, -1)


def _upsampled(module: Any, given: Any) -> Any:
    """See `LTXVideoUpsampler3d.forward`; what it adds is added in place, not repeated first."""
    made = _spread(module, module.conv(given))
    if module.residual:
        added = _spread(module, given)
        made.unflatten(1, (-1, added.shape[1])).add_(added.unsqueeze(1))
    return made


def _spread(module: Any, given: Any) -> Any:
    """Channels become frames, rows and columns; the frames before the first one go."""
    batch, _, frames, height, width = given.shape
    parts = given.reshape(batch, -1, *module.stride, frames, height, width)
    spread = parts.permute(0, 1, 5, 2, 6, 3, 7, 4).flatten(6, 7).flatten(4, 5).flatten(2, 3)
    return spread[:, :, module.stride[0] - 1 :]

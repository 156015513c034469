"""Feed-forward layers row by row: the widest tensors of a network, made a part at a time.

In the wide blocks of a UNet the hidden layer of a feed-forward is sixteen times its input: of 2,085
MiB that 16 guided frames of 512x512 need, it makes 880. Rows do not see each other, so going over
them in a few large chunks gives the same numbers, and large chunks keep a GPU busy.

diffusers' own split inference goes over attention and normalisation too, in many small calls: a
step takes 0.28 s for 0.20 s (docs/measured/rungs.md).
"""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = ["LEAST", "PARTS", "in_chunks"]

LEAST = 16384 * 320
"""Elements of a feed-forward's input below which nothing is gained by parting it: 160 MiB of hidden
layer at 16 bits."""
PARTS = 4
"""The most parts: with a quarter of the hidden layer, it is other layers that hold the most."""


def in_chunks(network: Any, least: int = LEAST, parts: int = PARTS) -> None:
    """Let every feed-forward layer of a network go over an input of more than `least` elements in
    parts, at most `parts` of them."""
    from diffusers.models.attention import FeedForward

    for module in network.modules():
        if isinstance(module, FeedForward):
            module.forward = partial(_chunked, module.forward, least, parts)


def _chunked(
    whole: Any, least: int, parts: int, hidden_states: Any, *more: Any, **named: Any
) -> Any:
    import torch

    count = min(-(-hidden_states.numel() // least), parts)
    if count < 2:
        return whole(hidden_states, *more, **named)
    rows = hidden_states.flatten(0, -2)
    out = torch.empty_like(rows)
    for given, made in zip(rows.chunk(count), out.chunk(count), strict=True):
        made.copy_(whole(given, *more, **named))
    return out.view_as(hidden_states)

"""Live tensors of one call of AnimateDiff's network, counted without a GPU: the network on torch's
meta device computes shapes and no numbers.

    PYTHONPATH=src:tests python benchmarks/live.py [--frames 16] [--side 512] [--halves 2]

Weights are not counted, nor what libraries set aside. For each block: the most that was alive while
it ran, in MiB.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch.nn import functional

from live_tensors import Live
from reelkiln.backends.tiny import FULL, motion_network

MiB = 1 << 20


def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> Any:
    """What the fused kernel leaves: one tensor like the query."""
    return torch.empty_like(query)


def count(unet: Any, frames: int, width: int, height: int, halves: int) -> Live:
    """One call; `unet` lies on the meta device."""
    live = Live({p.untyped_storage()._cdata for p in (*unet.parameters(), *unet.buffers())})
    hooks = []
    for name, block in unet.named_modules():
        if name in BLOCKS:
            hooks.append(block.register_forward_pre_hook(_enter(live, name)))
    real, functional.scaled_dot_product_attention = (
        functional.scaled_dot_product_attention,
        attention,
    )
    dtype = next(unet.parameters()).dtype
    options = {"device": "meta", "dtype": dtype}
    sample = torch.empty(halves, 4, frames, height // 8, width // 8, **options)
    words = torch.empty(halves * frames, 77, unet.config.cross_attention_dim, **options)
    try:
        with torch.no_grad(), live:
            unet(sample, torch.empty((), device="meta"), words)
    finally:
        functional.scaled_dot_product_attention = real
        for hook in hooks:
            hook.remove()
    return live


def _enter(live: Live, name: str) -> Any:
    def hook(*_: Any) -> None:
        live.block = name

    return hook


BLOCKS = {
    *(f"down_blocks.{i}" for i in range(4)),
    "mid_block",
    *(f"up_blocks.{i}" for i in range(4)),
    "conv_norm_out",
}


def main() -> None:
    """Print one line per block."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--frames", type=int, default=16)
    asked.add_argument("--side", type=int, default=512)
    asked.add_argument("--halves", type=int, default=2)
    wish = asked.parse_args()
    with torch.device("meta"):
        unet = motion_network(FULL).half()
    live = count(unet, wish.frames, wish.side, wish.side, wish.halves)
    for name, peak in live.peaks.items():
        print(f"{name:16} {peak / MiB:7.0f} MiB")
    print(f"{'all':16} {live.peak / MiB:7.0f} MiB")


if __name__ == "__main__":
    main()

"""LTX's transformer: seconds of one call."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import torch
from ground import CAPS, Ground, sync

from held import capped
from reelkiln.backends.stream import Stream
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX, _transformer
from reelkiln.plan.machine import GiB


def ltx(ground: Ground) -> None:
    """Seconds of one call of LTX's transformer: all of it on the device, streamed, in 8 bits."""
    network = ltx_network(ground)
    device = torch.device(ground.device)
    dtype = torch.float32 if ground.tiny else torch.bfloat16
    homes = [(v, v.data) for v in (*network.parameters(), *network.buffers())]
    for frames, height, width in ((49, 480, 704), (121, 480, 704)):
        cells = (((frames - 1) // 8 + 1), height // 32, width // 32)
        cells = (2, 2, 2) if ground.tiny else cells
        tokens = cells[0] * cells[1] * cells[2]
        for value, home in homes:
            value.data = home.to(device)
        base, asked = _ltx_step(network, tokens, cells, device, dtype)
        for value, home in homes:
            value.data = home
        ground.add(
            "ltx", way="resident, no cap", frames=frames, step=round(base, 4), asked=round(asked, 4)
        )
        for cap in CAPS:
            # Nine tenths of the cap, less working memory and libraries' own.
            room = int(cap * GiB * 0.9) - tokens * 65_700 * 115 // 100 - 392 * 2**20
            with capped(cap):
                stream = Stream(network, device, kept=0 if ground.tiny else room)
                stream.enter()
                step, asked = _ltx_step(network, tokens, cells, device, dtype)
                peak = torch.cuda.max_memory_reserved() if ground.device == "cuda" else 0
                stream.close()
                del stream
            ground.add(
                "ltx",
                way=f"reelkiln: streamed, {room / GiB:.2f} GiB stay",
                cap=cap,
                frames=frames,
                step=round(step, 4),
                asked=round(asked, 4),
                times_resident=round(step / base, 3),
                peak=round(peak / GiB, 3),
            )
            for value, home in homes:
                value.data = home


def ltx_network(ground: Ground) -> Any:
    """LTX's transformer with random weights, in host memory."""
    with torch.device("meta"):
        network = _transformer(TINY_LTX if ground.tiny else FULL_LTX)
    dtype = torch.float32 if ground.tiny else torch.bfloat16
    network = network.to(dtype).to_empty(device=ground.device)
    with torch.no_grad():
        for value in network.parameters():
            torch.nn.init.normal_(value, std=0.02)
    return network.to("cpu").eval().requires_grad_(False)


def _ltx_step(
    network: Any, tokens: int, cells: tuple[int, ...], device: Any, dtype: Any
) -> tuple[float, float]:
    config = network.config
    given = {
        "hidden_states": torch.randn(1, tokens, config.in_channels, device=device, dtype=dtype),
        "encoder_hidden_states": torch.randn(
            1, 128, config.caption_channels, device=device, dtype=dtype
        ),
        "timestep": torch.tensor([500.0], device=device),
        "encoder_attention_mask": torch.ones(1, 128, device=device, dtype=torch.int64),
        "num_frames": cells[0],
        "height": cells[1],
        "width": cells[2],
        "return_dict": False,
    }
    rounds = []
    with torch.no_grad():
        for _ in range(11):
            sync()
            begun = time.perf_counter()
            network(**given)
            asked = time.perf_counter() - begun
            sync()
            rounds.append((time.perf_counter() - begun, asked))
    step, asked = (median(one) for one in zip(*rounds[2:], strict=True))
    return step, asked

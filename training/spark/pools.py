"""Rendered scenes kept in device memory, so that training never waits for the painter."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from training.spark.captions import canonical, caption, negative
from training.spark.fit import amp
from training.spark.paint import render
from training.spark.scenes import FRAMES
from training.spark.tokenizer import encode
from training.spark.world import draw_factors, judged_labels, names

__all__ = [
    "CELL",
    "SHAPES",
    "Latents",
    "Stock",
    "encode_frames",
    "fill_clips",
    "fill_frames",
    "fill_latents",
    "nothing",
]

SHAPES: Mapping[str, tuple[int, int]] = {
    "tall": (128, 224),
    "square": (160, 160),
    "wide": (224, 128),
}
"""Width and height of the three shapes trained on: about 4:7, 1:1 and 7:4."""

CELL = 8
"""Pixels per side of a latent cell."""


def fill_frames(
    count: int, size: tuple[int, int], generator: torch.Generator, device: torch.device
) -> torch.Tensor:
    """Single frames of random scenes at random moments: uint8 (count, 3, height, width)."""
    out = []
    for start in range(0, count, 512):
        factors = draw_factors(min(512, count - start), generator)
        times = torch.rand(len(factors), 1, generator=generator)
        out.append(render(factors, size, generator, device=device, times=times)[:, 0])
    return torch.cat(out)


def fill_clips(
    count: int,
    size: tuple[int, int],
    generator: torch.Generator,
    device: torch.device,
    *,
    moments: int = FRAMES,
    held_out: bool | None = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips of `moments` evenly spaced frames and their factors (on the CPU)."""
    factors = draw_factors(count, generator, held_out=held_out)
    parts = []
    for rows in factors.split(max(1, 512 // moments)):
        times = torch.linspace(0, 1, FRAMES)[:: FRAMES // moments].expand(len(rows), moments)
        parts.append(render(rows, size, generator, device=device, times=times))
    return torch.cat(parts), factors


def encode_frames(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Latents of uint8 frames (n, 3, height, width): the mean of the encoder, float16 or 32."""
    with torch.no_grad(), amp(frames.device):
        parts = [
            vae.encode(part.float() / 127.5 - 1).latent_dist.mean for part in frames.split(256)
        ]
    return torch.cat(parts).to(torch.float16 if frames.is_cuda else torch.float32)


Rows = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Latents:
    """Scenes of one shape as denoisers see them, in device memory.

    `z` holds latents (clips, frames, channels, h, w), `ids` the token numbers of several captions
    of each, int32 (clips, captions, 77), `labels` what the judge would read, int64 (clips, 5).

    Args:
        count: how many clips.
        paint: paints that many new ones.
    """

    def __init__(self, count: int, paint: Callable[[int], Rows]) -> None:
        self._paint, self._oldest = paint, 0
        parts = [paint(min(64, count - start)) for start in range(0, count, 64)]
        self.z, self.ids, self.labels = (torch.cat(rows) for rows in zip(*parts, strict=True))

    def draw(self, count: int) -> Rows:
        """A random batch: latents, one caption's token numbers (int64) each, and labels."""
        device = self.z.device
        which = torch.randint(0, len(self.z), (count,), device=device)
        said = torch.randint(0, self.ids.shape[1], (count,), device=device)
        return self.z[which], self.ids[which, said].long(), self.labels[which]

    def renew(self, count: int) -> None:
        """Paint new clips over the oldest ones, so that none is seen too often."""
        count = min(count, len(self.z) - self._oldest)
        place = slice(self._oldest, self._oldest + count)
        self.z[place], self.ids[place], self.labels[place] = self._paint(count)
        self._oldest = (self._oldest + count) % len(self.z)


def fill_latents(
    count: int,
    shape: str,
    vae: Any,
    tokenizer: Any,
    *,
    seed: int,
    device: torch.device,
    captions: int = 4,
) -> Latents:
    """Render, encode and caption clips of one shape."""
    generator = torch.Generator().manual_seed(seed)
    chance = random.Random(seed)

    def paint(number: int) -> Rows:
        clips, factors = fill_clips(number, SHAPES[shape], generator, device)
        z = encode_frames(vae, clips.flatten(0, 1))
        texts = []
        for row in factors:
            scene = names(row)
            texts += [caption(scene, chance) for _ in range(captions - 1)]
            texts.append(canonical(scene))
        ids = encode(tokenizer, texts).view(number, captions, -1)
        return (
            z.view(number, FRAMES, *z.shape[1:]),
            ids.to(device, torch.int32),
            judged_labels(factors).to(device),
        )

    return Latents(count, paint)


@dataclass(frozen=True, slots=True)
class Stock:
    """What denoisers learn from: latents by shape, and tokens that mean "no condition"."""

    latents: Mapping[str, Latents]
    blank: torch.Tensor


def nothing(tokenizer: Any, device: torch.device, count: int = 256) -> torch.Tensor:
    """Token numbers that mean "no condition": empty, or a usual negative prompt."""
    chance = random.Random(5)
    texts = ["" if chance.random() < 0.6 else negative(chance) for _ in range(count)]
    return encode(tokenizer, texts).to(device)

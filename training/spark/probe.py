"""How far words are followed, seen while training goes on.

Long before a judge reads a motion off a clip, the error tells whether the network listens: at high
noise it must grow when the caption names another motion (or product) than the clip shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from training.spark.captions import canonical
from training.spark.evaluate import ask, evaluate
from training.spark.fit import amp
from training.spark.networks import Joint
from training.spark.noise import Noise, timesteps
from training.spark.pools import CELL, SHAPES, encode_frames, fill_clips
from training.spark.scenes import FRAMES
from training.spark.tokenizer import encode
from training.spark.world import FACTORS, names

__all__ = ["Probe", "open_probe", "sample"]

MOMENTS = (999, 900, 800)
"""Timesteps at which the error is compared."""

_SHAPE = "tall"
_SEED = 700_000


@dataclass(frozen=True, slots=True)
class Probe:
    """Held-out clips, what they show and what they do not, and a judge to read new ones.

    `z` is (clips, 16, channels, h, w); `captions` holds token numbers (clips, 77): "right", and for
    each factor that is watched the same with another label.
    """

    z: torch.Tensor
    captions: Mapping[str, torch.Tensor]
    vae: Any
    judge: Any
    tokenizer: Any

    def follows(self, joint: Joint) -> dict[str, list[float]]:
        """By how many percent the error grows with the wrong word, at each of `MOMENTS`."""
        noise = Noise(self.z.device)
        clean = self.z.transpose(1, 2).float()
        generator = torch.Generator(self.z.device).manual_seed(_SEED)
        grain = torch.randn(clean.shape, generator=generator, device=clean.device)
        errors: dict[str, list[float]] = {}
        for said, ids in self.captions.items():
            for moment in MOMENTS:
                t = torch.full((len(clean),), moment, device=clean.device)
                a, s = noise.at(t)
                with torch.no_grad():
                    v = joint(ids, (a * clean + s * grain).to(joint.unet.dtype), t)
                error = (v.float() - (a * grain - s * clean)).square().mean().item()
                errors.setdefault(said, []).append(error)
        right = errors.pop("right")
        return {
            said: [round(100 * (e / r - 1), 2) for e, r in zip(wrong, right, strict=True)]
            for said, wrong in errors.items()
        }

    def drawn(self, joint: Joint, *, steps: int, guidance: float) -> dict[str, float]:
        """What the judge reads off new clips of held-out prompts, twice as many as it holds."""
        asked = ask(2 * len(self.z), natural=False)
        device = self.z.device
        ids = encode(self.tokenizer, asked.prompts).to(device)
        blank = encode(self.tokenizer, [""]).to(device)
        clips = []
        for part in ids.split(32):
            with torch.no_grad(), amp(device):
                z = sample(joint, part, blank, steps=steps, guidance=guidance)
                pixels = [self.vae.decode(frames).sample for frames in z.flatten(0, 1).split(64)]
            frames = (torch.cat(pixels).float() / 2 + 0.5).clamp(0, 1) * 255
            clips.append(frames.round().to(torch.uint8).unflatten(0, (-1, FRAMES)))
        return evaluate(self.judge, torch.cat(clips), asked.factors)


def sample(
    joint: Joint, ids: torch.Tensor, blank: torch.Tensor, *, steps: int, guidance: float
) -> torch.Tensor:
    """Latents (clips, 16, channels, h, w) for token numbers (clips, 77), as the sampler draws them.

    Noise comes from the CPU's generator with one seed; guidance 1 asks the network once a step.
    """
    width, height = SHAPES[_SHAPE]
    device, noise, taken = ids.device, Noise(ids.device), timesteps(steps)
    size = (len(ids), joint.sizes.latent, FRAMES, height // CELL, width // CELL)
    x = torch.randn(size, generator=torch.Generator().manual_seed(_SEED)).to(device)
    dtype = joint.unet.dtype
    for i in range(steps):
        t, to = (taken[k].expand(len(ids)).to(device) for k in (i, i + 1))
        v = joint(ids, x.to(dtype), t).float()
        if guidance != 1:
            without = joint(blank.expand_as(ids), x.to(dtype), t).float()
            v = without + guidance * (v - without)
        x = noise.step(x, v, t, to)
    return x.transpose(1, 2)


def open_probe(
    vae: Any, judge: Any, tokenizer: Any, device: torch.device, count: int = 32
) -> Probe:
    """Paint the clips that the error is compared on."""
    generator = torch.Generator().manual_seed(_SEED)
    clips, factors = fill_clips(count, SHAPES[_SHAPE], generator, device, held_out=True)
    z = encode_frames(vae, clips.flatten(0, 1)).unflatten(0, (count, FRAMES))
    scenes = [names(row) for row in factors]
    captions = {"right": [canonical(scene) for scene in scenes]}
    for factor in ("motion", "product"):
        labels = FACTORS[factor]
        other = [labels[(labels.index(s[factor]) + 1) % len(labels)] for s in scenes]
        captions[factor] = [
            canonical({**s, factor: label}) for s, label in zip(scenes, other, strict=True)
        ]
    tokens = {said: encode(tokenizer, texts).to(device) for said, texts in captions.items()}
    return Probe(z, tokens, vae, judge, tokenizer)

"""One step of the denoiser's training: which noise, which frames, what counts as wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from training.spark.fit import Fit, Step
from training.spark.noise import TRAIN_STEPS, Noise
from training.spark.pools import CELL, SHAPES, Stock
from training.spark.readers import Watched
from training.spark.scenes import FRAMES
from training.spark.world import JUDGED

__all__ = ["DenoiserRun", "Lessons", "blanked", "latent_size", "moments"]


@dataclass(frozen=True, slots=True)
class DenoiserRun:
    """How long, on how much, how fast.

    `flicker` weighs differences between neighbouring frames, `travel` distances from the clip's
    mean frame; `read` weighs the readers' error of labels and of beats, see `readers.py`; `unsaid`
    is the share of clips trained without their caption. For the share `skim` of the time twice as
    many clips are seen, every second frame of each: what words mean is learnt from clips, not from
    frames. Every `renew` steps 64 clips are painted anew, and every `look` steps the probe says how
    far words are followed.
    """

    minutes: float
    clips: int = 14_000
    batch: int = 40
    rate: float = 7e-4
    flicker: float = 0.2
    travel: float = 2.0
    read: tuple[float, float] = (0.1, 0.3)
    unsaid: float = 0.12
    skim: float = 0.6
    renew: int = 80
    look: int = 250
    steps: int | None = None
    seed: int = 0


class Lessons:
    """Captured steps for each shape, for clips with every frame and with every second."""

    def __init__(self, fit: Fit, watched: Watched, run: DenoiserRun, device: torch.device) -> None:
        self.watched, self.run = watched, run
        self.steps: dict[tuple[str, int], Step] = {}
        noise, pool = Noise(device), None

        def once(inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
            return _loss(watched, inputs, noise, run)

        for shape, every in itertools.product(SHAPES, (1, 2) if run.skim else (1,)):
            with _apart(watched.joint.unet, every):
                step = Step(once, self._room(shape, every, device), fit.grad, pool)
            self.steps[shape, every] = step
            pool = pool or step.pool

    def _room(self, shape: str, every: int, device: torch.device) -> dict[str, torch.Tensor]:
        high, wide = latent_size(shape)
        clips, channels = self.run.batch * every, self.watched.joint.sizes.latent
        return {
            "z": torch.zeros(clips, FRAMES // every, channels, high, wide, device=device),
            "ids": torch.zeros(clips, 77, dtype=torch.long, device=device),
            "labels": torch.zeros(clips, len(JUDGED), dtype=torch.long, device=device),
            "said": torch.ones(clips, device=device),
        }

    def learn(self, stock: Stock, shape: str, share: float) -> torch.Tensor:
        """One batch, `share` of the way through the run; the gradient is added to the fit's.

        Returns:
            figures to log: the errors of velocity, between neighbouring frames and from the mean
            frame, then of the readers of words, labels and beats.
        """
        every = 2 if share < self.run.skim else 1
        z, ids, labels = stock.latents[shape].draw(self.run.batch * every)
        shown = blanked(ids, stock.blank, self.run.unsaid)
        said = (shown == ids).all(1)
        with _apart(self.watched.joint.unet, every):
            step = self.steps[shape, every]
            return step(z=z[:, ::every], ids=shown, labels=labels, said=said)


def blanked(ids: torch.Tensor, blank: torch.Tensor, share: float) -> torch.Tensor:
    """Replace some captions by "no condition"."""
    which = torch.randint(0, len(blank), (len(ids),), device=ids.device)
    drop = torch.rand(len(ids), 1, device=ids.device) < share
    return torch.where(drop, blank[which], ids)


def latent_size(shape: str) -> tuple[int, int]:
    """Height and width in latent cells."""
    width, height = SHAPES[shape]
    return height // CELL, width // CELL


@contextmanager
def _apart(unet: Any, every: int) -> Iterator[None]:
    """Tell the motion modules that frames are `every` places apart."""
    modules = [m for m in unet.modules() if hasattr(m, "pe")]
    whole = [m.pe for m in modules]
    for module in modules:
        module.pe = module.pe[:, ::every]
    try:
        yield
    finally:
        for module, places in zip(modules, whole, strict=True):
            module.pe = places


def moments(count: int, device: torch.device) -> torch.Tensor:
    """Timesteps: 40 % anywhere, 45 % from 800 up, 15 % pure noise.

    Sixteen frames of one scene show through noise much sooner than one does: below 800 the clip
    itself tells where things are, and only above it are words needed to know what moves.
    """
    anywhere = torch.rand(count, device=device)
    high = 0.8 + 0.2 * torch.rand(count, device=device)
    kind = torch.rand(count, device=device)
    share = torch.where(kind < 0.4, anywhere, torch.where(kind < 0.85, high, 1.0))
    return (share * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)


def _loss(
    watched: Watched, inputs: Mapping[str, torch.Tensor], noise: Noise, run: DenoiserRun
) -> torch.Tensor:
    """Plain error of the velocity, its error over time counted again, and the readers' errors.

    Neighbouring frames catch flicker. Where a clip goes (a slide, a rise) is the slowest change of
    all, so the distance from the clip's mean frame is counted too, the more the noisier the clip:
    there the model decides what moves.
    """
    clean = inputs["z"].transpose(1, 2)
    t = moments(len(clean), clean.device)
    a, s = noise.at(t)
    grain = torch.randn_like(clean)
    noisy, target = a * clean + s * grain, a * grain - s * clean
    dtype = watched.joint.unet.dtype
    asked = {k: inputs[k] for k in ("labels", "said")}
    v, words, read = watched(inputs["ids"], noisy.to(dtype), t, **asked)
    error = v.float() - target
    plain = error.square().mean()
    flicker = error.diff(dim=2).square().mean()
    travel = ((error - error.mean(2, keepdim=True)) * s).square().mean()
    seen = run.read[0] * (words + read[0]) + run.read[1] * read[1]
    (plain + run.flicker * flicker + run.travel * travel + seen).backward()
    return torch.stack([plain, flicker, travel, words, *read]).detach()

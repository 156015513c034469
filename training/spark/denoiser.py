"""Stage two: text encoder and denoiser, learning to predict velocity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.spark.export import load_joint, save_joint
from training.spark.fit import Clock, Fit, Place, Step, is_first, log
from training.spark.networks import Joint, count
from training.spark.noise import TRAIN_STEPS, Noise
from training.spark.pools import CELL, SHAPES, Latents, Stock, fill_latents
from training.spark.scenes import FRAMES

__all__ = ["ORDER", "DenoiserRun", "blanked", "fill_all", "latent_size", "train_denoiser"]

ORDER = ("tall", "square", "tall", "wide")
"""Which shape each step trains."""


@dataclass(frozen=True, slots=True)
class DenoiserRun:
    """How long, on how much, how fast.

    `flicker` weighs differences between neighbouring frames, `travel` distances from the clip's
    mean frame; `unsaid` is the share of clips trained without their caption.
    """

    minutes: float
    clips: int = 14_000
    batch: int = 40
    rate: float = 7e-4
    flicker: float = 0.2
    travel: float = 2.0
    unsaid: float = 0.12
    steps: int | None = None
    seed: int = 0


def latent_size(shape: str) -> tuple[int, int]:
    """Height and width in latent cells."""
    width, height = SHAPES[shape]
    return height // CELL, width // CELL


def fill_all(
    clips: int, vae: Any, tokenizer: Any, *, seed: int, device: torch.device
) -> dict[str, Latents]:
    """Latents of every shape: half of them tall, a quarter each square and wide."""
    share = {"tall": 2, "square": 1, "wide": 1}
    pools = {}
    for i, shape in enumerate(SHAPES):
        number = max(1, clips * share[shape] // 4)
        pools[shape] = fill_latents(
            number, shape, vae, tokenizer, seed=seed * 10 + i, device=device
        )
        log(f"  {number} {shape} clips rendered and encoded")
    return pools


def train_denoiser(joint: Joint, stock: Stock, run: DenoiserRun, place: Place) -> Joint:
    """Train and save to `work/joint`; goes on from there, with optimiser state if it is there.

    Args:
        joint: the networks, on the device.
        stock: what to learn from.
        run: how long and how fast.
        place: device, folder and number of this process (each draws other batches).

    Returns:
        the networks with the running average of their weights, in float32.
    """
    work, device = place.work, place.device
    if (work / "joint").exists():
        load_joint(joint, work / "joint")
        log("going on from", work / "joint")
    joint.train()
    torch.manual_seed(run.seed * 1000 + place.rank)
    fit = Fit(joint, rate=run.rate, ema=0.999, warm=300, half=device.type == "cuda")
    saved = work / "joint.fit.safetensors"
    if saved.exists():
        log("with its optimiser", fit.load(saved))
    steps = _capture(fit, joint, run, device)
    log(f"denoiser and text encoder of {count(joint) / 1e6:.2f} M, batch {run.batch}")
    clock = Clock(run.minutes, device, run.steps)
    total = torch.zeros(3, device=device)
    while clock.tick():
        shape = ORDER[clock.count % len(ORDER)]
        z, ids = stock.latents[shape].draw(run.batch)
        total += steps[shape](z=z, ids=blanked(ids, stock.blank, run.unsaid))
        fit.update(clock.share)
        if clock.count % 100 == 0:
            _line(fit, total / 100, clock)
            total.zero_()
        if clock.count % 2500 == 0:
            _keep(fit, work, clock)
    _keep(fit, work, clock)
    averaged: Joint = fit.averaged()
    return averaged


def blanked(ids: torch.Tensor, blank: torch.Tensor, share: float) -> torch.Tensor:
    """Replace some captions by "no condition"."""
    which = torch.randint(0, len(blank), (len(ids),), device=ids.device)
    drop = torch.rand(len(ids), 1, device=ids.device) < share
    return torch.where(drop, blank[which], ids)


def _line(fit: Fit, figures: torch.Tensor, clock: Clock) -> None:
    loss, flicker, travel = figures.tolist()
    pace = 1000 * clock.lag() / clock.count
    rate = fit.optimiser.param_groups[0]["lr"]
    log(
        f"  denoiser {fit.steps}: loss {loss:.4f} flicker {flicker:.4f} travel {travel:.4f} "
        f"norm {fit.norm.item():.2f} rate {rate:.1e} {pace:.1f} ms, {100 * clock.share:.1f} %"
    )


def _keep(fit: Fit, work: Path, clock: Clock) -> None:
    if is_first():
        save_joint(fit.averaged(), work / "joint")
    fit.save(work / "joint.fit.safetensors", seconds=clock.lag())


def _capture(fit: Fit, joint: Joint, run: DenoiserRun, device: torch.device) -> dict[str, Step]:
    """One captured step for each shape."""
    noise = Noise(device)
    steps: dict[str, Step] = {}
    pool = None

    def once(inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return _loss(joint, inputs, noise, run)

    for shape in SHAPES:
        high, wide = latent_size(shape)
        inputs = {
            "z": torch.zeros(run.batch, FRAMES, joint.sizes.latent, high, wide, device=device),
            "ids": torch.zeros(run.batch, 77, dtype=torch.long, device=device),
        }
        steps[shape] = Step(once, inputs, fit.grad, pool)
        pool = pool or steps[shape].pool
    return steps


def _moments(count: int, device: torch.device) -> torch.Tensor:
    """Timesteps: half of them anywhere, half where layout and motion are decided (400 to 999)."""
    anywhere = torch.rand(count, device=device)
    late = 0.4 + 0.6 * torch.rand(count, device=device)
    share = torch.where(torch.rand(count, device=device) < 0.5, anywhere, late)
    return (share * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)


def _loss(
    joint: Joint, inputs: Mapping[str, torch.Tensor], noise: Noise, run: DenoiserRun
) -> torch.Tensor:
    """Plain error of the velocity, and its error over time counted again.

    Neighbouring frames catch flicker. Where a clip goes (a slide, a rise) is the slowest change of
    all, so the distance from the clip's mean frame is counted too, the more the noisier the clip:
    there the model decides what moves.
    """
    clean = inputs["z"].transpose(1, 2)
    t = _moments(len(clean), clean.device)
    a, s = noise.at(t)
    grain = torch.randn_like(clean)
    noisy, target = a * clean + s * grain, a * grain - s * clean
    v = joint(inputs["ids"], noisy.to(joint.unet.dtype), t)
    error = v.float() - target
    plain = error.square().mean()
    flicker = error.diff(dim=2).square().mean()
    travel = ((error - error.mean(2, keepdim=True)) * s).square().mean()
    (plain + run.flicker * flicker + run.travel * travel).backward()
    return torch.stack([plain.detach(), flicker.detach(), travel.detach()])

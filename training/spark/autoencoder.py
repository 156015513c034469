"""Stage one: frames to latents and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from training.spark.fit import Clock, Fit, Place, Step, is_first, log
from training.spark.networks import Sizes, autoencoder, count
from training.spark.pools import CELL, SHAPES, encode_frames, fill_frames

__all__ = ["AutoencoderRun", "load_autoencoder", "psnr", "train_autoencoder"]


@dataclass(frozen=True, slots=True)
class AutoencoderRun:
    """How long, on how much, how fast."""

    minutes: float
    frames: int = 40_000
    batch: int = 48
    rate: float = 1.2e-3
    kl: float = 5e-5
    steps: int | None = None
    seed: int = 0
    scale: float = 1.0


def load_autoencoder(folder: Path, device: torch.device) -> Any:
    """The autoencoder saved in a folder, frozen."""
    from diffusers import AutoencoderKL  # noqa: PLC0415

    vae = AutoencoderKL.from_pretrained(str(folder)).to(device).float().eval()
    return vae.requires_grad_(False)


def train_autoencoder(sizes: Sizes, run: AutoencoderRun, place: Place) -> Any:
    """Train, normalise the latents, and save to `work/vae`; resumes from `work/vae.fit`.

    Returns:
        the frozen autoencoder, in float32.
    """
    work, device = place.work, place.device
    generator = torch.Generator().manual_seed(run.seed * 1000 + place.rank)
    torch.manual_seed(run.seed * 1000 + place.rank)
    shapes = {k: _scaled(v, run.scale) for k, v in SHAPES.items()}
    pools = {k: fill_frames(run.frames, v, generator, device) for k, v in shapes.items()}
    log("frames rendered:", {k: len(v) for k, v in pools.items()})
    vae = autoencoder(sizes).to(device).train()
    fit = Fit(vae, rate=run.rate, ema=0.999, half=device.type == "cuda")
    saved = work / "vae.fit.safetensors"
    if saved.exists():
        log("going on from", fit.load(saved))
    steps = _steps(fit, vae, run, shapes, device)
    clock = Clock(run.minutes, device, run.steps)
    log(f"autoencoder of {count(vae) / 1e6:.2f} M parameters, batch {run.batch}")
    order = ("tall", "square", "tall", "wide")
    while clock.tick():
        shape = order[clock.count % len(order)]
        which = torch.randint(0, run.frames, (run.batch,), device=device)
        figures = steps[shape](frames=pools[shape][which])
        fit.update(clock.share)
        if clock.count % 250 == 0:
            log(_line(fit, figures, clock))
    fit.save(saved, seconds=clock.lag())
    vae = fit.averaged().eval()
    _normalise(vae, [pool[:256] for pool in pools.values()])
    vae.requires_grad_(False)
    log("saved; quality", {k: psnr(vae, v[:128]) for k, v in pools.items()})
    if is_first():
        vae.save_pretrained(str(work / "vae"))
    return vae


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    width, height = (max(32, round(side * scale / 32) * 32) for side in size)
    return width, height


def _line(fit: Fit, figures: torch.Tensor, clock: Clock) -> str:
    absolute, squared, kl = figures.tolist()
    quality = -10 * math.log10(squared / 4 + 1e-9)
    pace = 1000 * clock.lag() / clock.count
    return (
        f"  autoencoder {fit.steps}: L1 {absolute / 2:.4f} psnr {quality:.2f} kl {kl:.2f} "
        f"norm {fit.norm.item():.2f} {pace:.1f} ms a step, {100 * clock.share:.0f} %"
    )


def _steps(
    fit: Fit,
    vae: Any,
    run: AutoencoderRun,
    shapes: Mapping[str, tuple[int, int]],
    device: torch.device,
) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    pool = None
    for shape, (width, height) in shapes.items():
        frames = torch.zeros(run.batch, 3, height, width, dtype=torch.uint8, device=device)

        def once(inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
            return _loss(vae, inputs["frames"], run.kl, device)

        steps[shape] = Step(once, {"frames": frames}, fit.grad, pool)
        pool = pool or steps[shape].pool
    return steps


def _loss(vae: Any, frames: torch.Tensor, weight: float, device: torch.device) -> torch.Tensor:
    x = frames.float() / 127.5 - 1
    moments = vae.encode(x.to(vae.dtype)).latent_dist
    mean, logvar = moments.mean.float(), moments.logvar.float().clamp(-20, 10)
    jitter = 0.1 * torch.rand(len(x), 1, 1, 1, device=device) * mean.detach().std()
    z = mean + (torch.exp(0.5 * logvar) + jitter) * torch.randn_like(mean)
    y = vae.decode(z.to(vae.dtype)).sample.float()
    kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
    loss, absolute, squared = _distance(x, y)
    (loss + weight * kl).backward()
    return torch.stack([absolute, squared, kl.detach()])


def _distance(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Differences, counted more along edges (labels, outlines), their slopes, and coarser views."""
    error = (x - y).abs()
    across, down = x.diff(dim=-1), x.diff(dim=-2)
    edge = F.pad(across.abs(), (0, 1)) + F.pad(down.abs(), (0, 0, 0, 1))
    edge = F.max_pool2d(edge.mean(1, keepdim=True), 3, 1, 1).clamp(max=0.5)
    loss = (error * (1 + 4 * edge)).mean()
    loss = loss + 0.6 * ((across - y.diff(dim=-1)).abs().mean())
    loss = loss + 0.6 * ((down - y.diff(dim=-2)).abs().mean())
    a, b = x, y
    for share in (0.4, 0.3, 0.2):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        loss = loss + share * (a - b).abs().mean()
    squared = ((x - y) ** 2).mean()
    return loss + 0.5 * squared, error.mean().detach(), squared.detach()


def _normalise(vae: Any, frames: list[torch.Tensor]) -> None:
    """Fold the latents' mean and spread into the 1x1 convolutions: the scaling factor is 1."""
    with torch.no_grad():
        flat = [encode_frames(vae, f).float().transpose(0, 1).flatten(1) for f in frames]
        z = torch.cat(flat, 1)
        mean, spread = z.mean(1), z.std(1).clamp(min=1e-4)
        n = len(mean)
        quant, post = vae.quant_conv, vae.post_quant_conv
        quant.weight[:n] /= spread.view(n, 1, 1, 1)
        quant.bias[:n] = (quant.bias[:n] - mean) / spread
        quant.bias[n:] -= 2 * spread.log()
        post.bias += post.weight[:, :, 0, 0] @ mean
        post.weight *= spread.view(1, n, 1, 1)


def psnr(vae: Any, frames: torch.Tensor) -> float:
    """Peak signal to noise of reconstructed uint8 frames, in dB, mean over frames."""
    with torch.no_grad():
        total = 0.0
        for part in frames.split(64):
            y = vae.decode(encode_frames(vae, part).float()).sample
            error = ((y.clamp(-1, 1) - (part.float() / 127.5 - 1)) / 2) ** 2
            total += (-10 * torch.log10(error.mean((1, 2, 3)) + 1e-9)).sum().item()
    return round(total / len(frames), 2)


assert CELL == 8  # noqa: S101  three halvings, as `autoencoder` builds them

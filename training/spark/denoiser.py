"""Stage three: text encoder and denoiser, learning to predict velocity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training.spark.export import load_joint, save_joint
from training.spark.fit import Clock, Fit, Place, is_first, log
from training.spark.lessons import DenoiserRun, Lessons
from training.spark.networks import Joint, count
from training.spark.pools import SHAPES, Latents, Stock, fill_latents
from training.spark.probe import Probe
from training.spark.readers import Watched
from training.spark.tokenizer import load_tokenizer
from training.spark.words import load_readers, save_readers

__all__ = ["ORDER", "fill_all", "train_denoiser"]

ORDER = ("tall", "square", "tall", "wide")
"""Which shape each step trains."""


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


def train_denoiser(
    joint: Joint, stock: Stock, run: DenoiserRun, place: Place, probe: Probe | None = None
) -> Joint:
    """Train and save to `work/joint`; goes on from there, with optimiser state if it is there.

    Args:
        joint: the networks, on the device.
        stock: what to learn from.
        run: how long and how fast.
        place: device, folder and number of this process (each draws other batches).
        probe: says now and then how far words are followed.

    Returns:
        the networks with the running average of their weights, in float32.
    """
    watched, fit = _open(joint, run, place)
    lessons = Lessons(fit, watched, run, place.device)
    log(f"denoiser and text encoder of {count(joint) / 1e6:.2f} M, batch {run.batch}")
    clock = Clock(run.minutes, place.device, run.steps)
    total = torch.zeros(6, device=place.device)
    while clock.tick():
        shape = ORDER[clock.count % len(ORDER)]
        total += lessons.learn(stock, shape, clock.share)
        fit.update(clock.share)
        if clock.count % run.renew == 0:
            stock.latents[shape].renew(64)
        if clock.count % 100 == 0:
            _line(fit, total / 100, clock)
            total.zero_()
        if clock.count % run.look == 1 and probe and is_first():
            log("  follows:", probe.follows(joint))
        if clock.count % 1500 == 0:
            _keep(fit, place.work, clock)
    _keep(fit, place.work, clock)
    averaged: Joint = fit.averaged().joint
    if probe and is_first():
        log("  drawn with 16 guided steps:", probe.drawn(averaged, steps=16, guidance=3.0))
    return averaged


def _open(joint: Joint, run: DenoiserRun, place: Place) -> tuple[Watched, Fit]:
    """The networks with their readers, as far as an earlier run brought them."""
    work, device = place.work, place.device
    if (work / "joint").exists():
        load_joint(joint, work / "joint")
        log("going on from", work / "joint")
    torch.manual_seed(run.seed * 1000 + place.rank)
    watched = Watched(joint, load_tokenizer().eos_token_id).to(device).train()
    load_readers(watched, work)
    fit = Fit(watched, rate=run.rate, ema=0.999, warm=150, half=device.type == "cuda")
    saved = work / "joint.fit.safetensors"
    if saved.exists():
        log("with its optimiser", fit.load(saved))
    return watched, fit


def _line(fit: Fit, figures: torch.Tensor, clock: Clock) -> None:
    loss, flicker, travel, words, labels, beats = figures.tolist()
    pace = 1000 * clock.lag() / clock.count
    rate = fit.optimiser.param_groups[0]["lr"]
    log(
        f"  denoiser {fit.steps}: loss {loss:.4f} flicker {flicker:.4f} travel {travel:.4f} "
        f"words {words:.3f} labels {labels:.3f} beats {beats:.3f} "
        f"norm {fit.norm.item():.2f} rate {rate:.1e} {pace:.1f} ms, {100 * clock.share:.1f} %"
    )


def _keep(fit: Fit, work: Path, clock: Clock) -> None:
    if is_first():
        average = fit.averaged()
        save_joint(average.joint, work / "joint")
        save_readers(average, work)
    fit.save(work / "joint.fit.safetensors", seconds=clock.lag())

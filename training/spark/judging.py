"""The judge: learns to read clips, and says how well it reads renders and reconstructions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from reelkiln.backends.spark_judge import MOMENTS, build_judge, shrink
from training.spark.fit import Clock, Fit, amp, log
from training.spark.pools import SHAPES, encode_frames, fill_clips
from training.spark.world import FACTORS, JUDGED, judged_labels

__all__ = ["JudgeRun", "accuracy", "load_judge", "new_judge", "train_judge"]

SEED = 900_000
"""Judges learn from other scenes than generators: their seeds start here."""


@dataclass(frozen=True, slots=True)
class JudgeRun:
    """How long, on how much, how fast."""

    minutes: float
    clips: int = 6_000
    batch: int = 96
    rate: float = 1.5e-3
    steps: int | None = None


def new_judge() -> Any:
    """Fresh weights for the world of `spark`."""
    return build_judge({factor: len(FACTORS[factor]) for factor in JUDGED})


def load_judge(folder: Path, device: torch.device) -> Any:
    """The judge in a folder, frozen."""
    from safetensors.torch import load_file  # noqa: PLC0415

    judge = new_judge()
    weights = load_file(folder / "model.safetensors")
    judge.load_state_dict({k: v.float() for k, v in weights.items()})
    return judge.to(device).eval().requires_grad_(False)


def _pool(
    shape: str, count: int, vae: Any, seed: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips as the judge sees them, renders first and their reconstructions after, with labels.

    uint8 (2 * count, 8, 3, height, width); every combination of product and colour.
    """
    generator = torch.Generator().manual_seed(seed)
    seen, again, labels = [], [], []
    for start in range(0, count, 256):
        number = min(256, count - start)
        clips, factors = fill_clips(
            number, SHAPES[shape], generator, device, moments=MOMENTS, held_out=None
        )
        flat = clips.flatten(0, 1)
        seen.append(_seen(flat.float() / 255, number))
        again.append(_seen(reconstruct(vae, flat), number))
        labels.append(judged_labels(factors).to(device))
    return torch.cat(seen + again), torch.cat(labels + labels)


def _seen(frames: torch.Tensor, clips: int) -> torch.Tensor:
    small = (shrink(frames) * 255).round().to(torch.uint8)
    return small.view(clips, MOMENTS, *small.shape[1:])


def reconstruct(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Through the autoencoder and back: uint8 (n, 3, h, w) to float 0 to 1."""
    out = []
    with torch.no_grad(), amp(frames.device):
        for part in frames.split(256):
            z = encode_frames(vae, part).float()
            out.append((vae.decode(z).sample.float() / 2 + 0.5).clamp(0, 1))
    return torch.cat(out)


def train_judge(run: JudgeRun, vae: Any, work: Path, device: torch.device) -> dict[str, Any]:
    """Train on renders and reconstructions, save to `work/judge`, and return the accuracies."""
    torch.manual_seed(SEED)
    pools = {}
    for i, shape in enumerate(SHAPES):
        pools[shape] = _pool(shape, run.clips, vae, SEED + i, device)
        log(f"  {2 * run.clips} {shape} clips for the judge")
    judge = new_judge().to(device).train()
    fit = Fit(judge, rate=run.rate, ema=0.998, warm=100)
    clock = Clock(run.minutes, device, run.steps)
    order = tuple(SHAPES)
    while clock.tick():
        clips, labels = pools[order[clock.count % len(order)]]
        which = torch.randint(0, len(clips), (run.batch,), device=device)
        found, loss = _learn(judge, clips[which].float() / 255, labels[which], device)
        loss.backward()
        fit.update(clock.share)
        if clock.count % 200 == 0:
            log(f"  judge {fit.steps}: loss {loss.item():.3f}", _hits(found, labels[which]))
    judge = fit.averaged().eval()
    result = accuracy(judge, vae, device, count=min(run.clips, 512))
    log("judge:", json.dumps(result))
    _save(judge, result, work / "judge")
    return result


def _learn(
    judge: Any, x: torch.Tensor, labels: torch.Tensor, device: torch.device
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """One batch, a little noisy, a little lighter or darker."""
    amount = 0.04 * torch.rand(len(x), 1, 1, 1, 1, device=device)
    x = x * (1 + 0.06 * (torch.rand(len(x), 1, 1, 1, 1, device=device) - 0.5))
    x = (x + amount * torch.randn_like(x)).clamp(0, 1)
    with amp(device):
        found = judge(x)
    parts = [
        F.cross_entropy(found[f].float(), labels[:, i], label_smoothing=0.02)
        for i, f in enumerate(JUDGED)
    ]
    return found, torch.stack(parts).sum()


def _hits(found: dict[str, torch.Tensor], labels: torch.Tensor) -> dict[str, float]:
    return {
        f: round((found[f].argmax(1) == labels[:, i]).float().mean().item(), 4)
        for i, f in enumerate(JUDGED)
    }


def accuracy(judge: Any, vae: Any, device: torch.device, count: int) -> dict[str, Any]:
    """How often the judge is right on fresh scenes: rendered, and through the autoencoder."""
    right: dict[str, list[torch.Tensor]] = {"renders": [], "reconstructions": []}
    for i, shape in enumerate(SHAPES):
        clips, labels = _pool(shape, count, vae, 2 * SEED + i, device)
        found = []
        with torch.no_grad():
            for part in clips.split(64):
                outs = judge(part.float() / 255)
                found.append(torch.stack([outs[f].argmax(1) for f in JUDGED], 1))
        hits = (torch.cat(found) == labels).float()
        right["renders"].append(hits[:count])
        right["reconstructions"].append(hits[count:])
    return {
        name: {f: round(torch.cat(hits)[:, i].mean().item(), 4) for i, f in enumerate(JUDGED)}
        for name, hits in right.items()
    }


def _save(judge: Any, result: dict[str, Any], folder: Path) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().cpu().half().contiguous() for k, v in judge.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    text = json.dumps({"accuracy": result}, indent=1) + "\n"
    (folder / "facts.json").write_text(text, encoding="utf-8")

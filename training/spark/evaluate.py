"""What the shipped weights draw when asked, read off by the judge.

Prompts name combinations of product and colour that no training scene showed. Clips come out of
`AnimateDiffPipeline.from_pretrained`, as a user gets them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reelkiln.backends.spark_judge import shrink
from training.spark.captions import canonical, caption
from training.spark.fit import log
from training.spark.pools import SHAPES
from training.spark.scenes import FRAMES
from training.spark.world import JUDGED, column, draw_factors, names

__all__ = ["Questions", "ask", "evaluate", "generate", "load_pipeline"]


@dataclass(frozen=True, slots=True)
class Questions:
    """Prompts, and the scenes they describe: factors int64 (prompts, 6)."""

    prompts: tuple[str, ...]
    factors: torch.Tensor


def ask(count: int, *, natural: bool, seed: int = 2026) -> Questions:
    """Held-out prompts: plain ones, or whole sentences as people write them."""
    factors = draw_factors(count, torch.Generator().manual_seed(seed), held_out=True)
    chance = random.Random(seed)
    scenes = [names(row) for row in factors]
    said = [caption(s, chance, whole=True) if natural else canonical(s) for s in scenes]
    return Questions(tuple(said), factors)


def load_pipeline(folder: Path, device: torch.device) -> Any:
    """The exported model as diffusers loads it, in float32."""
    from diffusers import AnimateDiffPipeline, MotionAdapter  # noqa: PLC0415

    adapter = MotionAdapter.from_pretrained(str(folder / "motion"), dtype=torch.float32)
    pipe = AnimateDiffPipeline.from_pretrained(
        str(folder / "model"), motion_adapter=adapter, dtype=torch.float32
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def generate(
    pipe: Any,
    prompts: Sequence[str],
    *,
    shape: str = "tall",
    steps: int = 8,
    guidance: float = 1.0,
    seed: int = 0,
    batch: int = 16,
) -> torch.Tensor:
    """Clips for prompts, the seed counting up from `seed`: uint8 (prompts, 16, 3, h, w)."""
    width, height = SHAPES[shape]
    out = []
    for start in range(0, len(prompts), batch):
        part = list(prompts[start : start + batch])
        chance = [torch.Generator().manual_seed(seed + start + i) for i in range(len(part))]
        clips = pipe(
            prompt=part,
            num_frames=FRAMES,
            height=height,
            width=width,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=chance,
            output_type="pt",
        ).frames
        out.append((clips.float().clamp(0, 1) * 255).round().to(torch.uint8))
    return torch.cat(out)


def evaluate(judge: Any, clips: torch.Tensor, factors: torch.Tensor) -> dict[str, float]:
    """Shares (0 to 1) of clips that show what was asked, and how they change over time.

    `change` is the mean absolute difference of neighbouring frames (0 to 255); `frozen` the share
    of clips where it is under 0.25; `flicker` the same difference in the picture's upper corners,
    where nothing moves.
    """
    hits = []
    with torch.no_grad():
        for part, rows in zip(clips.split(16), factors.split(16), strict=True):
            small = shrink(part[:, ::2].flatten(0, 1).float() / 255)
            found = judge(small.view(len(part), FRAMES // 2, *small.shape[1:]))
            asked = {f: column(rows, f).to(part.device) for f in JUDGED}
            hits.append(torch.stack([found[f].argmax(1) == asked[f] for f in JUDGED], 1))
    right = torch.cat(hits).float()
    result = {f: right[:, i].mean().item() for i, f in enumerate(JUDGED)}
    four = [JUDGED.index(f) for f in ("product", "colour", "background", "motion")]
    result["all_four"] = right[:, four].prod(1).mean().item()
    change = clips.float().diff(dim=1).abs().mean((1, 2, 3, 4))
    corner = torch.cat([clips[..., :16, :16], clips[..., :16, -16:]], -1).float()
    result["change"] = change.mean().item()
    result["frozen"] = (change < 0.25).float().mean().item()
    result["flicker"] = corner.diff(dim=1).abs().mean().item()
    return {k: round(v, 4) for k, v in result.items()}


def report(
    folder: Path,
    judge: Any,
    device: torch.device,
    *,
    count: int = 256,
    runs: Sequence[tuple[str, int, float, bool]] = (("tall", 8, 1.0, False),),
    target: Path | None = None,
) -> list[dict[str, Any]]:
    """Evaluate an export: each run is shape, steps, guidance, and whether prompts are natural."""
    pipe = load_pipeline(folder, device)
    rows = []
    for shape, steps, guidance, natural in runs:
        asked = ask(count, natural=natural)
        clips = generate(
            pipe,
            asked.prompts,
            shape=shape,
            steps=steps,
            guidance=guidance,
            batch=1 if device.type == "cpu" else 16,
        )
        row: dict[str, Any] = {
            "shape": shape,
            "steps": steps,
            "guidance": guidance,
            "prompts": "natural" if natural else "plain",
            "count": count,
        }
        row |= evaluate(judge, clips, asked.factors)
        log(json.dumps(row))
        rows.append(row)
        if target:
            target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows

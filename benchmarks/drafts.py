"""What skipping layers costs in the picture, on the bundled model: docs/measured/drafts.md.

    PYTHONPATH=src python benchmarks/drafts.py [--prompts 6]

Spark is the only model whose real weights are here. Each prompt is rendered with every step whole
and with every second and third step whole, from one seed; frames are compared with the first, and
the model's own judge says how well each clip shows its words.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from fractions import Fraction
from statistics import mean
from typing import Any

import numpy as np

from reelkiln.backends.probe import probe, versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.score import open_scorer
from reelkiln.models.cards import find_card
from reelkiln.models.installed import locate
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Shot

PROMPTS = (
    "a gold bottle rotating on a pedestal, beige background, soft light",
    "a red jar standing still, white background, soft light",
    "a blue can sliding left, navy background, dramatic lighting",
    "a green tube rising, beige background, warm light",
    "a black perfume glowing on a pedestal, gray background",
    "a pink candle zoom in, white background, sparkles",
)


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--prompts", type=int, default=len(PROMPTS))
    count = asked.parse_args().prompts
    card = find_card("spark")
    folders = locate(card, "final", None)
    scorer = open_scorer(folders["judge"])
    print(versions())
    print("| preset | whole steps | PSNR dB against all whole | judge | motion, levels a frame |")
    print("|---|---|---|---|---|")
    for preset in ("final", "standard"):
        base: list[Clip] = []
        for every in (1, 2, 3):
            clips = [render(card, folders, preset, every, words) for words in PROMPTS[:count]]
            base = base or clips
            pairs = zip(clips, base, strict=True)
            near = "" if every == 1 else f"{mean(psnr(*pair) for pair in pairs):.1f}"
            scores = [scorer(c, w) or 0.0 for c, w in zip(clips, PROMPTS, strict=False)]
            moves = mean(motion(clip) for clip in clips)
            print(
                f"| {preset} | every {every}. | {near} | {mean(scores):.3f} | {moves:.2f} |",
                flush=True,
            )


def render(card: Any, folders: Any, preset: str, every: int, words: str) -> Clip:
    """One clip, on the processor."""
    cached = replace(card.presets[preset], cache_every=every)
    card = replace(card, presets={**card.presets, preset: cached}, versions={})
    shot = Shot(prompt=words, seconds=Fraction(2), seed=11, model="spark", preset=preset)
    plan = plan_shot(shot, card, replace(probe(), gpu=None))
    with find_backend(card.family).open(plan, card, folders, lambda _: None) as session:
        return session.render(plan.segments[0], lambda _: None)


def psnr(one: Clip, other: Clip) -> float:
    """Decibels between two clips; 99 where they are equal."""
    error = float(np.mean((one.frames.astype(float) - other.frames) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def motion(clip: Clip) -> float:
    """The mean change of a value from one frame to the next."""
    return float(np.abs(np.diff(clip.frames.astype(float), axis=0)).mean())


if __name__ == "__main__":
    main()

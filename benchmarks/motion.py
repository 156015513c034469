"""What less motion does to the bundled model's clips: prints a Markdown table.

    python benchmarks/motion.py --clips 6 --shares 1 0.8 0.6 0.4

Each prompt is rendered once for each share with the same seed. Figures are medians over prompts of
the gate's marks; `docs/measured/motion.md` says what they mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gate_sets import SETS
from reelkiln.backends.probe import probe
from reelkiln.backends.registry import find_backend
from reelkiln.backends.score import open_scorer
from reelkiln.backends.seam import Step
from reelkiln.film.sheet import write_grid
from reelkiln.gate.measure import measure
from reelkiln.models.cards import find_card
from reelkiln.models.installed import locate
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Clip, Shot, Size

PROMPTS = SETS["first"].prompts[:8]
MARKS = ("speed", "change", "warp_error", "leap", "flicker", "softness", "contrast")


def quiet(_step: Step) -> None:
    """Nobody is told."""


def rendered(prompt: str, seed: int, share: float, size: Size = ASPECTS["9:16"]) -> Clip:
    """One clip of the bundled model with its motion held to a share."""
    card = find_card("spark")
    folders = locate(card, card.default_preset)
    shot = Shot(prompt=prompt, model="spark", seed=seed, size=size)
    plan = plan_shot(shot, card, probe())
    plan = replace(plan, motion=share)
    with find_backend(card.family).open(plan, card, folders, quiet) as session:
        return session.render(plan.segments[0], quiet)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=len(PROMPTS))
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.8, 0.6, 0.4])
    parser.add_argument("--sheet", type=Path, help="write first, middle and last frames here")
    wish = parser.parse_args()
    folders = locate(find_card("spark"), "standard")
    scorer = open_scorer(folders["judge"])
    names = ("torch", "diffusers", "numpy", "opencv-python-headless")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}; ")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"\n| motion | {' | '.join(MARKS)} | score |\n|---|{'---|' * (len(MARKS) + 1)}")
    strips = []
    for share in wish.shares:
        rows = []
        for seed, prompt in enumerate(PROMPTS[: wish.clips]):
            clip = rendered(prompt, seed, share)
            score = scorer(clip, prompt)
            rows.append(measure(clip) | {"score": score if score is not None else 0.0})
            strips.append((f"{share:g}  {prompt[:24]}", clip.frames[[0, 5, 10, 15]]))
        cells = [statistics.median(row[mark] for row in rows) for mark in (*MARKS, "score")]
        print(f"| {share:g} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)
    if wish.sheet:
        write_grid([(name, np.concatenate(list(s), axis=1)) for name, s in strips], wish.sheet)


if __name__ == "__main__":
    main()

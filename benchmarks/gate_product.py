"""How well the gate tells a product from others: prints a Markdown table.

    python benchmarks/gate_product.py FOLDER... > table.md

Each FOLDER holds the bundled model's renders of a set of `gate_sets.py` and is called as it is
(`gate_clips.py SET SET`). To each render belong four photos, on white: of its product, of one in
another colour, of another product in its colour, and of another in another. They are drawn by the
painter that the model learnt from, at a moment of their own. The marks of `gate.product` are taken
of each, and the judge's score for words that name the photo's product and colour. No photo of a
real product, and no full-size model, is part of this.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import torch

from gate_sets import SETS
from reelkiln.backends.score import open_scorer, read_words
from reelkiln.gate.product import Photo, open_photo, product_marks
from reelkiln.models.cards import find_card
from reelkiln.models.installed import locate
from reelkiln.reel import Clip

sys.path.insert(0, str(Path(__file__).parents[1]))

from training.spark.paint import render
from training.spark.world import FACTORS

MARKS = ("product_colour", "product_shape", "score")
WRONG = ("another colour", "another product", "another product in another colour")


def photo(kind: str, colour: str, seed: int) -> Photo:
    """A packshot of a product, 320 x 320."""
    named = {"product": kind, "colour": colour, "background": "white", "surface": "floor"}
    named |= {"motion": "rotate", "light": "soft"}
    row = torch.tensor([[labels.index(named[f]) for f, labels in FACTORS.items()]])
    chance = torch.Generator().manual_seed(seed)
    drawn = render(row, (320, 320), chance, times=torch.tensor([[0.3]]))[0, 0]
    rgb = drawn.permute(1, 2, 0).numpy()
    return open_photo(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))


def others(kind: str, colour: str, chance: np.random.Generator) -> list[tuple[str, str]]:
    """The photo that is right, and the three that are wrong."""
    far = str(chance.choice([one for one in FACTORS["product"] if one != kind]))
    off = str(chance.choice([one for one in FACTORS["colour"] if one != colour]))
    return [(kind, colour), (kind, off), (far, colour), (far, off)]


def curve(right: list[float], wrong: list[float]) -> float:
    """Area under the ROC curve: how often a right one is over a wrong one, ties half."""
    pairs = [(one > two) + 0.5 * (one == two) for one, two in product(right, wrong)]
    return float(np.mean(pairs))


def main() -> None:
    """Print the table."""
    scorer = open_scorer(locate(find_card("spark"), "standard")["judge"])
    found: dict[str, list[list[float]]] = {mark: [[], [], [], []] for mark in MARKS}
    count = 0
    for folder in map(Path, sys.argv[1:]):
        for path in sorted(folder.glob("*.npy")):
            words = SETS[folder.name].prompts[int(path.stem[-2:])]
            labels = read_words(words, scorer.vocabulary)
            if not {"product", "colour"} <= labels.keys():
                continue
            count += 1
            clip, chance = Clip(np.load(path), 8), np.random.default_rng(count)
            for at, (kind, colour) in enumerate(
                others(labels["product"], labels["colour"], chance)
            ):
                marks = product_marks(clip, photo(kind, colour, 1000 * count + at))
                marks["score"] = scorer(clip, f"a {colour} {kind}") or 0.0
                for mark in MARKS:
                    found[mark][at].append(marks[mark])
    names = ("numpy", "opencv-python-headless", "torch")
    print(f"{platform.platform()}, Python {platform.python_version()}; ", end="")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"\n{count} renders\n\n| mark | median with its own photo | " + " | ".join(WRONG) + " |")
    print("|---|---|---|---|---|")
    for mark, (right, *wrong) in found.items():
        cells = [
            f"{curve(right, one):.2f} (median {np.median(one):.2f}; own over it in "
            f"{100 * np.mean([a > b for a, b in zip(right, one, strict=True)]):.0f} %)"
            for one in wrong
        ]
        print(f"| {mark} | {np.median(right):.2f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

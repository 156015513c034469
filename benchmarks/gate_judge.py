"""Whether the bundled model's judge can be trusted with finished films: prints three lines.

    python benchmarks/gate_judge.py FOLDER

FOLDER is where `gate_learnt.py` walked. Each film there (enlarged to 720 x 720, in between frames
added, encoded) is scored with its own words, and with those of another product.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from reelkiln.backends.score import open_scorer, read_words
from reelkiln.film.read import read
from reelkiln.models.cards import find_card
from reelkiln.models.installed import locate


def main() -> None:
    """Print the figures."""
    scorer = open_scorer(locate(find_card("spark"), "standard")["judge"])
    films, words, takes = [], [], []
    for film in sorted(Path(sys.argv[1]).glob("*/*.mp4")):
        recipe = json.loads(Path(f"{film}.json").read_text(encoding="utf-8"))["recipe"]
        best = next((one for one in recipe["takes"] if one["kept"]), recipe["takes"][0])
        films.append(film)
        words.append(recipe["shot"]["prompt"])
        takes.append(best["marks"]["score"])
    kinds = [read_words(one, scorer.vocabulary).get("product") for one in words]
    own, other = [], []
    for at, film in enumerate(films):
        clips = list(read(film))
        wrong = [said for said, kind in zip(words, kinds, strict=True) if kind != kinds[at]]
        for said, scores in ((words[at], own), (wrong[7 * at % len(wrong)], other)):
            parts = [scorer(clip, said) or 0.0 for clip in clips]
            scores.append(float(np.average(parts, weights=[len(clip.frames) for clip in clips])))
    print(f"{len(films)} films; from take to film the score changes by at most", end=" ")
    print(f"{max(abs(a - b) for a, b in zip(takes, own, strict=True) if a > 0):.3f}")
    print(f"own words: median {np.median(own):.2f}, least {min(own):.2f}")
    under = 100 * np.mean(np.array(other) < 0)
    print(
        f"another product's words: median {np.median(other):.2f}, greatest {max(other):.2f}, ",
        end="",
    )
    print(f"under 0: {under:.0f} %")


if __name__ == "__main__":
    main()

"""What fewer steps and skipped layers cost in the picture, on the bundled model, clip by clip.

    PYTHONPATH=src:. python benchmarks/drafts.py --prompts 0 1 2 3 >> drafts.jsonl

Spark is the only model whose real weights are here. Held-out prompts (products in colours that no
training scene shows) are rendered from two seeds in every case below: a preset's steps, and of them
every one, every second or every third computed whole. Each clip is measured by the gate, read by
the model's own judge, and compared with the same prompt and seed at 16 whole steps, and with its
own preset's whole steps. One JSON object a line; `benchmarks/drafts_table.py` makes the table.
Computed in 32 bits, on the GPU where there is one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from fractions import Fraction
from time import perf_counter
from typing import Any

from reelkiln.backends.probe import probe
from reelkiln.backends.registry import find_backend
from reelkiln.backends.score import SparkScorer, open_scorer, read_words
from reelkiln.backends.seam import Session
from reelkiln.gate.alike import likeness
from reelkiln.gate.judge import judge, score_mark
from reelkiln.gate.limits import FIXED
from reelkiln.gate.measure import measure
from reelkiln.models.cards import find_card
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Clip, Shot
from training.spark.evaluate import ask

CASES = (
    ("final", 1),
    ("final", 2),
    ("final", 3),
    ("standard", 1),
    ("standard", 2),
    ("standard", 3),
    ("draft", 1),
)
"""Preset, and how many steps there are for each that is computed whole. The first is what all are
compared with."""

SEEDS = (11, 1011)
PROMPTS = 32


def main() -> None:
    """Print a line for each clip."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--prompts", type=int, nargs="*", default=range(PROMPTS), help="numbers")
    numbers = asked.parse_args().prompts
    # Drawn at once: how many are asked for decides what each of them is.
    prompts = ask(PROMPTS, natural=False).prompts
    with ExitStack() as stack:
        bench = Cases(stack)
        for number in numbers:
            for seed in SEEDS:
                for row in bench.rows(prompts[number], seed):
                    print(json.dumps({"prompt": number, "seed": seed, **row}), flush=True)


class Cases:
    """Every case's model, loaded once."""

    def __init__(self, stack: ExitStack) -> None:
        # A GPU without bfloat16, for a card that wants it, computes in 32 bits.
        card = replace(find_card("spark"), versions={}, dtype_gpu="bfloat16")
        folders = locate(card, "final", None)
        self.scorer = open_scorer(folders["judge"])
        self._made: list[tuple[Card, Session]] = []
        for preset, every in CASES:
            own = replace(card.presets[preset], cache_every=every)
            cased = replace(card, presets={**card.presets, preset: own})
            plan = planned(cased, preset, "a red jar", 0)
            opened = find_backend(card.family).open(plan, cased, folders, lambda _: None)
            self._made.append((cased, stack.enter_context(opened)))

    def rows(self, words: str, seed: int) -> Iterator[dict[str, Any]]:
        """One prompt and seed in every case."""
        whole: dict[str, Clip] = {}
        for (preset, every), (card, session) in zip(CASES, self._made, strict=True):
            segment = planned(card, preset, words, seed).segments[0]
            began = perf_counter()
            clip = session.render(segment, lambda _: None)
            seconds = perf_counter() - began
            whole.setdefault(preset, clip)
            yield {
                "words": words,
                "preset": preset,
                "every": every,
                "seconds": seconds,
                "to_final": near(clip, whole["final"]),
                "to_own": near(clip, whole[preset]),
                **read(clip, words, self.scorer),
            }


def planned(card: Card, preset: str, words: str, seed: int) -> Plan:
    """How one clip is rendered."""
    size = ASPECTS["9:16"]
    shot = Shot(
        prompt=words, seconds=Fraction(2), size=size, seed=seed, model="spark", preset=preset
    )
    return plan_shot(shot, card, replace(probe(), bf16=False))


def near(one: Clip, other: Clip) -> dict[str, float] | None:
    """How near two clips are; None: they are one clip."""
    found = None if one is other else likeness([one], [other])
    return None if found is None else asdict(found)


def read(clip: Clip, words: str, scorer: SparkScorer) -> dict[str, Any]:
    """What the gate measures and decides, and which of the words the judge sees."""
    marks = measure(clip) | score_mark(scorer, clip, words)
    verdict = judge(marks, FIXED.without("palette"))
    sure = scorer.read(clip)
    asked = {f: label for f, label in read_words(words, scorer.vocabulary).items() if f in sure}
    right = {f: max(sure[f], key=lambda label, f=f: sure[f][label]) == asked[f] for f in asked}
    return {"marks": marks, "kept": verdict.kept, "reasons": verdict.reasons, "right": right}


if __name__ == "__main__":
    main()

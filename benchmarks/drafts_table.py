"""The table of docs/measured/drafts.md, from the lines of `benchmarks/drafts.py`.

    python benchmarks/drafts_table.py drafts.jsonl

Intervals are 95 %: of shares Wilson's, of means a bootstrap over prompts, whose seeds stay together
because two clips of one prompt are no two draws. Differences are against the same prompt and seed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
FACTORS = ("product", "colour", "background", "motion")
DRAWS = 4000
Z = 1.96


def main() -> None:
    """Print both tables."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("file", type=Path)
    rows = [json.loads(line) for line in asked.parse_args().file.read_text("utf-8").splitlines()]
    cases: dict[tuple[str, int], dict[tuple[int, int], Row]] = {}
    for row in rows:
        key = (row["preset"], row["every"])
        cases.setdefault(key, {})[row["prompt"], row["seed"]] = row
    whole = set.intersection(*(set(each) for each in cases.values()))
    print(f"{len(whole)} clips a case, {len({prompt for prompt, _ in whole})} prompts\n")
    base = cases["final", 1]
    print("| preset | computed whole | calls, of 16 | PSNR dB | SSIM | own preset's PSNR dB |")
    print("|---|---|---|---|---|---|")
    for (preset, every), found in cases.items():
        own = [found[key] for key in sorted(whole)]
        print(
            f"| {preset} | {nth(every)} | {calls(preset, every)} |"
            f" {mean(own, 'to_final', 'psnr')} | {mean(own, 'to_final', 'ssim')} |"
            f" {mean(own, 'to_own', 'psnr')} |"
        )
    print("\n| preset | computed whole | all four right | score | score, against final | kept |")
    print("|---|---|---|---|---|---|")
    for (preset, every), found in cases.items():
        own = [found[key] for key in sorted(whole)]
        gaps = [found[key]["marks"]["score"] - base[key]["marks"]["score"] for key in sorted(whole)]
        prompts = [key[0] for key in sorted(whole)]
        right = sum(all(row["right"].get(f, True) for f in FACTORS) for row in own)
        gap = "" if found is base else interval(gaps, prompts, "{:+.3f}")
        print(
            f"| {preset} | {nth(every)} | {share(right, len(own))} |"
            f" {interval([row['marks']['score'] for row in own], prompts, '{:.3f}')} | {gap} |"
            f" {share(sum(row['kept'] for row in own), len(own))} |"
        )
    marks(cases, whole)


def marks(cases: dict[tuple[str, int], dict[tuple[int, int], Row]], whole: set[Any]) -> None:
    """The gate's figures, as differences from the same clip at 16 whole steps."""
    names = ("softness", "flicker", "flicker_max", "jump", "leap", "speed")
    base, keys = cases["final", 1], sorted(whole)
    prompts = [key[0] for key in keys]
    print("\n| preset | computed whole |", " | ".join(names), "|")
    print("|---" * (len(names) + 2) + "|")
    for (preset, every), found in cases.items():
        told = []
        for name in names:
            if found is base:
                told.append(f"{np.mean([base[key]['marks'][name] for key in keys]):.3f}")
                continue
            gaps = [found[key]["marks"][name] - base[key]["marks"][name] for key in keys]
            told.append(interval(gaps, prompts, "{:+.3f}"))
        print(f"| {preset} | {nth(every)} |", " | ".join(told), "|")


def calls(preset: str, every: int) -> str:
    """How much of 16 whole calls of the network a case computes; a shallow one is 7.4 %."""
    steps = {"final": 16, "standard": 8, "draft": 4}[preset]
    whole = -(-steps // every)
    return f"{whole + 0.074 * (steps - whole):.1f}"


def nth(every: int) -> str:
    """Which steps are computed whole."""
    return {1: "every step", 2: "every 2nd", 3: "every 3rd"}[every]


def mean(rows: Sequence[Row], against: str, what: str) -> str:
    """The mean likeness with its interval; empty where a case is compared with itself."""
    known = [row for row in rows if row[against] is not None]
    if not known:
        return ""
    values = [row[against][what] for row in known]
    form = "{:.1f}" if what == "psnr" else "{:.3f}"
    return interval(values, [row["prompt"] for row in known], form)


def interval(values: Sequence[float], prompts: Sequence[int], form: str) -> str:
    """A mean and its interval, from drawing prompts anew."""
    groups: dict[int, list[float]] = {}
    for value, prompt in zip(values, prompts, strict=True):
        groups.setdefault(prompt, []).append(value)
    means = np.array([np.mean(each) for each in groups.values()])
    rng = np.random.default_rng(1)
    drawn = rng.choice(means, (DRAWS, len(means))).mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    say: Callable[[float], str] = form.format
    return f"{say(float(means.mean()))} ({say(float(low))} to {say(float(high))})"


def share(right: int, of: int) -> str:
    """A share in percent with Wilson's interval."""
    p = right / of
    middle = (p + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z * sqrt(p * (1 - p) / of + Z**2 / (4 * of**2)) / (1 + Z**2 / of)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{right} of {of} ({100 * low:.0f} to {100 * high:.0f} %)"


if __name__ == "__main__":
    main()

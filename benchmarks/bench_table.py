"""The tables of docs/measured/bench.md, from evenings of `reelkiln bench` and a check.

    PYTHONPATH=src python benchmarks/bench_table.py docs/measured/bench-h100 [--check check.json]

Prints the table of all evenings in the folder as one, what `--calibrate` learns of them, and
predictions against measurements: of shapes that were not learnt from (`benchmarks/bench_capped.py
check`), and of each shape by what the others teach.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelkiln.kiln.calibrate import learnt
from reelkiln.kiln.comparison import summaries
from reelkiln.kiln.history import kept_reports
from reelkiln.kiln.trial import Trial
from reelkiln.models.cards import load_cards
from reelkiln.plan.calibration import Calibration, Measured
from reelkiln.plan.machine import GiB
from reelkiln.studio.bench import Evening, Priced, bench_html, bench_markdown

HEAD = (
    "| model | shape | frames | seconds: formula | calibrated | measured |"
    " GPU GiB: formula | calibrated | measured |\n|" + "---|" * 9
)


def main() -> None:
    """Print all tables."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--check", type=Path)
    asked.add_argument("--html", type=Path)
    wish = asked.parse_args()
    evenings = kept_reports(wish.folder)
    trials = tuple(trial for evening in evenings for trial in evening.trials)
    report = replace(evenings[0], trials=trials)
    shown = Evening(
        report=report,
        rows=summaries(report, load_cards()),
        priced=Priced(0.30, "EUR"),
        note="A large GPU held to 3.4 GiB, with random weights of full size: seconds are no small"
        " card's, and the gate's figures are those of noise.",
    )
    print(bench_markdown(shown))
    if wish.html:
        wish.html.write_text(bench_html(shown), encoding="utf-8")
    new = learnt(trials, report.when[:10])
    print("| model | way | clips | start | first | encode | denoise | decode | GPU | RAM |")
    print("|" + "---|" * 10)
    for each in new.calibration.known:
        print(_entry(each))
    print("\n".join(new.refused))
    if wish.check:
        print(f"\nNot learnt from:\n\n{HEAD}")
        for row in json.loads(wish.check.read_text("utf-8")):
            if row.get("frames"):
                print(_checked(row, new.calibration))
    print(f"\nEach shape by the others:\n\n{HEAD}")
    for line in _by_the_others(trials):
        print(line)


def _entry(each: Measured) -> str:
    lines = (f"{line.fixed:.2f} + {line.slope:.2f} x" for line in (each.denoise, each.decode))
    return (
        f"| {each.kind.model} | {each.kind.rung} | {each.runs} | {each.start:.2f} |"
        f" {each.first:.2f} s | {each.encode:.2f} s | {' | '.join(lines)} |"
        f" {each.vram:.2f} | {each.ram:.2f} |"
    )


def _checked(row: dict[str, Any], known: Calibration) -> str:
    """A clip of `check`, which was the first of its process: its load counts."""
    own = [e for e in known.known if (e.kind.model, e.kind.rung) == (row["model"], row["rung"])]
    spent = row["formula_seconds"] + row["formula_load"]
    took = row["load"] + row["seconds"]
    calibrated = gpu = "not learnt"
    if own:
        # The formula's two parts of rendering stand in what was predicted by another calibration:
        # they are told apart by what the phases took, in proportion.
        seconds = own[0].start * row["formula_load"] + own[0].first + own[0].encode
        seconds += _lines(own[0], row)
        calibrated, gpu = _off(seconds, took), _off(row["formula_vram"] * own[0].vram, row["vram"])
    return (
        f"| {row['model']} | {row['shape']} | {row['frames']} | {_off(spent, took)} | {calibrated}"
        f" | {took:.1f} | {_off(row['formula_vram'], row['vram'])} | {gpu} | {row['vram']:.2f} |"
    )


def _lines(known: Measured, row: dict[str, Any]) -> float:
    spent = row["spent"]
    return known.denoise.at(spent["denoise"]) + known.decode.at(spent["decode"])


def _by_the_others(trials: Sequence[Trial]) -> Iterator[str]:
    """Leave one shape of a model out, learn from the rest, predict a first clip and a warm one."""
    for model, shape in dict.fromkeys((t.model, str(t.shape)) for t in trials):
        own = [t for t in trials if (t.model, str(t.shape)) == (model, shape)]
        others = [t for t in trials if t.model == model and str(t.shape) != shape]
        known = learnt(others, "x").calibration
        for name, one in (("first", own[0]), ("warm", own[-1])):
            found = known.of(one.kind) if one.kind else None
            if one.formula is None or found is None or found.whose == "its family":
                continue
            spent, figures = one.formula.spent, found.figures
            took, counted = one.render_seconds, spent.total - spent.start
            told = figures.seconds(spent, one.formula.segments) - figures.start * spent.start
            told -= 0.0 if name == "first" else figures.first + figures.encode
            held = one.peak_vram / GiB
            formula = one.formula.peak_bytes / GiB
            yield (
                f"| {model}, {name} | {shape} | {one.frames} | {_off(counted, took)} |"
                f" {_off(told, took)} | {took:.2f} | {_off(formula, held)} |"
                f" {_off(formula * figures.vram, held)} | {held:.2f} |"
            )


def _off(told: float, took: float) -> str:
    return f"{told:.2f} ({(told / took - 1) * 100:+.0f} %)"


if __name__ == "__main__":
    main()

"""Seconds and memory of AnimateDiff on every rung, with random weights of full size.

    PYTHONPATH=src python benchmarks/rungs.py [--frames 16] [--side 512] [--steps 4] [--caps 3.4]

Random weights take the time and the memory of real ones. A cap makes the allocator as small as a
smaller GPU would; times then say what an arrangement costs on this GPU and this bus, not what a
laptop gains. The second render is reported: in the first the GPU's kernels are still being chosen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch

from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.backends.tiny import FULL, write_animatediff
from reelkiln.errors import OutOfMemory
from reelkiln.models.cards import find_card
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import LADDER, Rung
from reelkiln.plan.machine import GiB
from reelkiln.plan.plan import Plan
from reelkiln.reel import Segment, Size

EIGHT_BITS = tuple(
    Rung(residence=where, storage_bits=8, two_pass=two_pass)
    for where in ("resident", "staged")
    for two_pass in (False, True)
)


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--frames", type=int, default=16)
    asked.add_argument("--side", type=int, default=512)
    asked.add_argument("--steps", type=int, default=4)
    asked.add_argument("--caps", type=float, nargs="*", default=[3.1, 3.4])
    wish = asked.parse_args()
    print(torch.cuda.get_device_name(), versions())
    print(f"{wish.frames} frames of {wish.side}x{wish.side}, {wish.steps} guided steps")
    # Any library near the tested ones may be measured.
    card = replace(find_card("epicrealism"), versions={})
    with tempfile.TemporaryDirectory() as scratch:
        folders = write_animatediff(Path(scratch), scale=FULL, dtype="float16")
        print("| cap GiB | rung | load s | a step s | decode s | reserved GiB | allocated | RAM |")
        print("|---|---|---|---|---|---|---|---|")
        total = torch.cuda.get_device_properties(0).total_memory
        for cap in (0.0, *wish.caps):
            torch.cuda.set_per_process_memory_fraction(cap * GiB / total if cap else 1.0)
            for rung in (*LADDER, *EIGHT_BITS):
                print(
                    f"| {cap or 'none'} | {rung} | {row(card, folders, rung, wish)} |", flush=True
                )


def row(card: Card, folders: Folders, rung: Rung, wish: argparse.Namespace) -> str:
    """One rung's figures, or what became of it."""
    times: dict[tuple[str, int], float] = {}

    def on_step(step: Step) -> None:
        torch.cuda.synchronize()
        times[step.phase, step.done] = time.perf_counter()
        last[step.phase] = step.total

    last: dict[str, int] = {}
    plan = make_plan(card, rung, wish)
    try:
        with find_backend(card.family).open(plan, card, folders, on_step) as session:
            for _ in range(2):
                session.render(plan.segments[0], on_step)
            peak, allocated = session.peak(), torch.cuda.max_memory_allocated()
    except OutOfMemory:
        return "out of memory ||||| "
    spent = {phase: times[phase, total] - times[phase, 0] for phase, total in last.items()}
    step = (times["denoise", last["denoise"]] - times["denoise", 1]) / (last["denoise"] - 1)
    figures = [spent["load"], step, spent["decode"]]
    figures += [peak.vram / GiB, allocated / GiB, peak.ram / GiB]
    return " | ".join(f"{figure:.3f}" for figure in figures)


def make_plan(card: Card, rung: Rung, wish: argparse.Namespace) -> Plan:
    """The plan as it is asked for, not as the planner would make it."""
    return Plan(
        model=card.name,
        preset=card.default_preset,
        device="cuda",
        dtype="float16",
        rung=rung,
        steps=wish.steps,
        guidance=7.5,
        size=Size(wish.side, wish.side),
        fps=Fraction(8),
        segments=(Segment(index=0, frames=wish.frames, seed=1, prompt="a gold bottle"),),
        reach=card.reach,
        peak_bytes=0,
        ram_bytes=0,
        seconds_estimate=0.0,
        because=(),
    )


if __name__ == "__main__":
    main()

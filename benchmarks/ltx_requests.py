"""Random requests to LTX-Video under five caps, none of which may run out: docs/measured/ltx.md.

    PYTHONPATH=src python benchmarks/ltx_requests.py measure --folder W --out rows.json [--tiny]
    PYTHONPATH=src python benchmarks/ltx_requests.py table rows.json

Legal requests to every LTX card in every set, `--each` of them at each cap, that the planner puts
on the GPU: lengths, shapes, steps, presets, guidance, start pictures, batches, RAM and system are
drawn (`wishes.py`). Weights are loaded once; of each request two steps and the whole decode are
run, which show the peak: the first run of frames of every film of a batch, stage by stage, then
the last run, led by frames. Random weights of full size are written to `W` where they are missing,
in 8 and in 16 bits, 26 GB together; what `benchmarks/ltx.py write` wrote serves. `--tiny` runs the
same paths without a GPU.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from held import capped
from ltx_cases import Words
from ltx_memory import Loaded
from reelkiln.backends import ltx_words
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import WORDS, Folders, Session, Step
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX, write_ltx
from reelkiln.errors import OutOfMemory, PlanRefused
from reelkiln.plan.card import Card, Preset
from reelkiln.plan.estimate import Job, device_need
from reelkiln.plan.machine import GiB
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Segment, Size
from wishes import CAPS, Request, families, requests

WIDE = "bf16"
"""The folder beside the others with the weights in 16 bits."""


@dataclass(frozen=True)
class Ground:
    """Where the weights lie, and whether this is a rehearsal."""

    folder: Path
    tiny: bool

    def folders(self, card: Card) -> dict[str, Path]:
        """Each source in the width in which the card's set has it."""
        bits = {part.name: card.bits_of(part) for part in card.parts}
        wide = {"model": bits["transformer"] == 16, "encoder": bits["text_encoder"] == 16}
        return {
            name: (self.folder / WIDE / name if is_wide else self.folder / name)
            for name, is_wide in wide.items()
        }

    def card(self, card: Card) -> Card:
        """The card with two steps, with any library near the tested ones, and whatever file lies
        in its folder."""
        presets = {name: _short(preset) for name, preset in card.presets.items()}
        sources = tuple(replace(source, files=(), bytes=0) for source in card.sources)
        tokens = 24 if self.tiny else card.tokens
        return replace(card, presets=presets, sources=sources, versions={}, tokens=tokens)

    def plan(self, plan: Plan) -> Plan:
        """The plan in two steps; in a rehearsal tiny, and on the processor."""
        if not self.tiny:
            return replace(plan, steps=2)
        return replace(
            plan,
            steps=2,
            device="cpu",
            rung=replace(plan.rung, residence="cpu"),
            size=Size(64, 96) if plan.size.width < plan.size.height else Size(96, 64),
            segments=tuple(replace(each, frames=17) for each in plan.segments),
            kept_bytes=0,
        )


def _short(preset: Preset) -> Preset:
    return replace(preset, steps=2, cache_every=1, sigmas=preset.sigmas[:2])


def write(ground: Ground) -> None:
    """The weights in both widths, where they are not there yet."""
    scale = TINY_LTX if ground.tiny else FULL_LTX
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for root, narrow in ((ground.folder, True), (ground.folder / WIDE, False)):
        if not (root / "model").is_dir():
            write_ltx(root, scale=scale, dtype="bfloat16", narrow=narrow, device=device)


def drawn(each: int, caps: Sequence[float], seed: int) -> list[tuple[float, Request, Plan]]:
    """So many requests at each cap that it carries on its GPU, in mixed order."""
    found: list[tuple[float, Request, Plan]] = []
    for cap in caps:
        carried = (
            (request, plan) for request, plan in _planned(cap, seed) if plan.device == "cuda"
        )
        found += [(cap, *next(carried)) for _ in range(each)]
    random.Random(1).shuffle(found)
    return found


def _planned(cap: float, seed: int) -> Iterator[tuple[Request, Plan]]:
    for request in requests(families()["ltx"], cap, seed):
        try:
            yield request, plan_shot(request.shot, request.card, request.machine)
        except PlanRefused:
            continue


def expected(plan: Plan, request: Request) -> int:
    """Bytes that the formula says for the stages that are run: words that are kept are not encoded,
    a picture is."""
    peaks = [0]
    for segment in plan.segments:
        lead = 1 if segment.image is not None else segment.lead_frames
        job = Job(
            card=request.card,
            preset=request.card.presets[plan.preset],
            size=plan.size,
            frames=segment.frames,
            dtype=plan.dtype,
            lead=lead,
        )
        need = device_need(job, plan.rung, plan.kept_bytes)
        run = [stage for stage in need if stage != "encode" or lead or not request.kept]
        peaks += [need[stage].peak for stage in run]
    return max(peaks)


def held(  # noqa: PLR0917 - what a request is rendered with
    ground: Ground, cap: float, request: Request, plan: Plan, words: Path, loaded: Loaded
) -> int:
    """Render what was asked for under the cap; bytes that the allocator reserved at most.

    Raises:
        OutOfMemory: it did not fit.
    """
    card, small, backend = ground.card(request.card), ground.plan(plan), find_backend("ltx")
    with tempfile.TemporaryDirectory() as fresh:
        kept = words if request.kept else Path(fresh)
        folders: Folders = {**ground.folders(request.card), WORDS: kept}
        if request.kept:  # in a session before, as by an earlier film
            with capped(cap), backend.open(small, card, folders, nothing) as session:
                session.encode(small.segments, nothing)
            loaded.rest()
        with capped(cap), backend.open(small, card, folders, nothing) as session:
            render(session, small, request.batch)
            return session.peak().vram


def render(session: Session, plan: Plan, batch: int) -> None:
    """The first run of every film, stage by stage, and the last run where there are more."""
    first, last = plan.segments[0], plan.segments[-1]
    films = [replace(first, seed=first.seed + number) for number in range(batch)]
    session.encode(films, nothing)
    made = [session.denoise(film, nothing, lead_of(film, plan)) for film in films]
    for latents in made:
        session.decode(latents, nothing)
    if last is not first:
        session.render(last, nothing, lead_of(last, plan))


def lead_of(segment: Segment, plan: Plan) -> Clip | None:
    """Frames to begin from, where the segment wants some."""
    count = 1 if segment.image is not None else segment.lead_frames
    shape = (count, plan.size.height, plan.size.width, 3)
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    return Clip(noise, plan.fps) if count else None


def nothing(_step: Step) -> None:
    """An `on_step` for nobody."""


def measure(ground: Ground, out: Path, wish: argparse.Namespace) -> None:
    """Write a row for each request, also for those that time did not suffice for."""
    ends = time.perf_counter() + 60 * wish.minutes
    ltx_words.load_tokenizer = lambda _folder: Words()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    rows: list[dict[str, Any]] = [{"versions": versions(), "device": device}]
    with tempfile.TemporaryDirectory() as words, Loaded() as loaded:
        for cap, request, plan in drawn(wish.each, wish.caps, wish.seed):
            row = {"cap": cap, "card": request.card.name, "rung": str(plan.rung)}
            row |= {"frames": [each.frames for each in plan.segments], "size": str(plan.size)}
            row |= {"led": request.shot.image is not None, "kept_words": request.kept}
            row |= {"batch": request.batch, "guidance": plan.guidance, "planned": plan.peak_bytes}
            row |= {"system": request.machine.system, "ram": request.machine.ram_total // GiB}
            begun = time.perf_counter()
            if begun > ends:
                row["outcome"] = "no time"
            else:
                try:
                    row["reserved"] = held(ground, cap, request, plan, Path(words), loaded)
                    row |= {"expected": expected(plan, request), "outcome": "held"}
                except OutOfMemory as error:
                    row["outcome"] = f"out of memory: {error.message:.120}"
                except Exception as error:  # noqa: BLE001 - the others are worth their minutes
                    traceback.print_exc()
                    row["outcome"] = f"{type(error).__name__}: {error!s:.120}"
                loaded.rest()
            row["seconds"] = round(time.perf_counter() - begun, 2)
            rows.append(row)
            print(json.dumps(row), flush=True)
            out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print what held at each cap, in the columns of docs/measured/faster.md."""
    print(
        "| cap GiB | requests | held | most planned, of the cap | most reserved, of the cap |",
        end="",
    )
    print(" predicted against reserved |\n" + "|---" * 6 + "|")
    for cap in dict.fromkeys(sorted(row["cap"] for row in rows[1:])):
        mine = [row for row in rows[1:] if row["cap"] == cap and row["outcome"] != "no time"]
        good = [row for row in mine if row["outcome"] == "held"]
        planned = max((row["planned"] / (cap * GiB) for row in mine), default=0)
        most = max((row["reserved"] / (cap * GiB) for row in good), default=0)
        off = [row["expected"] / row["reserved"] - 1 for row in good if row["reserved"]]
        told = f"{min(off):+.1%} to {max(off):+.1%}" if off else ""
        print(f"| {cap} | {len(mine)} | {len(good)} | {planned:.2f} | {most:.2f} | {told} |")
    left = sum(row["outcome"] == "no time" for row in rows[1:])
    print(f"\n{left} of {len(rows) - 1} were not reached in time")
    for row in rows[1:]:
        if row["outcome"] not in ("held", "no time"):
            print(json.dumps(row))


def main() -> None:
    """Measure, or print the table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("what", choices=("measure", "table"))
    asked.add_argument("rows", type=Path, nargs="?")
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--out", type=Path, default=Path("ltx_requests.json"))
    asked.add_argument("--each", type=int, default=20)
    asked.add_argument("--caps", type=float, nargs="*", default=list(CAPS))
    asked.add_argument("--seed", type=int, default=5)
    asked.add_argument("--minutes", type=float, default=8.0)
    asked.add_argument("--tiny", action="store_true")
    wish = asked.parse_args()
    if wish.what == "table":
        table(json.loads(wish.rows.read_text("utf-8")))
        return
    ground = Ground(wish.folder, wish.tiny)
    write(ground)
    measure(ground, wish.out, wish)


if __name__ == "__main__":
    main()

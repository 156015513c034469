"""Seconds and memory of LTX-Video, with random weights of full size: docs/measured/ltx.md.

    PYTHONPATH=src python benchmarks/ltx.py all            # writes 10 GB, then measures on a GPU
    PYTHONPATH=src python benchmarks/ltx.py all --tiny     # the same paths in a minute, anywhere
    PYTHONPATH=src python benchmarks/ltx.py theirs --folder W [--cases 49] [--rounds 3]
        # ours beside other people's ways, in turns

Random weights take the time and the memory of real ones. A cap makes the allocator as small as a
smaller GPU would; seconds then say what an arrangement costs on this GPU and this bus, not what a
laptop gains. Every row is the second render of its shape: in the first the GPU's kernels are still
being chosen. Needs torch, diffusers, transformers, accelerate and numpy alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from held import Clock, Ram, capped, cells, pinned, wall_time
from ltx_cases import CASES, WAYS, Bench, Case, Words
from ltx_theirs import PEERS, RECIPES, resident, sequential, theirs, users_way
from ltx_turns import ORDER, Turns
from reelkiln.backends import ltx_words
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.tiny_ltx import ENCODER, FULL_LTX, TINY_LTX, write_ltx
from reelkiln.errors import OutOfMemory
from reelkiln.models.cards import find_card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB
from t5_stream import encoder_row, whole_encoder_row

HEAD = "| case | cap GiB | way | load s | encode s | denoise s | decode s | prompt to frames s |"
HEAD += " reserved GiB | RAM GiB | pinned GiB |"


def lie(session: Any, where: str) -> None:
    """Have the weights of a session lie in the mapped file, in memory, or in pinned memory."""
    for network in (session._pipe.transformer, session._vae):
        for tensor in (*network.parameters(), *network.buffers()):
            if where == "memory":
                tensor.data = tensor.data.clone()
            elif where == "pinned memory":
                tensor.data = tensor.data.pin_memory()


def row(
    bench: Bench,
    case: Case,
    cap: float,
    rung: Rung,
    *,
    first: bool = False,
    where: str = "the mapped file",
) -> None:
    """Print one way's figures: new words, then the same words again."""
    plan = bench.plan(case, rung)
    told = f"| {case.name} | {cap or 'none'} | {rung} |"
    if where != "the mapped file":
        told = told.removesuffix(" |") + f", weights in {where} |"
    said = "a gold bottle on a table of stone, the camera moves slowly around it"
    try:
        with bench.opened(plan, cap) as (session, load, ram):
            lie(session, where)
            lead, segment = bench.lead(case), plan.segments[0]
            session.render(segment, load, lead)
            rows = []
            for kind in ("words new", "words kept") if first else ("words kept",):
                if kind == "words kept" and not first:
                    session.encode((replace(segment, prompt=said),), load)
                clock = Clock()
                session.render(replace(segment, prompt=said), clock, lead)
                rows.append((kind, clock))
            peak = session.peak().vram
        for kind, clock in rows:
            phases = ("encode", "denoise", "decode")
            figures = [load.spent["load"], *(clock.spent[phase] for phase in phases)]
            figures += [sum(figures[1:]), peak / GiB, ram.most / GiB, pinned() / GiB]
            print(told.replace(" |", f", {kind} |", 1), cells(figures), flush=True)
    except OutOfMemory as error:
        print(told, f"out of memory: {error.message:.90} | " + "| " * 7, flush=True)


def batch(bench: Bench, case: Case, cap: float, rung: Rung, clips: int = 4) -> None:
    """Print what one of several clips takes that go stage by stage, as a batch does."""
    plan = bench.plan(case, rung)
    told = f"| {case.name}, one of {clips} in a batch, words kept | {cap or 'none'} | {rung} |"
    segments = [replace(plan.segments[0], seed=seed) for seed in range(clips)]
    with (
        capped(cap),
        Ram() as ram,
        find_backend("ltx").open(plan, bench.card, bench.folders, load := Clock()) as session,
    ):
        session.render(segments[0], load)
        marks = [wall_time()]
        latents = [session.denoise(segment, Clock()) for segment in segments]
        marks.append(wall_time())
        for one in latents:
            session.decode(one, Clock())
        marks.append(wall_time())
        peak = session.peak().vram
    spent = [(later - sooner) / clips for sooner, later in pairwise(marks)]
    figures = [load.spent["load"], 0.0, *spent, sum(spent)]
    figures += [peak / GiB, ram.most / GiB, pinned() / GiB]
    print(told, cells(figures), flush=True)


def bench_of(folder: Path, *, shrink: bool) -> Bench:
    """What all rows share, for the weights in `folder`; prints what it runs on."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ltx_words.load_tokenizer = lambda _folder: Words()
    # Any library near the tested ones may be measured.
    card = replace(find_card("ltx-2b-distilled"), versions={})
    if shrink:
        card = replace(card, tokens=24)
    name = torch.cuda.get_device_name() if device == "cuda" else "no GPU"
    print(name, versions(), flush=True)
    return Bench(card, {part: folder / part for part in ("model", "encoder")}, device, shrink)


def beside(wish: argparse.Namespace, bench: Bench, folder: Path) -> None:
    """Print ours and other people's ways, in turns, for the cases asked for under each cap."""
    print(f"\n{HEAD}\n{'|---' * 11}|", flush=True)
    ends = time.perf_counter() + 60 * wish.minutes
    turns = Turns(bench, folder, cases_of(wish), Path(__file__), ends, clips=wish.clips)
    turns.run(wish.caps, wish.ways or ORDER, wish.rounds)


def cases_of(wish: argparse.Namespace) -> Sequence[Case]:
    """Of the first two cases those with as many frames as were asked for."""
    return [case for case in CASES[:2] if case.frames in wish.cases]


def measure(bench: Bench, *, caps: Sequence[float], quick: bool = False) -> None:
    """Print all tables."""
    encoder_row(bench.folders["encoder"] / ENCODER, bench.card.tokens, bench.device)
    print(f"\n{HEAD}\n{'|---' * 11}|", flush=True)
    if quick:
        row(bench, CASES[0], caps[0], bench.chosen(CASES[0], caps[0]), first=True)
        batch(bench, CASES[0], caps[0], bench.chosen(CASES[0], caps[0]))
        for where in ("memory", "pinned memory") if bench.device == "cuda" else ("memory",):
            row(bench, CASES[0], caps[0], bench.chosen(CASES[0], caps[0]), where=where)
        row(bench, CASES[0], 0, Rung(residence="resident", decode="whole"))
        theirs(bench, CASES[:1], 0, "diffusers, resident", resident)
        return
    ours(bench, caps[0])
    row(bench, CASES[0], 0, Rung(residence="resident", decode="whole"), first=True)
    row(bench, CASES[1], 0, Rung(residence="resident", decode="whole"))
    theirs(bench, CASES[:3], 0, "diffusers, resident", resident)
    theirs(bench, CASES[:1], caps[0], "diffusers, sequential offload", sequential)
    users_way(bench, caps[0])
    for cap in caps[1:]:
        ours(bench, cap)
    whole_encoder_row(TINY_LTX if bench.shrink else FULL_LTX, bench.card.tokens, bench.device)


def ours(bench: Bench, cap: float) -> None:
    """Print what the planner takes for each shape, and the ways that it does not take."""
    for index, case in enumerate(CASES):
        row(bench, case, cap, bench.chosen(case, cap), first=index == 0)
    batch(bench, CASES[0], cap, bench.chosen(CASES[0], cap))
    for case, rung in WAYS:
        row(bench, case, cap, rung)


def main() -> None:
    """Write the weights in one process and measure in another, whose memory is its own."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("what", choices=("all", "write", "measure", "theirs"))
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--quick", action="store_true", help="49 frames under the first cap alone")
    asked.add_argument("--caps", type=float, nargs="*", default=[3.4, 3.1])
    asked.add_argument("--ways", nargs="*", default=(), metavar="NAME", help="of theirs, these")
    asked.add_argument("--only", choices=(*RECIPES, *PEERS), help="this way in this process alone")
    asked.add_argument("--cases", type=int, nargs="*", default=[49, 121], metavar="FRAMES")
    asked.add_argument("--rounds", type=int, default=3, help="of turns, ours twice in each")
    asked.add_argument("--clips", type=int, default=2, help="timed in a turn, after a first one")
    asked.add_argument("--minutes", type=float, default=9.0, help="after them no turn begins")
    wish = asked.parse_args()
    for way in set(wish.ways) - {*ORDER}:
        asked.error(f"{way} is not one of {', '.join(ORDER)}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = wish.folder or Path(scratch)
        if wish.what in ("write", "measure"):
            work(wish, folder)
        elif wish.only:
            bench, way = bench_of(folder, shrink=wish.tiny), {**RECIPES, **PEERS}[wish.only]
            for cap in wish.caps:
                theirs(bench, cases_of(wish), cap, wish.only, way, clips=wish.clips)
        elif wish.what == "theirs":
            if wish.folder is None:
                again(wish, "write", folder)
            beside(wish, bench_of(folder, shrink=wish.tiny), folder)
        else:
            for what in ("write", "measure"):
                again(wish, what, folder)


def work(wish: argparse.Namespace, folder: Path) -> None:
    """Write or measure, in this process."""
    if wish.what == "write":
        scale = TINY_LTX if wish.tiny else FULL_LTX
        device = "cuda" if torch.cuda.is_available() else "cpu"
        write_ltx(folder, scale=scale, dtype="bfloat16", narrow=True, device=device)
    else:
        measure(bench_of(folder, shrink=wish.tiny), caps=wish.caps, quick=wish.quick)


def again(wish: argparse.Namespace, what: str, folder: Path) -> None:
    """Run this script for one part, in a process whose memory is its own."""
    command = [sys.executable, __file__, what, "--folder", str(folder), "--caps"]
    command += [*map(str, wish.caps), *(["--tiny"] if wish.tiny else [])]
    command += ["--quick"] if wish.quick else []
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"{what}: {time.perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()

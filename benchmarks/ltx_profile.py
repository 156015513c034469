"""Where the time of one LTX-Video clip that is made alone goes: docs/measured/ltx.md.

    PYTHONPATH=src python benchmarks/ltx.py write --folder W     # weights of full size, random
    PYTHONPATH=src python benchmarks/ltx_profile.py --folder W [--cap 3.4] [--tiny]

Every piece is waited for, so the pieces add up to a little more than a clip that is not looked at;
that one is timed as well. Medians of `--times` clips after two that warm up. The parts are sent
back to host memory between clips, as when each clip is made by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from held import capped, wall_time
from ltx_cases import CASES, Bench, Words
from reelkiln.backends import ltx as family
from reelkiln.backends import ltx_words
from reelkiln.backends.arrange import Arrangement
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import WORDS, Step
from reelkiln.models.cards import find_card
from reelkiln.plan.ladder import Rung


class Pieces:
    """Seconds of named pieces of one clip, the device's work included."""

    def __init__(self) -> None:
        self.clips: list[dict[str, float]] = []
        self._step_begun = 0.0

    def step(self, step: Step) -> None:
        """What a backend calls: the first step apart from the others."""
        if step.phase != "denoise":
            return
        now = wall_time()
        if step.done:
            name = "first step" if step.done == 1 else "other steps"
            self.add(name, now - self._step_begun)
        self._step_begun = now

    def add(self, name: str, seconds: float) -> None:
        """So much more of this piece in the clip of now."""
        self.clips[-1][name] = self.clips[-1].get(name, 0.0) + seconds

    def wrapped(self, name: Callable[..., str], work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, timed under the name that its arguments give it."""

        def timed(*given: Any, **named: Any) -> Any:
            begun = wall_time()
            try:
                return work(*given, **named)
            finally:
                self.add(name(*given), wall_time() - begun)

        return timed


@contextmanager
def watching(pieces: Pieces) -> Iterator[None]:
    """Have the family's pieces timed inside."""
    watched = (
        (Arrangement, "_go", lambda _self, part: f"{type(part).__name__} to the device"),
        (Arrangement, "leave", lambda *_: "leaving the device"),
        (family._Session, "_for_decoder", lambda *_: "noise for the decoder"),
        (family, "to_pixels", lambda *_: "pixels"),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in watched]
    for owner, name, said in watched:
        setattr(owner, name, pieces.wrapped(said, getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, real in before:
            setattr(owner, name, real)


def clips(bench: Bench, cap: float, rung: Rung, times: int) -> None:
    """Print the medians of each piece, and of clips that nobody looks at."""
    plan = bench.plan(CASES[0], rung)
    segment = plan.segments[0]
    folders = {**bench.folders, WORDS: bench.folders["model"].parent / "words"}
    pieces = Pieces()
    whole: list[tuple[float, float]] = []
    with capped(cap), find_backend("ltx").open(plan, bench.card, folders, lambda _: None) as made:
        session: Any = made
        session.encode((segment,), lambda _: None)
        for index in range(2 + times):
            session._arrangement.leave()
            begun = wall_time()
            latents = session.denoise(segment, lambda _: None)
            middle = wall_time()
            session.decode(latents, lambda _: None)
            if index > 1:
                whole.append((middle - begun, wall_time() - middle))
        with watching(pieces):
            for _ in range(times):
                pieces.clips.append({})
                session._arrangement.leave()
                begun = wall_time()
                latents = session.denoise(segment, pieces.step)
                pieces.add("denoising together", wall_time() - begun)
                begun = wall_time()
                session.decode(latents, lambda _: None)
                pieces.add("decoding together", wall_time() - begun)
    denoise, decode = (median(one) for one in zip(*whole, strict=True))
    print(f"\n## {rung}, cap {cap or 'none'}\n\n| piece | s |\n|---|---|")
    print(f"| **denoising, not looked at** | {denoise:.3f} |")
    print(f"| **decoding, not looked at** | {decode:.3f} |")
    for name in dict.fromkeys(name for clip in pieces.clips for name in clip):
        print(f"| {name} | {median(clip.get(name, 0.0) for clip in pieces.clips):.4f} |")


def kernels(bench: Bench, rung: Rung) -> None:
    """Print what the GPU is busy with while it denoises and decodes."""
    from torch.profiler import ProfilerActivity, profile  # noqa: PLC0415 - only where there is a GPU

    plan = bench.plan(CASES[0], rung)
    segment = plan.segments[0]
    folders = {**bench.folders, WORDS: bench.folders["model"].parent / "words"}
    with find_backend("ltx").open(plan, bench.card, folders, lambda _: None) as session:
        session.decode(session.denoise(segment, lambda _: None), lambda _: None)
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
            session.denoise(segment, lambda _: None)
        print(
            seen.key_averages().table(
                sort_by="self_cuda_time_total", row_limit=14, max_name_column_width=48
            )
        )
        latents = session.denoise(segment, lambda _: None)
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
            session.decode(latents, lambda _: None)
        print(
            seen.key_averages().table(
                sort_by="self_cuda_time_total", row_limit=14, max_name_column_width=48
            )
        )


def widening(times: int = 50) -> None:
    """Print how fast 8-bit weights are widened: one layer's, a block's in one piece."""
    for name, count in (("2048 x 2048", 2048 * 2048), ("a block", 67_155_968)):
        narrow = torch.zeros(count, dtype=torch.float8_e4m3fn, device="cuda")
        for _ in range(3):
            narrow.to(torch.bfloat16)
        begun = wall_time()
        for _ in range(times):
            narrow.to(torch.bfloat16)
        took = (wall_time() - begun) / times
        print(f"widened: {name}, {1e6 * took:.0f} us, {3 * count / took / 1e9:.0f} GB/s")


def main() -> None:
    """Print all tables."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--folder", type=Path, required=True)
    asked.add_argument("--cap", type=float, default=3.4)
    asked.add_argument("--times", type=int, default=7)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--kernels", action="store_true")
    wish = asked.parse_args()
    ltx_words.load_tokenizer = lambda _folder: Words()
    card = replace(find_card("ltx-2b-distilled"), versions={})
    card = replace(card, tokens=24) if wish.tiny else card
    device = "cuda" if torch.cuda.is_available() else "cpu"
    folders = {part: wish.folder / part for part in ("model", "encoder")}
    bench = Bench(card, folders, device, wish.tiny)
    print(torch.cuda.get_device_name() if device == "cuda" else "no GPU", versions())
    narrow = Rung(residence="staged", storage_bits=8)
    for rung in (narrow, replace(narrow, decode="whole"), replace(narrow, decode="tiles")):
        clips(bench, wish.cap, rung, wish.times)
    clips(bench, 0, Rung(residence="resident", decode="whole"), wish.times)
    if wish.kernels and device == "cuda":
        widening()
        kernels(bench, bench.chosen(CASES[0], wish.cap))


if __name__ == "__main__":
    main()

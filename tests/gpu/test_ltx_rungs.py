"""LTX on every rung of a real GPU, with tiny weights.

Run by hand: `pytest -m gpu tests/gpu/test_ltx_rungs.py`, or without pytest `PYTHONPATH=src:tests
python tests/gpu/test_ltx_rungs.py`. Seconds and memory at full size: `benchmarks/ltx.py`.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from reelkiln.backends import ltx_words
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.backends.tiny_ltx import write_ltx
from reelkiln.errors import Cancelled, ReelkilnError
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import LADDER, NARROW, Rung
from reelkiln.plan.machine import MiB
from reelkiln.reel import Clip
from tiny_models import GUIDED, make_ltx_card, make_ltx_plan, nothing

if "pytest" in sys.modules:
    import pytest

    pytestmark = [pytest.mark.gpu, pytest.mark.torch]

CARD = make_ltx_card()
RUNGS = tuple(rung for rung in (*LADDER, *NARROW) if not rung.split)


class Letters:
    """A tokenizer where sentencepiece is not installed."""

    pad_token_id = 0

    def __call__(self, words: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [3 + ord(letter) % 97 for letter in words] + [1]}


@cache
def weights() -> Folders:
    ltx_words.load_tokenizer = lambda _folder: Letters()
    return write_ltx(Path(tempfile.mkdtemp()), dtype="bfloat16", narrow=True)


def render(
    rung: Rung,
    card: Card = CARD,
    lead: Clip | None = None,
    on_step: Callable[[Step], None] = nothing,
    dtype: str = "bfloat16",
) -> Clip:
    plan = make_ltx_plan(card, frames=41, device="cuda", dtype=dtype, rung=rung)
    with find_backend("ltx").open(plan, card, weights(), on_step) as session:
        return session.render(plan.segments[0], on_step, lead)


def picture() -> Clip:
    noise = np.random.default_rng(3).integers(0, 255, (9, 64, 64, 3), np.uint8)
    return Clip(noise, CARD.fps)


def apart(one: Clip, two: Clip) -> float:
    """Mean difference of two clips, in levels of 8 bits."""
    return float(np.abs(one.frames.astype(int) - two.frames.astype(int)).mean())


def assert_device_is_empty() -> None:
    gc.collect()
    assert torch.cuda.memory_allocated() <= 64 * MiB, torch.cuda.memory_allocated()


def test_every_rung_renders_the_same_clip_twice() -> None:
    for card in (CARD, make_ltx_card(GUIDED)):
        for lead in (None, picture()):
            reference = render(LADDER[0], card, lead)
            for rung in RUNGS:
                clips = [render(rung, card, lead) for _ in range(2)]
                assert np.array_equal(clips[0].frames, clips[1].frames), rung
                assert clips[0].finite_share == 1.0
                # Windows and tiles of untrained weights differ at their edges.
                most = 2 if rung.decode == "whole" else 16
                assert apart(reference, clips[0]) < most, (rung, apart(reference, clips[0]))
                assert_device_is_empty()


def test_rungs_that_decode_alike_differ_by_rounding_alone() -> None:
    reference = render(LADDER[1])
    for rung in RUNGS:
        if rung.decode == "frames":
            assert apart(reference, render(rung)) < 1, rung


def test_float32_is_there_for_what_overflows() -> None:
    clip = render(Rung(residence="staged", storage_bits=32), dtype="float32")
    assert apart(clip, render(LADDER[1])) < 8


def test_a_render_stopped_in_any_phase_leaves_the_gpu_empty() -> None:
    for rung in RUNGS:
        for phase in ("load", "encode", "denoise", "decode"):

            def on_step(step: Step, phase: str = phase) -> None:
                if step.phase == phase and step.done:
                    raise Cancelled("enough")

            kept = None
            try:
                render(rung, on_step=on_step)
            except Cancelled as error:
                kept = error
            assert kept is not None, (rung, phase)
            assert_device_is_empty()


def test_a_picture_is_seen_without_the_encoder_staying() -> None:
    plan = replace(make_ltx_plan(CARD), device="cuda", dtype="bfloat16", rung=NARROW[1])
    with find_backend("ltx").open(plan, CARD, weights(), nothing) as session:
        session.denoise(plan.segments[0], nothing, picture())
        assert torch.cuda.memory_allocated() <= 64 * MiB


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            begin = time.perf_counter()
            try:
                test()
            except (AssertionError, RuntimeError, ReelkilnError) as error:
                sys.stdout.write(f"FAILED {name}: {type(error).__name__}: {error}\n")
            else:
                sys.stdout.write(f"passed {name} in {time.perf_counter() - begin:.1f} s\n")
            sys.stdout.flush()

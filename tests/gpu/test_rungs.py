"""Every rung of the ladder on a real GPU, with tiny weights and with random ones of full size.

Run by hand: `pytest -m gpu tests/gpu`, or without pytest `PYTHONPATH=src:tests python
tests/gpu/test_rungs.py`. Needs torch, diffusers, transformers, and 6 GB of disk. Seconds and
memory of each rung: `benchmarks/rungs.py`.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.backends.tiny import FULL, TINY, write_animatediff
from reelkiln.errors import Cancelled, OutOfMemory
from reelkiln.plan.card import Card, Reach
from reelkiln.plan.ladder import LADDER, Rung
from reelkiln.plan.machine import GiB, MiB
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Size
from tiny_models import FEW, WINDOWS, make_card, make_plan, nothing, ruin

if "pytest" in sys.modules:
    import pytest

    pytestmark = [pytest.mark.gpu, pytest.mark.torch]

FAMILY = find_backend("animatediff")
CARD = make_card("animatediff")
FEW_CARD = make_card("animatediff", FEW)
EIGHT_BITS = Rung(residence="staged", storage_bits=8)
RUNGS = (*LADDER, EIGHT_BITS)


@cache
def weights(full: bool) -> Folders:
    root = Path(os.environ.get("REELKILN_GPU_SCRATCH", tempfile.gettempdir()))
    folder = root / f"reelkiln-gpu-{'full' if full else 'tiny'}-{os.getpid()}"
    return write_animatediff(folder, scale=FULL if full else TINY, dtype="float16")


def gpu_plan(card: Card, rung: Rung, **changes: object) -> Plan:
    return make_plan(card, **{"device": "cuda", "dtype": "float16", "rung": rung, **changes})


def full_plan(rung: Rung, card: Card = CARD, frames: int = 16) -> Plan:
    return gpu_plan(card, rung, frames=frames, size=Size(512, 512))


def render(plan: Plan, card: Card, folders: Folders, on_step: Callable[[Step], None]) -> Clip:
    with FAMILY.open(plan, card, folders, on_step) as session:
        return session.render(plan.segments[0], on_step)


@cache
def workspaces() -> int:
    """Bytes that torch's own libraries keep on the GPU once they have multiplied and convolved."""
    for width in (64, 4096):
        square = torch.ones(width, width, dtype=torch.float16, device="cuda")
        torch.nn.functional.linear(square, square, square[0])
        torch.nn.functional.conv2d(square[None, None], square[None, None, :3, :3])
    del square
    gc.collect()
    torch.cuda.empty_cache()
    return int(torch.cuda.memory_allocated())


def assert_device_is_empty() -> None:
    gc.collect()
    assert torch.cuda.memory_allocated() <= workspaces(), torch.cuda.memory_allocated()
    assert torch.cuda.memory_reserved() <= workspaces() + 32 * MiB, torch.cuda.memory_reserved()


@contextmanager
def capped(limit: int) -> Iterator[None]:
    """The allocator as a smaller GPU would leave it."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(limit / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def apart(one: Clip, two: Clip) -> float:
    """Mean difference of two clips, in levels of 8 bits."""
    return float(np.abs(one.frames.astype(int) - two.frames.astype(int)).mean())


def test_every_rung_renders_the_same_tiny_clip_twice() -> None:
    for card in (CARD, FEW_CARD, replace(CARD, reach=WINDOWS)):
        frames = 13 if card.reach == WINDOWS else 4
        reference = render(gpu_plan(card, LADDER[0], frames=frames), card, weights(False), nothing)
        for rung in RUNGS:
            plan = gpu_plan(card, rung, frames=frames)
            clips = [render(plan, card, weights(False), nothing) for _ in range(2)]
            assert np.array_equal(clips[0].frames, clips[1].frames), rung
            assert clips[0].finite_share == 1.0
            assert apart(reference, clips[0]) < (8 if rung is EIGHT_BITS else 1), rung
            assert_device_is_empty()


def test_a_gpu_and_the_processor_see_the_same_noise() -> None:
    plan = gpu_plan(CARD, replace(LADDER[0], storage_bits=32), dtype="float32")
    assert (
        apart(
            render(plan, CARD, weights(False), nothing),
            render(make_plan(CARD), CARD, weights(False), nothing),
        )
        < 0.5
    )


def test_a_render_stopped_in_any_phase_leaves_the_gpu_empty() -> None:
    for rung in RUNGS:
        for phase in ("load", "encode", "denoise", "decode"):

            def on_step(step: Step, phase: str = phase) -> None:
                if (step.phase, step.done) == (phase, 1) or (
                    phase == step.phase == "decode" and step.done == step.total
                ):
                    raise Cancelled("enough")

            kept = None
            try:
                render(gpu_plan(CARD, rung), CARD, weights(False), on_step)
            except Cancelled as error:
                kept = error
            assert kept is not None, (rung, phase)
            assert_device_is_empty()


def test_ruined_weights_are_counted() -> None:
    import shutil

    model = shutil.copytree(weights(False)["model"], Path(tempfile.mkdtemp()) / "model")
    ruin(model / "vae" / "diffusion_pytorch_model.safetensors")
    clip = render(gpu_plan(CARD, LADDER[0]), CARD, {**weights(False), "model": model}, nothing)
    assert 0 <= clip.finite_share < 1


def test_out_of_memory_is_ours_and_the_next_rung_renders_while_the_error_is_held() -> None:
    with capped(int(3.4 * GiB)):
        try:
            render(full_plan(LADDER[0]), CARD, weights(True), nothing)
        except OutOfMemory as error:
            assert_device_is_empty()
            rung = Rung(residence="streamed", two_pass=True)
            clip = render(full_plan(rung), CARD, weights(True), nothing)
            assert clip.frames.shape == (16, 512, 512, 3)
            assert error.__cause__ is not None
        else:
            raise AssertionError("a resident model cannot fit 3.4 GiB")


def test_streamed_rungs_hold_at_full_size() -> None:
    for limit in (3.1, 3.4):
        for frames in (16, 24):
            card = replace(CARD, reach=Reach(kind="windows", context=16, stride=4))
            rung = Rung(residence="streamed", two_pass=True)
            with capped(int(limit * GiB)):
                clip = render(full_plan(rung, card, frames), card, weights(True), nothing)
            assert len(clip.frames) == frames
            assert_device_is_empty()


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            begin = time.perf_counter()
            test()
            sys.stdout.write(f"passed {name} in {time.perf_counter() - begin:.1f} s\n")
            sys.stdout.flush()

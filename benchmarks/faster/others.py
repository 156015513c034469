"""What is not ours: the user's way, diffusers' memory recipes, and two peers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from diffusers import AnimateDiffPipeline, EulerDiscreteScheduler, MotionAdapter
from ground import CAPS, NOT, WORDS, Ground, sync

from held import capped
from reelkiln.errors import OutOfMemory
from reelkiln.plan.machine import GiB


def plain_pipe(ground: Ground) -> Any:
    """The library's pipeline, loaded as its documentation says."""
    dtype = torch.float32 if ground.tiny else torch.float16
    adapter = MotionAdapter.from_pretrained(ground.folders["motion"], dtype=dtype)
    pipe = AnimateDiffPipeline.from_pretrained(
        ground.folders["model"], motion_adapter=adapter, dtype=dtype
    )
    pipe.scheduler = EulerDiscreteScheduler.from_config(
        pipe.scheduler.config, beta_schedule="linear"
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def as_the_user(pipe: Any) -> None:
    """The user's configuration, its two vae calls where they now live."""
    pipe.vae.enable_slicing()
    pipe.vae.enable_tiling()
    pipe.enable_attention_slicing(1)
    pipe.enable_sequential_cpu_offload()


def model_offload(pipe: Any) -> None:
    """diffusers' memory recipe: one network on the device at a time."""
    pipe.vae.enable_slicing()
    pipe.enable_model_cpu_offload()


def leaf_group(pipe: Any) -> None:
    """diffusers' memory recipe: groups of leaves, with a stream."""
    _grouped(pipe, offload_type="leaf_level")


def block_group(pipe: Any) -> None:
    """diffusers' memory recipe: groups of blocks, with a stream."""
    _grouped(pipe, offload_type="block_level", num_blocks_per_group=1)


def _grouped(pipe: Any, **options: Any) -> None:
    cuda = torch.device("cuda")
    pipe.unet.enable_group_offload(
        onload_device=cuda, offload_device=torch.device("cpu"), use_stream=True, **options
    )
    pipe.vae.to(cuda)
    pipe.text_encoder.to(cuda)
    pipe.vae.enable_slicing()


def diffusers_mm(pipe: Any) -> None:
    """A peer, as its README says: it chooses by what memory is free."""
    from diffusers_mm import managed  # noqa: PLC0415 - only where it is measured

    pipe.vae.enable_slicing()
    managed(pipe)


def mmgp(pipe: Any) -> None:
    """A peer, for measurement alone: its licence keeps it out of the project. Its profile for much
    RAM and little GPU memory, pinned, without its rounding of weights to 8 bits."""
    _mmgp(pipe)


def mmgp_least(pipe: Any) -> None:
    """The same, with the budget of its most frugal profile: 400 MB of the denoiser."""
    _mmgp(pipe, budgets={"transformer": 400, "*": 1000})


def _mmgp(pipe: Any, **more: Any) -> None:
    from mmgp import offload, profile_type  # noqa: PLC0415 - only where it is measured

    pipe.register_modules(motion_adapter=None)
    pipe.vae.enable_slicing()
    offload.profile(
        {"transformer": pipe.unet, "vae": pipe.vae, "text_encoder": pipe.text_encoder},
        profile_type.HighRAM_LowVRAM,
        quantizeTransformer=False,
        convertWeightsFloatTo=torch.float16,
        verboseLevel=1,
        **more,
    )


WAYS: dict[str, Callable[[Any], None]] = {
    "the user's configuration": as_the_user,
    "leaf-level group offload": leaf_group,
    "block-level group offload": block_group,
    "model offload": model_offload,
}
PEERS: dict[str, Callable[[Any], None]] = {
    "diffusers-mm, managed()": diffusers_mm,
    "mmgp, profile 2 in 16 bits": mmgp,
    "mmgp, the same with 400 MB": mmgp_least,
}


@contextmanager
def told(ground: Ground, cap: float) -> Iterator[None]:
    """Have a library that asks how much memory is free hear what the cap leaves."""
    if ground.device == "cpu":
        yield
        return
    real = torch.cuda.mem_get_info

    def info(*_: Any) -> tuple[int, int]:
        return int(cap * GiB) - torch.cuda.memory_reserved(), int(cap * GiB)

    torch.cuda.mem_get_info = info
    try:
        yield
    finally:
        torch.cuda.mem_get_info = real


def other_way(ground: Ground, name: str, cap: float, *, frames: int = 16, steps: int = 25) -> None:
    """One way that is not ours, in its own words, prompt to pictures."""
    figures: dict[str, Any] = {"way": name, "model": "epicrealism", "cap": cap, "frames": frames}
    try:
        with capped(cap), told(ground, cap):
            figures |= _run_other(ground, name, frames, 2 if ground.tiny else steps)
    except (torch.OutOfMemoryError, OutOfMemory) as error:
        figures["outcome"] = f"out of memory: {str(error)[:80]}"
    except Exception as error:  # noqa: BLE001 - what a peer raises is a result
        figures["outcome"] = f"{type(error).__name__}: {str(error)[:160]}"
        traceback.print_exc()
    ground.add("time", steps=steps, **figures)


def _run_other(ground: Ground, name: str, frames: int, steps: int) -> dict[str, Any]:
    pipe = plain_pipe(ground)
    if ground.device == "cuda":
        {**WAYS, **PEERS}[name](pipe)
    side = 64 if ground.tiny else ground.side
    marks: list[float] = []

    def step_done(_pipe: Any, _index: int, _time: Any, _tensors: Any) -> dict[str, Any]:
        sync()
        marks.append(time.perf_counter())
        return {}

    def call(count: int) -> float:
        marks.clear()
        sync()
        begun = time.perf_counter()
        pipe(
            WORDS,
            negative_prompt=NOT,
            num_frames=3 if ground.tiny else frames,
            width=side,
            height=side,
            num_inference_steps=count,
            guidance_scale=7.5,
            generator=torch.Generator("cpu").manual_seed(11),
            output_type="np",
            callback_on_step_end=step_done,
        )
        sync()
        return time.perf_counter() - begun

    with torch.no_grad():
        call(2)
        whole = call(steps)
    step = (marks[-1] - marks[0]) / max(len(marks) - 1, 1)
    peak = torch.cuda.max_memory_reserved() if ground.device == "cuda" else 0
    return {
        "step": round(step, 4),
        "denoise": round(step * 25, 3),
        "decode": round(whole - step * steps, 3),
        "peak": round(peak / GiB, 3),
    }


def peers(ground: Ground) -> None:
    """Each in a process of its own: they change the libraries they are imported beside."""
    for name in PEERS:
        for cap in CAPS[::-1]:
            if ground.left() < 35:
                ground.add("skipped", what=f"{name} at {cap}")
                continue
            _peer(ground, name, cap)


def _peer(ground: Ground, name: str, cap: float) -> None:
    out = ground.out / "peer"
    words = [sys.executable, str(Path(__file__).parent), "--out", str(out), "--only", name]
    words += ["--cap", str(cap), "--weights", str(ground.folders["model"].parent)]
    words += ["--tiny"] if ground.tiny else []
    out.mkdir(exist_ok=True)
    file = out / "faster.json"
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(words, timeout=75, check=False)
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else []
    for row in rows or [{"kind": "time", "way": name, "cap": cap, "outcome": "no answer in 75 s"}]:
        ground.add(**row)
    file.unlink(missing_ok=True)


def others(ground: Ground) -> None:
    """What is not ours: the user's way whole once, the rest by eight of 25 steps."""
    first = next(iter(WAYS))
    for cap in CAPS:
        for way in ground.ways or WAYS:
            other_way(ground, way, cap, steps=25 if (way, cap) == (first, 3.4) else 8)
    for frames in () if ground.ways else (24, 32):
        other_way(ground, "leaf-level group offload", 3.4, frames=frames, steps=8)

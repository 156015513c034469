"""What is not ours: the user's way, diffusers' memory recipes, and two peers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AnimateDiffPipeline, EulerDiscreteScheduler, MotionAdapter
from ground import CAPS, NOT, WORDS, Ground, sync

from held import capped, let_go, ran_out, told
from reelkiln.plan.machine import GiB


@dataclass(frozen=True)
class Case:
    """One request: `steps` are timed, and told as the `whole` run's."""

    name: str
    frames: int
    steps: int
    whole: int
    guidance: float


CASES = (
    Case("16 frames, guided", 16, 8, 25, 7.5),
    Case("16 frames, four steps", 16, 4, 4, 1.0),
    Case("24 frames", 24, 4, 25, 7.5),
    Case("32 frames", 32, 4, 25, 7.5),
)
SECONDS = 100
"""What one process of a peer may take."""


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
    _mmgp(pipe, 2, quantizeTransformer=False, convertWeightsFloatTo=torch.float16)


def mmgp_least(pipe: Any) -> None:
    """The same, with the budget of its most frugal profile: 400 MB of the denoiser."""
    frugal = {"transformer": 400, "*": 1000}
    _mmgp(pipe, 2, quantizeTransformer=False, convertWeightsFloatTo=torch.float16, budgets=frugal)


def mmgp_as_it_comes(pipe: Any) -> None:
    """Its profile for little memory of both kinds, with its rounding of weights to 8 bits."""
    _mmgp(pipe, 4)


def _mmgp(pipe: Any, profile: int, **more: Any) -> None:
    from mmgp import offload, profile_type  # noqa: PLC0415 - only where it is measured

    pipe.register_modules(motion_adapter=None)
    pipe.vae.enable_slicing()
    offload.profile(
        {"transformer": pipe.unet, "vae": pipe.vae, "text_encoder": pipe.text_encoder},
        profile_type(profile),
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
    "mmgp, profile 4 as it comes": mmgp_as_it_comes,
}


def other_way(ground: Ground, name: str, cap: float, cases: Sequence[Case] = CASES) -> None:
    """One way that is not ours, in its own words, prompt to pictures: set up once for all cases,
    and anew after a case that failed, so that what is left of it is not the next one's burden."""
    pipe: Any = None
    broken = ""
    with capped(cap), told(cap):
        for case in cases:
            figures: dict[str, Any] = {
                "way": name, "model": "epicrealism", "cap": cap, "case": case.name,
                "frames": case.frames, "steps": case.steps,
            }  # fmt: skip
            try:
                if pipe is None and not broken:
                    pipe = _ready(ground, name)
                figures |= {"outcome": broken} if broken else _run_other(ground, pipe, case)
            except Exception as error:  # noqa: BLE001 - what a peer raises is a result
                short = "out of memory" if ran_out(error) else type(error).__name__
                figures["outcome"] = f"{short}: {str(error)[:160]}"
                # What cannot be set up once cannot be set up for the next case.
                broken = figures["outcome"] if pipe is None else ""
                if not ran_out(error):
                    traceback.print_exc()
            ground.add("time", **figures)
            if "outcome" in figures:
                pipe = None
                let_go()
        pipe = None
        let_go()


def _ready(ground: Ground, name: str) -> Any:
    pipe = plain_pipe(ground)
    # A trial on the processor has nothing to offload, but tells whether a peer is there.
    if ground.device == "cuda" or name in PEERS:
        {**WAYS, **PEERS}[name](pipe)
    return pipe


def _run_other(ground: Ground, pipe: Any, case: Case) -> dict[str, Any]:
    side = 64 if ground.tiny else ground.side
    steps = 2 if ground.tiny else case.steps
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
            num_frames=3 if ground.tiny else case.frames,
            width=side,
            height=side,
            num_inference_steps=count,
            guidance_scale=case.guidance,
            generator=torch.Generator("cpu").manual_seed(11),
            output_type="np",
            callback_on_step_end=step_done,
        )
        sync()
        return time.perf_counter() - begun

    if ground.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with torch.no_grad():
        call(2)
        whole = call(steps)
    step = (marks[-1] - marks[0]) / max(len(marks) - 1, 1)
    peak = torch.cuda.max_memory_reserved() if ground.device == "cuda" else 0
    return {
        "step": round(step, 4),
        "denoise": round(step * case.whole, 3),
        "decode": round(whole - step * steps, 3),
        "peak": round(peak / GiB, 3),
    }


def peers(ground: Ground) -> None:
    """Each in a process of its own: they change the libraries they are imported beside."""
    for name in PEERS:
        if ground.ways and name not in ground.ways:
            continue
        for cap in CAPS[::-1]:
            if ground.left() < 45:
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
    file.unlink(missing_ok=True)
    ended = "no answer"
    with suppress(subprocess.TimeoutExpired):
        ended += f", exit {subprocess.run(words, timeout=SECONDS, check=False).returncode}"
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else []
    for row in rows:
        ground.add(**row)
    for case in CASES[len(rows) :]:
        outcome = ended if "exit" in ended else f"no answer in {SECONDS} s"
        figures = {"case": case.name, "frames": case.frames, "outcome": outcome}
        ground.add("time", way=name, model="epicrealism", cap=cap, **figures)


def others(ground: Ground) -> None:
    """What is not ours: the user's way whole once, the rest by some of 25 steps."""
    for cap in CAPS:
        for way in WAYS:
            if ground.ways and way not in ground.ways:
                continue
            if ground.left() < 45:
                ground.add("skipped", what=f"{way} at {cap}")
                continue
            other_way(ground, way, cap, cases_of(way, cap))


def cases_of(way: str, cap: float) -> Sequence[Case]:
    """All; of the user's way, which takes a second a step, the short ones, whole once."""
    if way != next(iter(WAYS)):
        return CASES
    guided = replace(CASES[0], steps=25) if cap == max(CAPS) else CASES[0]
    return (guided, CASES[1])

"""What a person with 4 GB could choose instead, and what reelkiln does: seconds and memory.

    PYTHONPATH=src python benchmarks/faster.py --out DIR [--tiny] [--minutes 9] [--wheels DIR]

One run on one GPU, full-size random weights, the allocator held to what a 4 GB card leaves: 3.1 GiB
under Windows, 3.4 GiB elsewhere. Bytes carry over to a small card; seconds are ratios inside this
run. `--tiny` runs the whole script on the processor with tiny weights, to try it out. Writes
`faster.json`; `benchmarks/faster_table.py` makes the tables of `docs/measured/faster.md` from it.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AnimateDiffPipeline, EulerDiscreteScheduler, MotionAdapter

from reelkiln.backends import animatediff
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.backends.stream import Stream
from reelkiln.backends.tiny import FULL, TINY, write_animatediff
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX, _transformer
from reelkiln.errors import OutOfMemory, PlanRefused
from reelkiln.models.cards import find_card
from reelkiln.plan.attempt import attempt
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB, Machine
from reelkiln.plan.outline import Outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Segment, Shot, Size

CAPS = (3.1, 3.4)
WORDS, NOT = "a gold bottle on a wooden table", "blurry"


@dataclass
class Ground:
    """What all rows share. `device` is "cuda", or "cpu" for a trial with tiny weights."""

    tiny: bool
    folders: Folders
    started: float
    seconds: float
    rows: list[dict[str, Any]]
    out: Path
    side: int = 512
    spare: float = 120.0
    ways: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """Where networks compute."""
        return "cpu" if self.tiny else "cuda"

    def left(self) -> float:
        """Seconds until the time is up."""
        return self.seconds - (time.perf_counter() - self.started)

    def add(self, kind: str, **figures: Any) -> None:
        """Print a row and keep it, at once: whatever happens later, it is on the disk."""
        row = {"kind": kind, **figures}
        self.rows.append(row)
        print(f"{time.perf_counter() - self.started:6.1f}", json.dumps(row)[:400], flush=True)
        (self.out / "faster.json").write_text(json.dumps(self.rows, indent=1), encoding="utf-8")


def card_named(name: str) -> Card:
    """The card; any library near the tested ones may be measured."""
    return replace(find_card(name), versions={})


def machine(cap: float, system: str = "Linux") -> Machine:
    """A 4 GB laptop that leaves `cap` GiB."""
    return Machine(
        gpu="RTX 3050 Ti",
        vram_total=max(int(cap * 1.2 * GiB), 4 * GiB),
        vram_free=int(cap * GiB),
        bf16=True,
        ram_total=16 * GiB,
        ram_free=13 * GiB,
        system=system,
        cores=8,
    )


@contextmanager
def held_to(ground: Ground, cap: float | None) -> Iterator[None]:
    """The allocator as small as a smaller GPU would make it."""
    if ground.device == "cpu":
        yield
        return
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(cap * GiB / total if cap else 1.0)
    torch.cuda.reset_peak_memory_stats()
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        gc.collect()
        torch.cuda.empty_cache()


def sync() -> None:
    """Wait for the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Loaded:
    """The weights, loaded once: every session of the family gets the same networks."""

    def __init__(self) -> None:
        self._real = animatediff._load
        self._real_text = animatediff._load_text
        self._pipes: dict[Any, Any] = {}
        self._homes: dict[Any, list[tuple[Any, Any]]] = {}
        self._texts: dict[Any, Any] = {}

    def __enter__(self) -> Loaded:
        animatediff._load = self._load
        return self

    def __exit__(self, *_: Any) -> None:
        animatediff._load = self._real
        self._pipes.clear()
        self._homes.clear()

    def _load(self, plan: Plan, card: Card, folders: Folders, steps: Any) -> Any:
        tiny = animatediff.TINY_DECODER in card.presets[plan.preset].adds
        key = (str(folders["motion"]), plan.dtype, tiny)
        if key not in self._pipes:
            pipe = self._real(plan, card, folders, steps)
            self._pipes[key] = pipe
            self._texts[key] = pipe.text_encoder
            parts = (pipe.unet, pipe.vae, pipe.text_encoder)
            self._homes[key] = [
                (value, value.data) for p in parts for value in (*p.parameters(), *p.buffers())
            ]
        pipe = self._pipes[key]
        pipe.register_modules(text_encoder=self._texts[key])
        for value, home in self._homes[key]:
            value.data = home
        for module in pipe.unet.modules():
            module.__dict__.pop("forward", None)
        pipe.unet._forward_pre_hooks.clear()
        return pipe


# ── one render of ours ───────────────────────────────────────────────────────────────────────────


@dataclass
class Took:
    """Seconds of one render, and what the allocator held."""

    denoise: float
    decode: float
    load: float
    peak: int
    frames: Any = None
    latents: Any = None


def render(
    ground: Ground, plan: Plan, card: Card, folders: Folders, *, times: int = 2, keep: bool = False
) -> Took:
    """The last of `times` renders in one session: in the first, kernels are still chosen."""
    if ground.device == "cpu":
        plan = replace(plan, device="cpu", dtype="float32")
    begun = time.perf_counter()
    with find_backend(card.family).open(plan, card, folders, lambda _: None) as session:
        load = time.perf_counter() - begun
        segment = plan.segments[0]
        session.encode([segment], lambda _: None)
        for _ in range(times):
            sync()
            start = time.perf_counter()
            latents = session.denoise(segment, lambda _: None)
            sync()
            middle = time.perf_counter()
            clip = session.decode(latents, lambda _: None)
            sync()
            end = time.perf_counter()
        took = Took(middle - start, end - middle, load, session.peak().vram)
    if keep:
        took.frames, took.latents = clip.frames, latents.array("latents")
    return took


def planned(
    ground: Ground,
    card: Card,
    cap: float,
    *,
    frames: int = 16,
    steps: int | None = None,
    **more: Any,
) -> Plan:
    """What the planner chooses for a 4 GB laptop with `cap` GiB free, at 512x512."""
    shot = Shot(
        prompt=WORDS,
        negative=NOT,
        seconds=Fraction(frames) / card.fps,
        size=Size(720, 720),
        seed=11,
        model=card.name,
        preset=card.default_preset,
    )
    plan = plan_shot(replace(shot, **more), card, machine(cap))
    return fitted(ground, replace(plan, steps=steps or plan.steps))


def fitted(ground: Ground, plan: Plan) -> Plan:
    """The same plan at a size that a trial on the processor can bear."""
    if not ground.tiny:
        return plan
    segments = tuple(replace(segment, frames=3) for segment in plan.segments)
    steps = min(plan.steps, 2)
    return replace(plan, size=Size(64, 64), steps=steps, kept_bytes=500_000, segments=segments)


def resident(ground: Ground, card: Card, *, frames: int = 16, steps: int | None = None) -> Plan:
    """Everything on the device, no cap: what arranging memory is held against."""
    plan = planned(ground, card, 40.0, frames=frames, steps=steps)
    return replace(plan, rung=Rung(residence="resident", decode="frames"), kept_bytes=0)


def psnr(one: Any, other: Any) -> float:
    """Decibels between two clips of 8-bit frames; 99 where they are equal."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def relative(one: Any, other: Any) -> float:
    """The norm of the difference as a share of the norm of `other`."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


# ── ours against ourselves without a cap ─────────────────────────────────────────────────────────


def uncapped_and_ours(ground: Ground) -> None:
    """25 steps with guidance; then four steps without; then 24 and 32 frames."""
    guided, few = card_named("epicrealism"), card_named("epicrealism-lightning")
    quick = {"model": ground.folders["model"], "motion": ground.folders["lightning"]}
    for card, folders in ((guided, ground.folders), (few, quick)):
        base = render(ground, resident(ground, card), card, folders, keep=True, times=3)
        first = render(ground, resident(ground, card, steps=1), card, folders, keep=True, times=1)
        say(ground, "resident, no cap", card, None, 16, base)
        for cap in CAPS:
            plan = planned(ground, card, cap)
            with held_to(ground, cap):
                took = render(ground, plan, card, folders, keep=True, times=3)
                one = render(
                    ground,
                    planned(ground, card, cap, steps=1),
                    card,
                    folders,
                    keep=True,
                    times=1,
                )
            say(
                ground,
                f"reelkiln: {plan.rung}",
                card,
                cap,
                16,
                took,
                predicted=plan.peak_bytes,
                psnr=psnr(took.frames, base.frames),
                first_step=relative(one.latents, first.latents),
                kept=plan.kept_bytes,
                times_resident=took.denoise / base.denoise,
            )


def longer(ground: Ground) -> None:
    """24 and 32 frames, with guidance, 8 of the 25 steps."""
    card = card_named("epicrealism")
    for frames in (24, 32):
        base = render(ground, resident(ground, card, frames=frames, steps=8), card, ground.folders)
        say(ground, "resident, no cap", card, None, frames, base, steps=8)
        for cap in CAPS:
            plan = planned(ground, card, cap, frames=frames, steps=8)
            with held_to(ground, cap):
                took = render(ground, plan, card, ground.folders)
            say(
                ground,
                f"reelkiln: {plan.rung}",
                card,
                cap,
                frames,
                took,
                steps=8,
                predicted=plan.peak_bytes,
                size=str(plan.size),
                times_resident=took.denoise / base.denoise,
            )


def caches(ground: Ground) -> None:
    """Step caching: seconds of 25 steps, every second or third of them whole. And the drafts."""
    for name, motion in (("epicrealism", "motion"), ("epicrealism-lightning", "lightning")):
        card = card_named(name)
        folders = {**ground.folders, "motion": ground.folders[motion]}
        plan = planned(ground, card, 3.1, preset="draft")
        with held_to(ground, 3.1):
            took = render(ground, plan, card, folders)
        say(ground, "reelkiln, draft", card, 3.1, 16, took, predicted=plan.peak_bytes)
    card = card_named("epicrealism")
    for every in (3,):
        preset = replace(card.presets["standard"], cache_every=every)
        cached = replace(card, presets={**card.presets, "standard": preset})
        with held_to(ground, 3.1):
            took = render(ground, planned(ground, cached, 3.1), cached, ground.folders)
        say(ground, f"reelkiln, every {every}. step whole", card, 3.1, 16, took)


def say(  # noqa: PLR0917 - the columns of a row, in their order
    ground: Ground, way: str, card: Card, cap: float | None, frames: int, took: Took, **more: Any
) -> None:
    """A row of seconds."""
    ground.add(
        "time",
        way=way,
        model=card.name,
        cap=cap,
        frames=frames,
        denoise=round(took.denoise, 3),
        decode=round(took.decode, 3),
        load=round(took.load, 2),
        peak=round(took.peak / GiB, 3),
        **more,
    )


# ── what else one could do ───────────────────────────────────────────────────────────────────────


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
    """A peer, as its README says."""
    from diffusers_mm import managed  # noqa: PLC0415 - only where it is measured

    managed(pipe)


def mmgp(pipe: Any) -> None:
    """A peer, for measurement alone: its licence keeps it out of the project."""
    from mmgp import offload  # noqa: PLC0415 - only where it is measured

    pipe.register_modules(motion_adapter=None)
    offload.all(
        {"unet": pipe.unet, "vae": pipe.vae, "text_encoder": pipe.text_encoder},
        pinnedMemory=True,
        quantizeTransformer=False,
        budgets=1000,
        convertWeightsFloatTo=torch.float16,
        verboseLevel=0,
    )


WAYS: dict[str, Callable[[Any], None]] = {
    "the user's configuration": as_the_user,
    "leaf-level group offload": leaf_group,
    "block-level group offload": block_group,
    "model offload": model_offload,
    "diffusers-mm, managed()": diffusers_mm,
    "mmgp, offload.all, budget 1000": mmgp,
}


def other_way(ground: Ground, name: str, cap: float, *, frames: int = 16, steps: int = 25) -> None:
    """One way that is not ours, in its own words, prompt to pictures."""
    figures: dict[str, Any] = {"way": name, "model": "epicrealism", "cap": cap, "frames": frames}
    try:
        with held_to(ground, cap):
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
        WAYS[name](pipe)
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
    for name in list(WAYS)[4:]:
        for cap in CAPS[1:]:
            if ground.left() < 60:
                ground.add("skipped", what=f"{name} at {cap}")
                continue
            _peer(ground, name, cap)


def _peer(ground: Ground, name: str, cap: float) -> None:
    words = [sys.executable, __file__, "--out", str(ground.out / "peer"), "--only", name]
    words += ["--cap", str(cap), "--weights", str(ground.folders["model"].parent)]
    words += ["--tiny"] if ground.tiny else []
    (ground.out / "peer").mkdir(exist_ok=True)
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(words, timeout=75, check=False)
    file = ground.out / "peer" / "faster.json"
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else []
    for row in rows or [{"kind": "time", "way": name, "cap": cap, "outcome": "no answer in 75 s"}]:
        ground.add(**row)
    file.unlink(missing_ok=True)


# ── a batch ──────────────────────────────────────────────────────────────────────────────────────


def batch(ground: Ground, count: int = 8) -> None:
    """Eight segments, stage by stage in one session, and one by one, each loading the model."""
    card = card_named("epicrealism-lightning")
    folders = {"model": ground.folders["model"], "motion": ground.folders["lightning"]}
    plan = planned(ground, card, 3.1)
    if ground.device == "cpu":
        plan = replace(plan, device="cpu", dtype="float32")
    segments = [replace(plan.segments[0], seed=n, prompt=f"{WORDS} {n}") for n in range(count)]
    backend = find_backend(card.family)
    with held_to(ground, 3.1):
        for loads, label in ((True, "with loading"), (False, "model at hand")):
            begun = time.perf_counter()
            with backend.open(plan, card, folders, nothing) as session:
                begun = begun if loads else time.perf_counter()
                session.encode(segments, nothing)
                made = [session.denoise(segment, nothing) for segment in segments]
                for latents in made:
                    session.decode(latents, nothing)
                sync()
            together = time.perf_counter() - begun
            alone = 0.0
            for segment in segments[:3]:
                begun = time.perf_counter()
                with backend.open(plan, card, folders, nothing) as session:
                    begun = begun if loads else time.perf_counter()
                    session.render(segment, nothing)
                    sync()
                alone += time.perf_counter() - begun
            ground.add(
                "batch",
                what=label,
                together=round(together / count, 3),
                alone=round(alone / 3, 3),
                ratio=round(alone / 3 / (together / count), 2),
            )


def nothing(_step: Step) -> None:
    """An `on_step` for nobody."""


# ── predictions ──────────────────────────────────────────────────────────────────────────────────

SHAPES = (
    (8, 512, 512),
    (16, 512, 512),
    (24, 512, 512),
    (32, 512, 512),
    (16, 384, 704),
    (16, 704, 384),
    (16, 448, 576),
    (16, 640, 448),
    (16, 256, 256),
    (24, 384, 704),
    (48, 384, 384),
    (12, 576, 512),
)
RUNGS = (
    Rung(residence="streamed", split=True),
    Rung(residence="streamed", split=True, two_pass=True),
    Rung(residence="staged", split=True),
    Rung(residence="staged"),
    Rung(residence="resident"),
    Rung(residence="resident", decode="whole"),
)


def predictions(ground: Ground) -> None:
    """Predicted against measured reserved, two steps and the whole decode, every rung and shape."""
    card = card_named("epicrealism")
    for frames, width, height in SHAPES:
        for rung in RUNGS:
            if ground.left() < ground.spare:
                ground.add("skipped", what=f"prediction {rung} {frames}x{width}x{height}")
                continue
            _predict(ground, card, rung, frames, Size(width, height))


def _predict(ground: Ground, card: Card, rung: Rung, frames: int, size: Size) -> None:
    segment = Segment(index=0, frames=frames, seed=5, prompt=WORDS, negative=NOT)
    preset = card.presets["standard"]
    what = Outline(card=card, preset=preset, size=size, segments=(segment,))
    cap = 3.4 if rung.residence == "streamed" else 60.0
    tried = attempt(what, rung, machine(cap), "float16")
    plan = replace(
        planned(ground, card, 40.0, steps=2),
        rung=rung,
        size=size,
        segments=(segment,),
        kept_bytes=tried.kept_bytes,
        peak_bytes=tried.peak_bytes,
    )
    try:
        with held_to(ground, cap if rung.residence == "streamed" and not tried.refusal else None):
            took = render(ground, fitted(ground, plan), card, ground.folders, times=1)
            allocated = torch.cuda.max_memory_allocated() if ground.device == "cuda" else 0
        figures: dict[str, Any] = {
            "measured": round(took.peak / GiB, 3),
            "allocated": round(allocated / GiB, 3),
            "off": round(tried.peak_bytes / took.peak - 1, 3) if took.peak else 0,
        }
    except OutOfMemory as error:
        figures = {"outcome": error.message[:120]}
    ground.add(
        "prediction",
        rung=str(rung),
        frames=frames,
        size=str(size),
        kept=round(tried.kept_bytes / GiB, 3),
        predicted=round(tried.peak_bytes / GiB, 3),
        **figures,
    )


def wishes(cap: float, count: int, seed: int = 5) -> Iterator[tuple[Plan, Card]]:
    """Random legal requests that this cap carries on its GPU."""
    rng = random.Random(f"{seed}-{cap}")
    cards = [card_named(name) for name in ("epicrealism", "epicrealism-lightning")]
    made = 0
    while made < count:
        card = rng.choice(cards)
        shot = Shot(
            prompt=WORDS,
            seconds=Fraction(rng.randint(2, 16), 2),
            size=rng.choice(list(ASPECTS.values())),
            seed=rng.randrange(2**32),
            model=card.name,
            preset=rng.choice(list(card.presets)),
        )
        try:
            plan = plan_shot(shot, card, machine(cap, rng.choice(("Linux", "Windows"))))
        except PlanRefused:
            continue
        if plan.device == "cuda":
            made += 1
            yield plan, card


def requests(ground: Ground, each: int = 20) -> None:
    """Random requests under each cap: two steps and the whole decode."""
    pairs = [(cap, *wish) for cap in (2.0, 3.1, 3.4, 6.0, 10.0) for wish in wishes(cap, each)]
    random.Random(1).shuffle(pairs)
    for cap, plan, card in pairs:
        if ground.left() < 25:
            ground.add("skipped", what=f"request at {cap}: {plan.rung}")
            continue
        folders = dict(ground.folders)
        if "lightning" in card.name:
            folders["motion"] = folders["lightning"]
        outcome, took = "held", None
        try:
            with held_to(ground, cap):
                small = fitted(ground, replace(plan, steps=2))
                took = render(ground, small, card, folders, times=1)
        except OutOfMemory as error:
            outcome = error.message[:120]
        ground.add(
            "request",
            cap=cap,
            rung=str(plan.rung),
            frames=plan.segments[0].frames,
            size=str(plan.size),
            predicted=round(plan.peak_bytes / GiB, 3),
            measured=round(took.peak / GiB, 3) if took else None,
            outcome=outcome,
        )


# ── LTX's transformer ────────────────────────────────────────────────────────────────────────────


def ltx(ground: Ground) -> None:
    """Seconds of one call of LTX's transformer: all of it on the device, streamed, in 8 bits."""
    network = ltx_network(ground)
    device = torch.device(ground.device)
    dtype = torch.float32 if ground.tiny else torch.bfloat16
    homes = [(v, v.data) for v in (*network.parameters(), *network.buffers())]
    for frames, height, width in ((49, 480, 704), (121, 480, 704)):
        cells = (((frames - 1) // 8 + 1), height // 32, width // 32)
        cells = (2, 2, 2) if ground.tiny else cells
        tokens = cells[0] * cells[1] * cells[2]
        for value, home in homes:
            value.data = home.to(device)
        base = _ltx_step(network, tokens, cells, device, dtype)
        for value, home in homes:
            value.data = home
        ground.add("ltx", way="resident, no cap", frames=frames, step=round(base, 4))
        for cap in CAPS:
            # Nine tenths of the cap, less working memory and libraries' own.
            room = int(cap * GiB * 0.9) - tokens * 65_700 * 115 // 100 - 392 * 2**20
            with held_to(ground, cap):
                stream = Stream(network, device, kept=0 if ground.tiny else room)
                stream.enter()
                step = _ltx_step(network, tokens, cells, device, dtype)
                peak = torch.cuda.max_memory_reserved() if ground.device == "cuda" else 0
                stream.close()
                del stream
            ground.add(
                "ltx",
                way=f"reelkiln: streamed, {room / GiB:.2f} GiB stay",
                cap=cap,
                frames=frames,
                step=round(step, 4),
                times_resident=round(step / base, 3),
                peak=round(peak / GiB, 3),
            )
            for value, home in homes:
                value.data = home


def ltx_network(ground: Ground) -> Any:
    """LTX's transformer with random weights, in host memory."""
    with torch.device("meta"):
        network = _transformer(TINY_LTX if ground.tiny else FULL_LTX)
    dtype = torch.float32 if ground.tiny else torch.bfloat16
    network = network.to(dtype).to_empty(device=ground.device)
    with torch.no_grad():
        for value in network.parameters():
            torch.nn.init.normal_(value, std=0.02)
    return network.to("cpu").eval().requires_grad_(False)


def _ltx_step(network: Any, tokens: int, cells: tuple[int, ...], device: Any, dtype: Any) -> float:
    config = network.config
    given = {
        "hidden_states": torch.randn(1, tokens, config.in_channels, device=device, dtype=dtype),
        "encoder_hidden_states": torch.randn(
            1, 128, config.caption_channels, device=device, dtype=dtype
        ),
        "timestep": torch.tensor([500.0], device=device),
        "encoder_attention_mask": torch.ones(1, 128, device=device, dtype=torch.int64),
        "num_frames": cells[0],
        "height": cells[1],
        "width": cells[2],
        "return_dict": False,
    }
    with torch.no_grad():
        for _ in range(2):
            network(**given)
        sync()
        begun = time.perf_counter()
        for _ in range(5):
            network(**given)
        sync()
    return (time.perf_counter() - begun) / 5


# ── all of it ────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Run all, or one way alone in a child process."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--minutes", type=float, default=9.0)
    asked.add_argument("--only", default="")
    asked.add_argument("--parts", default="")
    asked.add_argument("--ways", nargs="*", default=(), help="of what is not ours, these alone")
    asked.add_argument("--cap", type=float, default=3.4)
    asked.add_argument("--weights", type=Path)
    wish = asked.parse_args()
    wish.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        if wish.weights:
            names = ("model", "motion", "lightning", "tiny_decoder")
            folders = {name: wish.weights / name for name in names}
        else:
            scale, dtype = (TINY, "float32") if wish.tiny else (FULL, "float16")
            folders = dict(write_animatediff(Path(scratch), scale=scale, dtype=dtype))
        ground = Ground(wish.tiny, folders, started, 60 * wish.minutes, [], wish.out)
        ground.ways = tuple(wish.ways)
        if wish.only:
            other_way(ground, wish.only, wish.cap, steps=8)
            return
        everything(ground, wish.parts.split(",") if wish.parts else [])


def others(ground: Ground) -> None:
    """What is not ours: the user's way whole once, the rest by eight of 25 steps."""
    first = next(iter(WAYS))
    for cap in CAPS:
        for way in ground.ways or list(WAYS)[:4]:
            other_way(ground, way, cap, steps=25 if (way, cap) == (first, 3.4) else 8)
    for frames in () if ground.ways else (24, 32):
        other_way(ground, "leaf-level group offload", 3.4, frames=frames, steps=8)


LOADED = (uncapped_and_ours, longer, caches, predictions, requests)
"""Parts that render with the weights loaded once."""
PARTS: dict[str, Callable[[Ground], None]] = {
    "ours": uncapped_and_ours,
    "others": others,
    "longer": longer,
    "caches": caches,
    "batch": batch,
    "ltx": ltx,
    "peers": peers,
    "predictions": predictions,
    "requests": requests,
}


def everything(ground: Ground, parts: list[str]) -> None:
    """The parts of these names, or all, in the order of what matters most."""
    name = torch.cuda.get_device_name() if ground.device == "cuda" else "processor"
    ground.add("ground", device=name, versions=versions(), python=sys.version.split()[0])
    for part in parts or PARTS:
        work = PARTS[part]
        try:
            with Loaded() if work in LOADED else nullcontext():
                work(ground)
        except Exception as error:  # noqa: BLE001 - the other parts are still worth their minutes
            traceback.print_exc()
            ground.add("failed", what=part, why=f"{type(error).__name__}: {str(error)[:300]}")


if __name__ == "__main__":
    main()

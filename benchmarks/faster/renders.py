"""Ours against ourselves without a cap."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from ground import CAPS, NOT, WORDS, Ground, card_named, machine, sync

from held import capped
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot, Size


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
    try:
        return _timed(plan, card, folders, times, keep=keep)
    finally:
        if ground.loaded is not None:
            ground.loaded.rest()


def _timed(plan: Plan, card: Card, folders: Folders, times: int, *, keep: bool) -> Took:
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
            with capped(cap):
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
            with capped(cap):
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
        with capped(3.1):
            took = render(ground, plan, card, folders)
        say(ground, "reelkiln, draft", card, 3.1, 16, took, predicted=plan.peak_bytes)
    card = card_named("epicrealism")
    for every in (3,):
        preset = replace(card.presets["standard"], cache_every=every)
        cached = replace(card, presets={**card.presets, "standard": preset})
        with capped(3.1):
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

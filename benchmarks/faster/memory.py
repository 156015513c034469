"""Memory: what was predicted against what was held, and random requests that must not run out."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from batches import nothing
from ground import NOT, WORDS, Ground, card_named, machine
from renders import fitted, planned, render

from held import capped
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders
from reelkiln.errors import OutOfMemory, PlanRefused, UsageError
from reelkiln.plan.attempt import attempt
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB
from reelkiln.plan.outline import Outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Segment, Size
from wishes import CAPS, Request
from wishes import requests as drawn

SHAPES = (
    (16, 640, 448),
    (12, 576, 512),
    (24, 384, 704),
    (20, 512, 512),
    (48, 384, 384),
    (10, 704, 384),
    (16, 256, 256),
    (32, 384, 448),
    (52, 320, 576),
    (16, 512, 768),
    (28, 448, 384),
    (64, 256, 448),
)
"""None of them is among the shapes from which the formula's constants were taken."""
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
        with capped(cap if rung.residence == "streamed" and not tried.refusal else None):
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


def wishes(cap: float, count: int, seed: int = 5) -> Iterator[tuple[Plan, Request]]:
    """Random legal requests that this cap carries on its GPU."""
    cards = tuple(card_named(name) for name in ("epicrealism", "epicrealism-lightning"))
    made = 0
    for request in drawn(cards, cap, seed):
        try:
            plan = plan_shot(request.shot, request.card, request.machine)
        except (PlanRefused, UsageError):
            continue
        if plan.device == "cuda":
            yield plan, request
            made += 1
        if made == count:
            return


def requests(ground: Ground, each: int = 20) -> None:
    """Random requests under each cap: two steps and the whole decode, a batch stage by stage."""
    pairs = [(cap, *wish) for cap in CAPS for wish in wishes(cap, each)]
    random.Random(1).shuffle(pairs)
    for cap, plan, request in pairs:
        if ground.left() < 25:
            ground.add("skipped", what=f"request at {cap}: {plan.rung}")
            continue
        folders = dict(ground.folders)
        if "lightning" in request.card.name:
            folders["motion"] = folders["lightning"]
        outcome, peak, begun = "held", None, time.perf_counter()
        try:
            with capped(cap):
                small = fitted(ground, replace(plan, steps=2))
                peak = together(ground, small, request, folders)
        except OutOfMemory as error:
            outcome = error.message[:120]
        ground.add(
            "request",
            cap=cap,
            rung=str(plan.rung),
            frames=plan.segments[0].frames,
            size=str(plan.size),
            batch=request.batch,
            guidance=plan.guidance,
            predicted=round(plan.peak_bytes / GiB, 3),
            measured=None if peak is None else round(peak / GiB, 3),
            outcome=outcome,
            seconds=round(time.perf_counter() - begun, 2),
        )


def together(ground: Ground, plan: Plan, request: Request, folders: Folders) -> int:
    """Render every film of a request, stage by stage: bytes that were held at most."""
    if ground.device == "cpu":
        plan = replace(plan, device="cpu", dtype="float32")
    first = plan.segments[0]
    films = [replace(first, seed=first.seed + number) for number in range(request.batch)]
    backend = find_backend(request.card.family)
    try:
        with backend.open(plan, request.card, folders, nothing) as session:
            session.encode(films, nothing)
            made = [session.denoise(film, nothing) for film in films]
            for latents in made:
                session.decode(latents, nothing)
            return session.peak().vram
    finally:
        if ground.loaded is not None:
            ground.loaded.rest()

"""A batch of eight: stage by stage in one session, and one by one."""

from __future__ import annotations

import time
from dataclasses import replace

from ground import WORDS, Ground, card_named, sync
from renders import planned

from held import capped
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Step


def batch(ground: Ground, count: int = 8) -> None:
    """Eight segments, stage by stage in one session, and one by one, each loading the model."""
    card = card_named("epicrealism-lightning")
    folders = {"model": ground.folders["model"], "motion": ground.folders["lightning"]}
    plan = planned(ground, card, 3.1)
    if ground.device == "cpu":
        plan = replace(plan, device="cpu", dtype="float32")
    segments = [replace(plan.segments[0], seed=n, prompt=f"{WORDS} {n}") for n in range(count)]
    backend = find_backend(card.family)
    with capped(3.1):
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

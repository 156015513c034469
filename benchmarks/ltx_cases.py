"""What is measured of LTX-Video: shapes, ways, and what all rows share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from held import Clock, Ram, capped
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import WORDS, Folders, Session
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB, Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Segment, Shot, Size


@dataclass(frozen=True)
class Case:
    """One shape: `lead` frames of a start picture or of a segment before."""

    name: str
    frames: int
    size: Size
    lead: int = 0


CASES = (
    Case("49 frames 704x480", 49, Size(704, 480)),
    Case("121 frames 704x480", 121, Size(704, 480)),
    Case("97 frames 512x768", 97, Size(512, 768)),
    Case("49 frames 704x480 from a picture", 49, Size(704, 480), lead=1),
    Case("121 frames 704x480 from a picture", 121, Size(704, 480), lead=1),
)
NARROW = Rung(residence="staged", storage_bits=8)
WAYS = (
    (CASES[0], replace(NARROW, decode="whole")),
    (CASES[1], replace(NARROW, decode="tiles")),
    (CASES[0], Rung(residence="streamed")),
    (CASES[0], replace(NARROW, residence="streamed")),
    (CASES[1], replace(NARROW, residence="streamed", decode="tiles")),
)
"""Rungs that the planner does not choose for these caps."""


class Words:
    """A tokenizer that needs no vocabulary: the libraries for the real one are not everywhere."""

    pad_token_id = 0

    def __call__(self, words: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """One token a word."""
        return {"input_ids": [3 + sum(map(ord, word)) % 97 for word in words.split()] + [1]}

    def decode(self, ids: Sequence[int]) -> str:
        """Nothing is ever cut here."""
        return ""


def laptop(cap: float, ram: int) -> Machine:
    """A 4 GB laptop: `cap` GiB of GPU memory free, three quarters of `ram` GiB of RAM."""
    return Machine(
        gpu="RTX 3050 Ti",
        vram_total=4 * GiB,
        vram_free=int(cap * GiB),
        bf16=True,
        ram_total=ram * GiB,
        ram_free=ram * GiB * 3 // 4,
        system="Windows" if cap < 3.4 else "Linux",
        cores=4,
    )


@dataclass(frozen=True)
class Bench:
    """What all rows share."""

    card: Card
    folders: Folders
    device: str
    shrink: bool

    def size(self, case: Case) -> Size:
        """The case's size, or a tiny one in a rehearsal."""
        return Size(64, 64) if self.shrink else case.size

    def plan(self, case: Case, rung: Rung) -> Plan:
        """The plan as it is asked for, not as the planner would make it."""
        preset = self.card.presets["standard"]
        return Plan(
            model=self.card.name,
            preset="standard",
            device="cuda" if self.device == "cuda" else "cpu",
            dtype="bfloat16",
            rung=rung if self.device == "cuda" else replace(rung, residence="cpu"),
            steps=preset.steps,
            guidance=preset.guidance,
            size=self.size(case),
            fps=Fraction(24),
            segments=(Segment(index=0, frames=case.frames, seed=1, prompt="a gold bottle"),),
            reach=self.card.reach,
            peak_bytes=0,
            ram_bytes=0,
            seconds_estimate=0.0,
            because=(),
        )

    @contextmanager
    def opened(self, plan: Plan, cap: float | None) -> Iterator[tuple[Session, Clock, Ram]]:
        """The model loaded under a cap in GiB (None: no cap) with no words kept yet, the seconds of
        loading, and what RAM it takes inside."""
        with capped(cap), tempfile.TemporaryDirectory() as words, Ram() as ram:
            folders = {**self.folders, WORDS: Path(words)}
            with find_backend("ltx").open(plan, self.card, folders, load := Clock()) as session:
                yield session, load, ram

    def chosen(self, case: Case, cap: float, ram: int = 8) -> Rung:
        """The rung that the planner takes with `cap` GiB of GPU memory and `ram` GiB of RAM, a
        quarter of it taken."""
        return self._walked(case, cap, ram).rung

    def planned(self, case: Case, cap: float, ram: int = 8) -> Plan:
        """The whole plan for that rung, in a rehearsal with its tiny size."""
        walked = self._walked(case, cap, ram)
        kept = walked.kept_bytes if self.device == "cuda" else 0
        return replace(self.plan(case, walked.rung), kept_bytes=kept)

    def _walked(self, case: Case, cap: float, ram: int) -> Plan:
        shot = Shot(
            prompt="a gold bottle",
            model=self.card.name,
            size=case.size,
            seconds=Fraction(case.frames - 1, 24),
            image="start.png" if case.lead else None,
        )
        plan = plan_shot(shot, self.card, laptop(cap, ram))
        assert (plan.size, plan.segments[0].frames) == (case.size, case.frames), plan.because
        return plan

    def lead(self, case: Case) -> Clip | None:
        """Frames to begin from."""
        size = self.size(case)
        shape = (case.lead, size.height, size.width, 3)
        noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        return Clip(noise, Fraction(24)) if case.lead else None

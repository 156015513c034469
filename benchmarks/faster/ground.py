"""What all parts of the benchmark share: weights, caps, a clock, the rows."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from reelkiln.backends import animatediff
from reelkiln.backends.seam import Folders
from reelkiln.models.cards import find_card
from reelkiln.plan.card import Card
from reelkiln.plan.machine import GiB, Machine
from reelkiln.plan.plan import Plan

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
    loaded: Loaded | None = None

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

    def rest(self) -> None:
        """Let all be as it was loaded: weights in host memory, nothing hung on the networks.

        A session drops its networks at its end; here they live on, and with them what hangs there.
        """
        for homes in self._homes.values():
            for value, home in homes:
                value.data = home
        for pipe in self._pipes.values():
            for module in pipe.unet.modules():
                module.__dict__.pop("forward", None)
                module._forward_pre_hooks.clear()
                module._forward_hooks.clear()

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
        self.rest()
        return pipe

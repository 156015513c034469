"""The seam between production and model families: what every family owes us.

Two implementations stand on day one (`null`, `animatediff`), and one contract test runs them all:
`tests/contracts/test_backend.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

__all__ = ["Backend", "Finding", "Folders", "OnStep", "Peak", "Session", "Step"]

Folders: TypeAlias = Mapping[str, Path]
"""Where each source of a card lies: its name in the card to a local folder. Never the network."""


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: step `done` of `total` in a phase is finished (0: the phase begins)."""

    phase: Literal["load", "encode", "denoise", "decode"]
    done: int
    total: int


OnStep: TypeAlias = Callable[[Step], None]
"""Called at the start of each phase and after each step. Raising from it stops the render."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found wrong with a model's files or libraries: one line, and what to do."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory a session has held so far, in bytes (`vram` is 0 without a GPU)."""

    vram: int
    ram: int


class Session(Protocol):
    """A loaded model."""

    def render(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Clip:
        """Render one segment at the plan's size and rate.

        Returns:
            a Clip of exactly `segment.frames` frames. Equal arguments give equal pixels.

        Raises:
            OutOfMemory: the device was fuller than the plan thought.
            RenderFailed: the model failed; the message names it.
        """
        ...

    def peak(self) -> Peak:
        """The most memory held since the session was opened."""
        ...


class Backend(Protocol):
    """A model family."""

    def check(self, card: Card, folders: Folders) -> tuple[Finding, ...]:
        """Look at files and installed libraries without loading a weight. Empty: all is well."""
        ...

    def open(
        self, plan: Plan, card: Card, folders: Folders, on_step: OnStep
    ) -> AbstractContextManager[Session]:
        """Load the model as the plan says; leaving the `with` frees the device.

        Raises:
            WeightsBroken: a file is not what the card says; the message names it.
            MissingLibrary: torch or diffusers is not installed, or of an untested version.
            OutOfMemory: the weights do not fit after all.
        """
        ...

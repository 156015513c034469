"""The seam between production and model families: what every family owes us.

Two implementations stand on day one (`null`, `animatediff`), and one contract test runs them all:
`tests/contracts/test_backend.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from reelkiln.backends.latents import Latents
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

__all__ = [
    "WORDS",
    "Backend",
    "Finding",
    "Folders",
    "Latents",
    "OnStep",
    "Peak",
    "Session",
    "Step",
]

Folders: TypeAlias = Mapping[str, Path]
"""Where each source of a card lies: its name in the card to a local folder. Never the network.

Under `WORDS` production may hand in a folder where a family keeps encoded words between runs.
"""

WORDS = "words"
"""No source of a card has this name."""


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: step `done` of `total` in a phase is finished (0: the phase begins).

    `note` is one line that a person should read, such as which words found no place.
    """

    phase: Literal["load", "encode", "denoise", "decode"]
    done: int
    total: int
    note: str = ""


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
    """A loaded model.

    `render` does a segment in one go. A batch goes stage by stage instead: `encode` all words,
    `denoise` every segment, `decode` every one; each network then moves to the device once.
    """

    def encode(self, segments: Sequence[Segment], on_step: OnStep) -> None:
        """Turn the words of all these segments into what denoising reads, and let the encoder go.

        Words that the session knows already cost nothing. Steps count the new sentences, or the
        blocks of an encoder that is streamed.

        Raises:
            OutOfMemory, RenderFailed: as `render`.
        """
        ...

    def denoise(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Latents:
        """Everything but the decoding. Words not yet encoded are encoded first.

        Returns:
            Latents that any session of the same plan and card decodes to the same pixels, also
            after they lay on the disk. Equal arguments give equal numbers.

        Raises:
            OutOfMemory, RenderFailed: as `render`.
        """
        ...

    def decode(self, latents: Latents, on_step: OnStep) -> Clip:
        """The frames of latents.

        Raises:
            OutOfMemory: as `render`.
            RenderFailed: as `render`, or the latents are of another family.
        """
        ...

    def render(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Clip:
        """Render one segment at the plan's size and rate: `encode`, `denoise`, `decode`.

        Returns:
            a Clip of exactly `segment.frames` frames. Equal arguments give equal pixels.

        Raises:
            OutOfMemory: the device was fuller than the plan thought.
            RenderFailed: the model failed; the message names it.
        """
        ...

    def unread(self, segment: Segment) -> str:
        """The words of a segment that the model does not read, because its encoder has no place
        for them; empty where it reads all. Loads nothing."""
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

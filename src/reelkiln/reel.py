"""The words of the trade, as frozen values. Nothing here does anything.

A Shot is planned into Segments; a Segment is fired into Takes, each holding one Clip's Verdict;
the kept Takes join into a Reel, sized for a Platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

from reelkiln.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames: TypeAlias = NDArray[np.uint8]

__all__ = [
    "ASPECTS",
    "SECONDS_DEFAULT",
    "SECONDS_MAX",
    "SECONDS_MIN",
    "Action",
    "Clip",
    "Marks",
    "Origin",
    "Reel",
    "Segment",
    "Shot",
    "Size",
    "Take",
    "Verdict",
]

SECONDS_MIN, SECONDS_MAX = Fraction(1), Fraction(8)
"""The shortest and longest shot."""

SECONDS_DEFAULT = Fraction(4)
"""The least that every network takes."""

Marks: TypeAlias = Mapping[str, float]
"""What the gate measured of a clip: the measure's name to its value."""

Action: TypeAlias = Literal["safer_dtype", "other_seed", "smaller_motion", "other_tile", "person"]
"""What a refused take asks for next."""


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise UsageError(f"size {self.width}x{self.height} has no pixels")

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


ASPECTS: Mapping[str, Size] = {
    "9:16": Size(720, 1280),
    "4:5": Size(720, 900),
    "1:1": Size(720, 720),
    "16:9": Size(1280, 720),
}
"""The delivered size of each aspect: 720 on the short side, which every network takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What the author wants to see: one continuous picture.

    `size` is the size of the delivered file. `seed` is 0 to 2**32 - 1. `model` and `preset` name a
    card and one of its presets. `image` is the path of a start picture. `source` says whether the
    picture is generated or made from a photo of the real product.
    """

    prompt: str
    negative: str = ""
    seconds: Fraction = SECONDS_DEFAULT
    size: Size = ASPECTS["9:16"]
    seed: int = 0
    model: str
    preset: str = "standard"
    image: str | None = None
    source: Literal["generate", "photo"] = "generate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a shot's words came from: which telling of which template, for which product.

    `number` counts the template's shots for the product, from 0. `needs_tick` says that a reviewer
    must confirm that the product does what the picture shows.
    """

    template: str
    variant: str
    product: str
    number: int
    needs_tick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of frames that one backend renders in one go.

    `frames` is a legal frame count of the model at its own rate. `lead_frames` says how many frames
    of the segment before are handed to `render` (0: none).
    """

    index: int
    frames: int
    seed: int
    prompt: str
    negative: str = ""
    image: str | None = None
    lead_frames: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames and their rate. The only heavy value here.

    `frames` is uint8 of shape (time, height, width, 3), RGB, sRGB-encoded. `finite_share` is the
    share (0 to 1) of the decoder's values that were finite, counted before the cast to 8 bits.
    """

    frames: Frames
    fps: Fraction
    finite_share: float = 1.0

    @property
    def seconds(self) -> Fraction:
        """Frames divided by rate."""
        return Fraction(len(self.frames)) / self.fps

    @property
    def size(self) -> Size:
        """Width and height of the frames."""
        return Size(int(self.frames.shape[2]), int(self.frames.shape[1]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate thought of a clip, why, and what to try next (None when kept)."""

    kept: bool
    reasons: tuple[str, ...] = ()
    marks: Marks = field(default_factory=dict)
    action: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One attempt (1, 2, 3) at a segment: its file on disk and the verdict on it."""

    segment: int
    attempt: int
    seed: int
    path: str
    sha256: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reel:
    """A finished film on disk."""

    path: str
    seconds: Fraction
    takes: tuple[Take, ...]
    platform: str | None = None

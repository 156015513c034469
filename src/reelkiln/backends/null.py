"""The family without weights: it paints a moving pattern from a seed and a sentence, with numpy.

It keeps every promise of the seam, so production can be tried end to end where torch is not
installed. What a real model does only sometimes, this one does when its card's preset asks. It
reads these keys of `Preset.schedule`, all optional:

`gain` (float, default 1.0)
    brightness is computed as `value * gain / gain` at the plan's dtype. Where `value * gain`
    overflows it, the value is lost: 1e5 ruins float16 and leaves bfloat16 and float32 whole, as an
    activation that is too large for its type does; `inf` ruins every type.
`fits_from` (str, default "resident")
    the first residence that fits, in the order "resident", "staged", "streamed", "cpu", "nowhere".
    On rungs before it, opening allocates more memory than a machine can have and really fails.
`decodes_from` (str, default "resident")
    the same for decoding: what was denoised on a rung before it cannot be decoded there.
`picture` (str, default "moving")
    "moving", "pale" (the same in light grey), "still" (no frame differs from the first), "black",
    "flicker" (every second frame dark), or "leaping" (in the middle it leaps 24 pixels, times the
    plan's `motion`).
`step_seconds` (float, default 0.0)
    how long each denoising step takes, for drills that stop a render half way.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from reelkiln.backends.latents import Latents
from reelkiln.backends.probe import ram_peak
from reelkiln.backends.seam import Finding, Folders, OnStep, Peak, Session, Step
from reelkiln.errors import OutOfMemory, RenderFailed
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.floating[Any]]

__all__ = ["NullFamily"]

RESIDENCES = ("resident", "staged", "streamed", "cpu", "nowhere")
LEAP = 24
MORE_THAN_ANY_MACHINE = 1 << 60
"""Bytes; no operating system hands out an exbibyte, however much it overcommits."""


class NullFamily:
    """`Backend` of the family "null"."""

    def check(self, card: Card, folders: Folders) -> tuple[Finding, ...]:
        """Nothing to find: there are no files."""
        return ()

    @contextmanager
    def open(self, plan: Plan, card: Card, folders: Folders, on_step: OnStep) -> Iterator[Session]:
        """See `seam.Backend.open`. Raises only OutOfMemory, and only where `fits_from` says so."""
        on_step(Step("load", 0, 1))
        _allocate(plan, card, "fits_from")
        on_step(Step("load", 1, 1))
        yield _Painter(plan, card)


class _Painter:
    """`Session` of the family "null"."""

    def __init__(self, plan: Plan, card: Card) -> None:
        self._plan, self._card = plan, card
        schedule = card.presets[plan.preset].schedule
        self._gain = float(schedule.get("gain", 1.0))
        self._picture = str(schedule.get("picture", "moving"))
        self._step_seconds = float(schedule.get("step_seconds", 0.0))
        self._held = 0
        self._words: dict[tuple[str, str], int] = {}

    def encode(self, segments: Sequence[Segment], on_step: OnStep) -> None:
        """See `seam.Session.encode`. Words are hashed: nothing is kept that is worth keeping."""
        on_step(Step("encode", 0, 1))
        self._words |= {_words(segment): _digest(segment) for segment in segments}
        on_step(Step("encode", 1, 1))

    def denoise(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Latents:
        """See `seam.Session.denoise`. A `lead` is gone on with from its last frame: the segment
        begins with what leads there, as of every family that can be led."""
        if _words(segment) not in self._words:
            self.encode((segment,), on_step)
        rng = np.random.default_rng([segment.seed, self._words[_words(segment)]])
        base, drift = self._octaves(rng, on_step)
        start = 0
        if lead is not None:
            base, start = lead.frames[-1] / 255, 1 - len(lead.frames)
        about = {"frames": str(segment.frames), "start": str(start)}
        return Latents({"base": base, "drift": np.asarray(drift)}, about)

    def unread(self, segment: Segment) -> str:
        """See `seam.Session.unread`. A word is a token."""
        return " ".join(segment.prompt.split()[self._card.tokens :])

    def decode(self, latents: Latents, on_step: OnStep) -> Clip:
        """See `seam.Session.decode`."""
        _allocate(self._plan, self._card, "decodes_from")
        base, drift = latents.array("base"), latents.array("drift")
        count, start = (int(latents.about[name]) for name in ("frames", "start"))
        frames: list[NDArray[np.uint8]] = []
        finite = 0
        on_step(Step("decode", 0, count))
        for index in range(count):
            shift = (int(drift[0]), int(drift[1]))
            leap = round(LEAP * self._plan.motion) if 2 * index >= count else 0
            picture = self._expose(_frame(base, shift, start + index, self._picture, leap))
            finite += int(np.isfinite(picture).sum())
            frames.append(_to_bytes(picture))
            on_step(Step("decode", index + 1, count))
        clip = np.stack(frames)
        self._held = max(self._held, clip.nbytes + base.nbytes)
        return Clip(clip, self._plan.fps, finite / clip.size)

    def render(self, segment: Segment, on_step: OnStep, lead: Clip | None = None) -> Clip:
        """See `seam.Session.render`."""
        self.encode((segment,), on_step)
        return self.decode(self.denoise(segment, on_step, lead), on_step)

    def peak(self) -> Peak:
        """Bytes: `vram` what a GPU would have held, `ram` the process's peak."""
        return Peak(vram=self._held if self._plan.device == "cuda" else 0, ram=ram_peak())

    def _octaves(
        self, rng: np.random.Generator, on_step: OnStep
    ) -> tuple[Picture, tuple[int, int]]:
        """One octave of the pattern per step: (height, width, 3) in 0 to 1, and its drift."""
        size, steps = self._plan.size, self._plan.steps
        y, x = np.mgrid[0 : size.height, 0 : size.width]
        total = np.zeros((size.height, size.width, 3))
        on_step(Step("denoise", 0, steps))
        for step in range(steps):
            wave = rng.uniform(-6, 6, (2, 3)) * (1 + step / 2) * 2 * np.pi
            phase = rng.uniform(0, 2 * np.pi, 3)
            angle = y[..., None] / size.height * wave[0] + x[..., None] / size.width * wave[1]
            total += np.sin(angle + phase) / (step + 1)
            time.sleep(self._step_seconds)
            on_step(Step("denoise", step + 1, steps))
        low, high = float(total.min()), float(total.max())
        drift = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        return (total - low) / max(high - low, 1e-9), drift

    def _expose(self, picture: Picture) -> Picture:
        """The plan's dtype, gained up and down again: what overflows becomes inf, then NaN."""
        # numpy has no bfloat16; its exponent, and so where it overflows, is that of float32.
        dtype = np.dtype(np.float16 if self._plan.dtype == "float16" else np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            gain = np.asarray(self._gain, dtype)
            exposed: Picture = np.asarray(picture + 0.5, dtype) * gain / gain - dtype.type(0.5)
        return exposed


def _words(segment: Segment) -> tuple[str, str]:
    return segment.prompt, segment.negative


def _digest(segment: Segment) -> int:
    words = f"{segment.prompt}\n{segment.negative}".encode()
    return int.from_bytes(hashlib.sha256(words).digest()[:8], "big")


def _frame(base: Picture, drift: tuple[int, int], index: int, picture: str, leap: int) -> Picture:
    match picture:
        case "moving":
            return np.roll(base, (index * drift[0], index * drift[1]), axis=(0, 1))
        case "pale":
            return np.roll(0.7 + 0.2 * base, (index * drift[0], index * drift[1]), axis=(0, 1))
        case "leaping":
            return np.roll(base, (index * drift[0], index * drift[1] + leap), axis=(0, 1))
        case "still":
            return base
        case "black":
            return np.zeros_like(base)
        case "flicker":
            return base * (0.05 if index % 2 else 1.0)
        case _:
            raise RenderFailed(
                f"the family null knows no picture called {picture!r}",
                hint="Use moving, pale, still, black, flicker or leaping in the preset's schedule.",
            )


def _to_bytes(picture: Picture) -> NDArray[np.uint8]:
    finite = np.nan_to_num(picture.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return (np.clip(finite, 0, 1) * 255).round().astype(np.uint8)


def _allocate(plan: Plan, card: Card, key: str) -> None:
    fits_from = str(card.presets[plan.preset].schedule.get(key, "resident"))
    if RESIDENCES.index(plan.rung.residence) >= RESIDENCES.index(fits_from):
        return
    try:
        np.empty(MORE_THAN_ANY_MACHINE, np.uint8)
    except MemoryError as error:
        raise OutOfMemory(
            f"{card.name} does not fit {plan.rung.residence}: {error}",
            hint="The next rung of the ladder needs less.",
        ) from error

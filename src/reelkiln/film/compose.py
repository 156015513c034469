"""Pictures over frames, for their time: only the rectangle that they cover is touched.

Measured against ffmpeg's overlay filter: docs/measured/overlay.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from reelkiln.errors import UsageError
from reelkiln.film.overlay import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.reel import Frames

__all__ = ["Shown", "compose"]

FADE = Fraction(1, 5)
"""Seconds: quick enough not to be noticed, slow enough not to pop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture from `start` up to `end`, in seconds, fading in and out inside that time.

    Fades that together last longer than the time shown are shortened alike.
    """

    picture: Picture
    start: Fraction
    end: Fraction
    fade_in: Fraction = FADE
    fade_out: Fraction = FADE

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise UsageError(
                f"an overlay cannot last from {float(self.start):g} to {float(self.end):g} s",
                hint="Let it end after it begins.",
            )
        if self.fade_in < 0 or self.fade_out < 0:
            raise UsageError("a fade cannot last less than no time", hint="Use 0.")

    def strength(self, at: Fraction) -> Fraction:
        """How much of it is seen at a time in seconds: 0 to 1."""
        if not self.start <= at < self.end:
            return Fraction(0)
        fades = self.fade_in + self.fade_out
        squeeze = min(Fraction(1), (self.end - self.start) / fades) if fades else Fraction(1)
        rise, fall = self.fade_in * squeeze, self.fade_out * squeeze
        into = (at - self.start) / rise if rise else Fraction(1)
        out = (self.end - at) / fall if fall else Fraction(1)
        return min(into, out, Fraction(1))


def compose(
    frames: "Iterable[Frames]", fps: Fraction, shown: Sequence[Shown], *, first: int = 0
) -> "Iterator[Frames]":
    """The frames (each uint8, height x width x 3) with the pictures over them, in the order given.

    Frame n stands for the time (n + 1/2) / fps: a fade of one frame is half there; the first one
    that is given is frame `first` of the film. Frames that
    nothing covers come out as they went in, without a copy; no frame is changed in place.

    Raises:
        UsageError: a frame is not of the size that a picture was drawn for.
    """
    layers = [_Layer(one) for one in shown]
    for number, frame in enumerate(frames, first):
        at = (number + Fraction(1, 2)) / fps
        seen = [(layer, float(layer.shown.strength(at))) for layer in layers]
        seen = [(layer, strength) for layer, strength in seen if strength > 0]
        if seen:
            frame = frame.copy()  # noqa: PLW2901 - the caller keeps its own
        for layer, strength in seen:
            layer.lay(frame, strength)
        yield frame


class _Layer:
    """A picture made ready: its colours times alpha, and what it lets through."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        image = shown.picture.image
        self.rgba = np.asarray(image)
        self.box = (
            slice(shown.picture.top, shown.picture.top + image.height),
            slice(shown.picture.left, shown.picture.left + image.width),
        )
        self.strength = -1.0
        self.plain = np.ascontiguousarray(self.rgba[..., :3])
        self.colour = self.through = self.plain
        self.opaque = bool((self.rgba[..., 3] == 255).all())

    def lay(self, frame: "Frames", strength: float) -> None:
        size = self.shown.picture.size
        if frame.shape[:2] != (size.height, size.width):
            raise UsageError(
                f"a frame is {frame.shape[1]}x{frame.shape[0]}, its overlay was drawn for {size}"
            )
        part: NDArray[np.uint8] = frame[self.box]
        if self.opaque and strength == 1:
            part[:] = self.plain
        elif self.opaque:
            part[:] = cv2.addWeighted(part, 1 - strength, self.plain, strength, 0)
        else:
            self._ready(strength)
            part[:] = cv2.add(cv2.multiply(part, self.through, scale=1 / 255), self.colour)

    def _ready(self, strength: float) -> None:
        """Prepared anew only while it fades."""
        if strength == self.strength:
            return
        self.strength = strength
        alpha = self.rgba[..., 3:].astype(np.float32) * np.float32(strength / 255)
        self.colour = np.rint(self.rgba[..., :3] * alpha).astype(np.uint8)
        through = np.rint((1 - alpha) * 255).astype(np.uint8)
        self.through = np.ascontiguousarray(np.broadcast_to(through, self.colour.shape))

"""The shots of a finished reel, each against its own words, the product and the brand's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.film.read import read
from reelkiln.gate.colour import Colours, lab_of, palette_distance
from reelkiln.gate.judge import score_mark
from reelkiln.gate.product import product_marks
from reelkiln.gate.view import view
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from reelkiln.kiln.looks import Tools

__all__ = ["Scene", "Scenes", "measured", "whole"]

_LOOKED_AT = 16
"""Frames of a shot that are looked at, spread evenly."""

_WORST: Mapping[str, bool] = {
    "palette": True,
    "score": False,
    "alignment": False,
    "product_colour": True,
    "product_shape": True,
}
"""Whether the greatest figure of all shots counts for the reel: of the colours the farthest, of the
words the poorest fit; the product need not be in every shot."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A shot as it is seen alone, without its fades: from `start` up to `end` in seconds, with its
    words and what was measured of it (empty before)."""

    start: Fraction
    end: Fraction
    words: str
    marks: Mapping[str, float] = field(default_factory=dict)


class Scenes:
    """Gathers the frames of each shot over a stream, and measures it when it is over.

    Raises:
        UsageError: a palette colour is not written `#rrggbb`.
    """

    def __init__(self, scenes: Sequence[Scene], palette: tuple[str, ...], tools: Tools) -> None:
        self._scenes, self._tools = scenes, tools
        self._palette = lab_of(palette) if palette else None
        self._kept: dict[int, list[NDArray[np.uint8]]] = {}
        self._told: dict[int, Mapping[str, float]] = {}
        self._frames = 0

    def add(self, clip: Clip) -> None:
        """Take in the next clip of the film."""
        for at, scene in enumerate(self._scenes):
            for frame in _looked_at(scene, clip.fps):
                if 0 <= frame - self._frames < len(clip.frames):
                    self._kept.setdefault(at, []).append(clip.frames[frame - self._frames].copy())
            if at in self._kept and scene.end * clip.fps <= self._frames + len(clip.frames):
                self._told[at] = self._measured(Clip(np.stack(self._kept.pop(at)), clip.fps), scene)
        self._frames += len(clip.frames)

    def told(self) -> tuple[Scene, ...]:
        """Every shot with what was measured; one that the film never came to has nothing."""
        return tuple(
            replace(scene, marks=self._told.get(at, {})) for at, scene in enumerate(self._scenes)
        )

    def _measured(self, clip: Clip, scene: Scene) -> dict[str, float]:
        marks = score_mark(self._tools.scorer, clip, scene.words)
        if self._tools.photo is not None:
            marks |= product_marks(clip, self._tools.photo)
        if self._palette is not None:
            colours = Colours()
            for frame in clip.frames[::4]:
                colours.see(view(frame))
            marks["palette"] = palette_distance(colours.shares(), self._palette)
        return marks


def measured(
    film: Path, scenes: Sequence[Scene], palette: tuple[str, ...], tools: Tools
) -> tuple[Scene, ...]:
    """The shots of a film on disk with what was measured of them.

    Raises:
        UsageError, FilmError: the film cannot be read, or a palette colour is not `#rrggbb`.
        WeightsBroken, MissingLibrary: as calling the scorer says.
    """
    gathered = Scenes(scenes, palette, tools)
    for clip in read(film):
        gathered.add(clip)
    return gathered.told()


def whole(scenes: Sequence[Scene]) -> dict[str, float]:
    """What the shots say of the reel as a whole: see `_WORST`."""
    return {
        mark: (max if greatest else min)(values)
        for mark, greatest in _WORST.items()
        if (values := [scene.marks[mark] for scene in scenes if mark in scene.marks])
    }


def _looked_at(scene: Scene, fps: Fraction) -> list[int]:
    first, last = round(scene.start * fps), round(scene.end * fps) - 1
    count = min(_LOOKED_AT, last - first + 1)
    return sorted({round(at) for at in np.linspace(first, last, max(0, count))})

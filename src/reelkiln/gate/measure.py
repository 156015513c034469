"""A clip to numbers: every measure over one pass through the frames.

A long video is a stream of clips of at most 64 frames. A `Gauge` takes them in one after the other;
pairs across their borders are measured like any other, so the marks do not depend on how the stream
was cut. The measures themselves stand by noun: `light`, `change`, `motion`, `edges`, `overlay`,
`colour`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelkiln.gate.change import Change
from reelkiln.gate.colour import Colours, lab_of, palette_distance
from reelkiln.gate.edges import Edges
from reelkiln.gate.light import Light, flashes
from reelkiln.gate.motion import LEAST_ERROR, Motion, join_steps, jumps, leaps, pulses
from reelkiln.gate.overlay import Overlay
from reelkiln.gate.view import view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelkiln.gate.view import Trace
    from reelkiln.reel import Clip

__all__ = ["Gauge", "Wanted", "between_cuts", "measure"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the clip was meant to be. Nothing given: nothing of it is measured.

    `palette` holds colours as `#rrggbb`; `joins` the indices of frames that begin a new segment,
    where nothing should be seen; `cuts` those of frames that begin another shot, where everything
    may change.
    """

    palette: tuple[str, ...] = ()
    joins: tuple[int, ...] = ()
    cuts: tuple[int, ...] = ()


class Gauge:
    """Takes in a stream of clips and says what was measured of all of it.

    Raises:
        UsageError: a palette colour is not written `#rrggbb`.
    """

    def __init__(self, wanted: Wanted | None = None) -> None:
        self._wanted = wanted or Wanted()
        self._palette = lab_of(self._wanted.palette) if self._wanted.palette else None
        self._light, self._change, self._motion = Light(), Change(), Motion()
        self._edges, self._overlay, self._colours = Edges(), Overlay(), Colours()
        self._frames, self._seconds, self._finite = 0, 0.0, 0.0

    def add(self, clip: Clip) -> None:
        """Take in the next clip of the stream."""
        for frame in clip.frames:
            now = view(frame)
            for noun in (self._light, self._change, self._motion):
                noun.see(now)
            self._overlay.see(now)
            # Lines stay over time and show in every second frame, colours in every fourth.
            if self._frames % 2 == 0:
                self._edges.see(now)
            if self._frames % 4 == 0:
                self._colours.see(now)
            self._frames += 1
        self._seconds += float(clip.seconds)
        self._finite += clip.finite_share * len(clip.frames)

    def marks(self) -> dict[str, float]:
        """Every mark that the frames so far allow; `frames` alone where there are none."""
        if not self._frames:
            return {"frames": 0.0, "seconds": 0.0}
        marks = {
            "frames": float(self._frames),
            "seconds": self._seconds,
            "finite": self._finite / self._frames,
        }
        for noun in (self._light, self._change, self._motion, self._edges, self._overlay):
            marks |= noun.marks()
        return marks | self._wanted_marks()

    def _wanted_marks(self) -> dict[str, float]:
        marks: dict[str, float] = {}
        if self._palette is not None:
            marks["palette"] = palette_distance(self._colours.shares(), self._palette)
        marks |= join_steps(self._motion.traces["gain"], self._wanted.joins)
        if self._wanted.cuts:
            marks |= between_cuts(self.traces(), self._wanted.cuts)
        return marks

    def traces(self) -> Mapping[str, Trace]:
        """What was measured over time: per frame, or per pair of neighbours, or per inner frame."""
        motion = self._motion.traces
        return {
            **self._light.traces,
            "flash": flashes(self._light.traces["luma"]),
            **self._change.traces,
            **motion,
            "pulse": pulses(motion["gain"]),
            "jump": jumps(motion["warp_error"], LEAST_ERROR),
            "leap": leaps(motion["stride"], motion["speed"]),
        }


def between_cuts(traces: Mapping[str, Trace], cuts: tuple[int, ...]) -> dict[str, float]:
    """The marks of sudden changes with the steps into the frames `cuts` left out.

    A cut changes one pair of frames, and the two pulses that this pair is part of.
    """
    steps = {cut - 1 for cut in cuts}
    touched = steps | {step - 1 for step in steps}
    kept = {
        name: [value for at, value in enumerate(traces[name]) if at not in left_out]
        for name, left_out in (
            ("overlap", steps),
            ("jump", steps),
            ("leap", steps),
            ("pulse", touched),
        )
    }
    return {
        "overlap_min": min(kept["overlap"], default=1.0),
        "jump": max(kept["jump"], default=0.0),
        "leap": max(kept["leap"], default=0.0),
        "flicker": sum(kept["pulse"]) / max(1, len(kept["pulse"])),
        "flicker_max": max(kept["pulse"], default=0.0),
    }


def measure(clip: Clip, wanted: Wanted | None = None) -> dict[str, float]:
    """Measure one clip: name to number, all finite. See the nouns' `marks` for each.

    Raises:
        UsageError: a palette colour is not written `#rrggbb`.
    """
    gauge = Gauge(wanted)
    gauge.add(clip)
    return gauge.marks()

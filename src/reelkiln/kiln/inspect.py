"""The gate over any film on disk: read it as a stream, measure, judge, and keep what to show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.read import read
from reelkiln.film.thumbs import thumbs
from reelkiln.gate.join import step_marks
from reelkiln.gate.judge import broken, judge
from reelkiln.gate.limits import FIXED
from reelkiln.gate.measure import Gauge, Wanted
from reelkiln.kiln.looks import Looks, Tools
from reelkiln.kiln.scenes import Scene, Scenes, whole
from reelkiln.reel import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reelkiln.gate.limits import Limit, Limits

__all__ = ["Flag", "Inspected", "inspect", "stills"]

_STILLS = 12


@dataclass(frozen=True, slots=True)
class Flag:
    """Where a fault is worst: the frame (from 0), its time in seconds, the mark it breaks."""

    frame: int
    seconds: float
    mark: str


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """A film and what the gate says of it.

    `traces` hold one number per frame or pair of frames, in order; `fps` is 0 where no frame could
    be read. `unmeasured` names what was not looked at, `words` what the picture should show;
    `scenes` are a reel's shots, each with its own words and marks.
    """

    path: Path
    verdict: Verdict
    fps: float = 0.0
    traces: Mapping[str, list[float]] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    unmeasured: tuple[str, ...] = ()
    words: str = ""
    scenes: tuple[Scene, ...] = ()


def inspect(
    path: Path,
    *,
    wanted: Wanted | None = None,
    limits: Limits = FIXED,
    tools: Tools | None = None,
    scenes: Sequence[Scene] = (),
) -> Inspected:
    """Measure and judge a film. A film that cannot be read gets a verdict too, for a person.

    Args:
        scenes: the shots of a reel; words, product and colours are then measured of each alone.

    Raises:
        UsageError: the file is missing or may not be read, or a palette colour is not `#rrggbb`.
    """
    tools, wanted, fps, fault = tools or Tools(), wanted or Wanted(), 0.0, ""
    gauge, shots = Gauge(wanted), Scenes(scenes, wanted.palette, tools)
    looks = Looks(replace(tools, scorer=None, photo=None) if scenes else tools)
    try:
        for clip in read(path):
            fps = float(clip.fps)
            gauge.add(clip)
            looks.add(clip)
            shots.add(clip)
    except FilmError as error:
        fault = error.message
    traces, told = gauge.traces(), shots.told()
    marks = gauge.marks() | step_marks(traces, wanted.joins) | looks.marks() | whole(told)
    verdict = judge(marks, limits.without("frames") if fault else limits)
    if fault:
        begun = "the film cannot be read to its end: " if marks["frames"] else ""
        reasons = (begun + fault, *verdict.reasons)
        verdict = Verdict(False, reasons, marks, "person")
    flags = tuple(flag for rule in broken(marks, limits) if (flag := _flag(rule, traces, fps)))
    return Inspected(path, verdict, fps, traces, flags, _unmeasured(marks), tools.words, told)


def _unmeasured(marks: Mapping[str, float]) -> tuple[str, ...]:
    """What was not looked at, in words for a person."""
    signs = {
        "writing": "text_unasked",
        "nudity": "nsfw",
        "fit to the words": "score alignment",
        "product": "product_colour",
        "palette": "palette",
        "faint patterns": "ghost_repeats",
    }
    return tuple(name for name, sign in signs.items() if not marks.keys() & set(sign.split()))


def _flag(rule: Limit, traces: Mapping[str, list[float]], fps: float) -> Flag | None:
    """The place where the trace of a broken rule is at its extreme."""
    trace = traces.get(rule.trace) or []
    if not trace:
        return None
    high = rule.high != float("inf") and rule.mark != "frozen_run"
    sizes = [abs(value) for value in trace] if rule.trace == "gain" else trace
    at = sizes.index(max(sizes) if high else min(sizes))
    # A number between two frames, or about an inner one, belongs to the later or middle frame.
    frame = at + (len(trace) < len(traces["luma"]))
    return Flag(frame, frame / fps, rule.mark)


def stills(inspected: Inspected) -> dict[int, bytes]:
    """Small PNG pictures by frame number: twelve spread evenly, and every flagged one.

    Empty for a film of which no frame could be read.
    """
    count = len(inspected.traces.get("luma", ()))
    if not count:
        return {}
    spread = {round(at * (count - 1) / (_STILLS - 1)) for at in range(_STILLS)}
    return thumbs(inspected.path, spread | {flag.frame for flag in inspected.flags})

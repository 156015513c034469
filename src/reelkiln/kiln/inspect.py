"""The gate over any film on disk: read it as a stream, measure, judge, and keep what to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError
from reelkiln.film.read import read
from reelkiln.film.thumbs import thumbs
from reelkiln.gate.judge import broken, judge
from reelkiln.gate.limits import FIXED
from reelkiln.gate.measure import Gauge, Wanted
from reelkiln.gate.nsfw import nsfw_marks
from reelkiln.gate.text import read_text, text_marks
from reelkiln.reel import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reelkiln.gate.limits import Limit, Limits
    from reelkiln.gate.nsfw import Detector
    from reelkiln.gate.text import Reader, Word
    from reelkiln.reel import Clip

__all__ = ["Flag", "Inspected", "Tools", "inspect", "stills"]

_STILLS = 12


@dataclass(frozen=True, slots=True)
class Tools:
    """What looks closer, where it is installed and wanted; absent: not measured."""

    reader: Reader | None = None
    asked: tuple[str, ...] = ()
    detector: Detector | None = None


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
    be read. `unmeasured` names what was not looked at.
    """

    path: Path
    verdict: Verdict
    fps: float = 0.0
    traces: Mapping[str, list[float]] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    unmeasured: tuple[str, ...] = ()


def inspect(
    path: Path,
    *,
    wanted: Wanted | None = None,
    limits: Limits = FIXED,
    tools: Tools | None = None,
) -> Inspected:
    """Measure and judge a film. A film that cannot be read gets a verdict too, for a person.

    Raises:
        UsageError: the file is missing or may not be read, or a palette colour is not `#rrggbb`.
    """
    tools, gauge = tools or Tools(), Gauge(wanted)
    seen = _Seen(tools)
    fault = ""
    try:
        for clip in read(path):
            gauge.add(clip)
            seen.add(clip)
    except FilmError as error:
        fault = error.message
    marks = gauge.marks() | seen.marks()
    verdict = judge(marks, limits.without("frames") if fault else limits)
    if fault:
        reasons = (f"the film cannot be read to its end: {fault}", *verdict.reasons)
        verdict = Verdict(False, reasons, marks, "person")
    traces = gauge.traces()
    rules = broken(marks, limits)
    flags = tuple(flag for rule in rules if (flag := _flag(rule, traces, seen.fps)))
    return Inspected(path, verdict, seen.fps, traces, flags, seen.unmeasured(wanted))


class _Seen:
    """What the closer looks found, clip by clip."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._words: list[Word] = []
        self._nsfw: dict[str, float] = {}
        self.fps = 0.0

    def add(self, clip: Clip) -> None:
        self.fps = float(clip.fps)
        if self._tools.reader is not None:
            self._words += read_text(clip, self._tools.reader)
        found = nsfw_marks(clip, self._tools.detector)
        for mark, value in found.items():
            self._nsfw[mark] = max(value, self._nsfw.get(mark, 0.0))

    def marks(self) -> dict[str, float]:
        if self._tools.reader is None or not self.fps:
            return dict(self._nsfw)
        once = {word.text: word for word in self._words}
        return self._nsfw | text_marks(list(once.values()), self._tools.asked)

    def unmeasured(self, wanted: Wanted | None) -> tuple[str, ...]:
        absent = {
            "writing": self._tools.reader is None,
            "nudity": self._tools.detector is None,
            "palette": wanted is None or not wanted.palette,
            "fit to the words": True,
        }
        return tuple(name for name, missing in absent.items() if missing)


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

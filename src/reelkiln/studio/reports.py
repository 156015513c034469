"""HTML reports: one file each, without scripts, without anything from elsewhere.

Every report forbids itself to load or run anything (Content-Security-Policy): its one style sheet
is named by hash, its pictures are part of it, and all text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from reelkiln.gate.limits import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reelkiln.kiln.inspect import Inspected

__all__ = ["Plot", "gate_report", "page", "plot", "text"]

_WIDTH, _HEIGHT, _CHUNKS = 260, 56, 120

_PLOTS = {
    "luma": "Brightness, levels",
    "contrast": "Contrast, levels",
    "softness": "Softness, 0 sharp to 1",
    "gain": "Change of light, %",
    "stir": "Largest change of any place, levels",
    "speed": "Speed, pixels a frame",
    "warp_error": "What motion does not explain, levels",
    "overlap": "Colours in common with the frame before",
    "jump": "Jump, times the ordinary",
    "leap": "Leap, times the ordinary",
}
"""The traces that are drawn, with what they show."""

_FAULTS = {
    "black_share": "black",
    "contrast": "one flat colour",
    "frozen_run": "stands still",
    "flicker": "flickers",
    "flicker_max": "flashes",
    "overlap_min": "another picture",
    "jump": "jumps",
    "leap": "leaps",
    "join": "light changes",
    "softness": "not sharp",
}
"""What is written under a picture at fault."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A line over time: SVG points, the least and greatest value, and where the fault lies (the
    place of an upright line; empty: nowhere)."""

    title: str
    points: str
    low: str
    high: str
    fault: str = ""


def plot(title: str, trace: Sequence[float], fault: int | None = None) -> Plot:
    """A trace as points of a polyline, 260 x 56. A long one is thinned to the least and the
    greatest value of each of at most 120 stretches. `fault` is the index of a value at fault."""
    low, high = min(trace), max(trace)
    step = max(1, -(-len(trace) // _CHUNKS))
    chunks = [trace[at : at + step] for at in range(0, len(trace), step)]
    kept = list(trace) if step == 1 else [end(one) for one in chunks for end in (min, max)]
    reach = (high - low) or 1.0
    wide = max(1, len(kept) - 1)
    points = " ".join(
        f"{at * _WIDTH / wide:.1f},{_HEIGHT - 4 - (value - low) / reach * (_HEIGHT - 8):.1f}"
        for at, value in enumerate(kept)
    )
    where = "" if fault is None else f"{fault * _WIDTH / max(1, len(trace) - 1):.1f}"
    return Plot(title, points, f"{low:.2f}", f"{high:.2f}", where)


def page(template: str, **values: Any) -> str:
    """A template of this room as HTML text, with its style sheet and its policy.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    style = _source("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined
    )
    made: str = environment.get_template(template).render(style=style, digest=digest, **values)
    return made


def text(template: str, **values: Any) -> str:
    """A template of this room as Markdown. What comes from outside goes through the filter `cell`.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    environment = Environment(  # noqa: S701 - no HTML: there is nothing to escape
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda words: str(words).replace("|", "\\|").replace("\n", " ")
    made: str = environment.get_template(template).render(**values)
    return made


def gate_report(films: Sequence[tuple[Inspected, Mapping[int, bytes]]]) -> str:
    """The report of `reelkiln gate`: each film with its verdict, its pictures, plots and marks.

    `films` pairs what was inspected with small PNG pictures by frame number.
    """
    return page("gate.html", films=[_film(one, pictures) for one, pictures in films])


def _film(one: Inspected, pictures: Mapping[int, bytes]) -> dict[str, Any]:
    faults: dict[int, list[str]] = {}
    for flag in one.flags:
        said = _FAULTS.get(flag.mark, flag.mark.replace("_", " "))
        faults.setdefault(flag.frame, []).append(said)
    traced = {rule.mark: rule.trace for rule in FIXED.rules if rule.trace}
    # A value between two frames belongs to the later one.
    frames = len(one.traces.get("luma", ()))
    places = {
        trace: flag.frame - (len(one.traces[trace]) < frames)
        for flag in one.flags
        if (trace := traced.get(flag.mark, "")) in one.traces
    }
    return {
        "name": one.path.name,
        "words": one.words,
        "verdict": one.verdict,
        "unmeasured": one.unmeasured,
        "pictures": [
            {
                "data": base64.b64encode(data).decode(),
                "when": f"{frame / one.fps:.2f} s",
                "faults": faults.get(frame, []),
            }
            for frame, data in sorted(pictures.items())
        ],
        "plots": [
            plot(title, one.traces[name], places.get(name))
            for name, title in _PLOTS.items()
            if len(one.traces.get(name, ())) > 1
        ],
        "shots": [
            {
                "when": f"{float(scene.start):.1f} to {float(scene.end):.1f} s",
                "words": scene.words,
                "marks": [(mark.replace("_", " "), f"{v:.2f}") for mark, v in scene.marks.items()],
            }
            for scene in one.scenes
        ],
        "marks": [(name, f"{value:.4g}") for name, value in sorted(one.verdict.marks.items())],
    }


def _source(name: str) -> str:
    return files("reelkiln.studio").joinpath("templates", name).read_text(encoding="utf-8")

"""The table of `reelkiln bench`: as HTML with plots, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelkiln.studio.charts import bar_chart, figure
from reelkiln.studio.over_time import over_time
from reelkiln.studio.reports import page, text

if TYPE_CHECKING:
    from reelkiln.kiln.changes import Change
    from reelkiln.kiln.comparison import Quality, Report, Summary

__all__ = [
    "Evening",
    "Priced",
    "bench_html",
    "bench_markdown",
    "groups_of",
    "headline",
    "quality_words",
]

_PHASES = ("load", "encode", "denoise", "decode", "check")
_MARKS = {
    "softness": "softness (0 sharp, 1 blurred)",
    "contrast": "contrast (levels)",
    "flicker": "flicker (% from frame to frame)",
    "frozen_run": "longest standstill (share of the clip)",
    "jump": "largest jump (times the usual step)",
    "leap": "longest leap (times the usual step)",
    "score": "shows its words (-1 to 1)",
    "alignment": "fits its words (scorer's own scale)",
}
"""The gate's figures, as a person reads them."""
_FAMILIES = {"animatediff": "AnimateDiff", "ltx": "LTX-Video"}


@dataclass(frozen=True, slots=True)
class Priced:
    """What electricity costs: `per_kwh` in `currency`, None: nobody said. `watts` is what a person
    measured at the plug, for machines whose driver tells no energy."""

    per_kwh: float | None = None
    currency: str = ""
    watts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """All that is shown: what was measured, its rows, and what earlier evenings say of it. `note`
    is a line that must be read with the figures."""

    report: Report
    rows: tuple[Summary, ...]
    priced: Priced = Priced()
    changed: tuple[Change, ...] = ()
    qualities: tuple[Quality, ...] = ()
    earlier: tuple[Report, ...] = ()
    note: str = ""


def bench_html(evening: Evening) -> str:
    """One HTML file: the table, plots of pace, phases, memory and energy, and the history."""
    rows = evening.rows
    return page(
        "bench.html",
        **_shared(evening),
        charts=[
            bar_chart(
                "Work for one second of video, by shape",
                {f"{_name(row)}, {s}": {"work": p} for row in rows for s, p in row.paces.items()},
                "s",
            ),
            bar_chart(
                "Where the seconds of one clip go",
                {_name(row): _known(row.phases) for row in rows if row.phases},
                "s",
            ),
            bar_chart(
                "Most memory held at once",
                {
                    f"{_name(row)}, {what}": {what: size / 2**30}
                    for row in rows
                    for what, size in (("GPU memory", row.peak_vram), ("memory", row.peak_ram))
                    if size
                },
                "GiB",
            ),
            bar_chart(
                "Energy for one minute of video",
                {
                    _name(row): {"energy": 60 * row.wh_per_second}
                    for row in rows
                    if row.wh_per_second is not None
                },
                "Wh",
            ),
        ],
        history=over_time((*evening.earlier, evening.report)),
    )


def bench_markdown(evening: Evening) -> str:
    """The same as Markdown, for a file beside the others under `docs/measured`."""
    return text("bench.md", **_shared(evening))


def _shared(evening: Evening) -> dict[str, Any]:
    report, rows = evening.report, evening.rows
    return {
        "report": report,
        "headline": headline(evening),
        "note": evening.note,
        "names": [_name(row) for row in rows],
        "groups": groups_of(rows, evening.priced),
        "changed": [str(change) for change in evening.changed],
        "qualities": [quality_words(each) for each in evening.qualities],
        "failures": [(_name(row), line) for row in rows for line in row.failures],
        "runs": [_run(trial) for trial in report.trials],
    }


def headline(evening: Evening) -> str:
    """The evening in one sentence: which model is the fastest, and what the gate kept."""
    rows = [row for row in evening.rows if row.pace is not None]
    if not rows:
        return "Nothing could be measured."
    best = min(rows, key=lambda row: row.pace or 0.0)
    kept, made = sum(row.kept for row in rows), sum(row.runs - row.failed for row in rows)
    fastest = f"{_name(best)}: {_number(best.pace, 's')} of work for one second of video."
    if len(rows) > 1:
        fastest = f"The fastest of {len(rows)} is {fastest}"
    return f"{fastest} The gate kept {kept} of {made} clips."


def groups_of(
    rows: Sequence[Summary], priced: Priced
) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The one table, on its side: for each group its heads, each with a cell for each row."""
    groups = {
        "Model": [
            ("family", [_FAMILIES.get(row.family, row.family) for row in rows]),
            ("steps", [str(row.steps) if row.steps else "not known" for row in rows]),
        ],
        "Speed": [
            ("work for 1 s of video", [_number(row.pace, "s") for row in rows]),
            ("load", [_number(row.load, "s") for row in rows]),
            ("predicted, of what it took", [_foretold(row, "seconds") for row in rows]),
        ],
        "Memory": [
            ("GPU memory", [_gib(row.peak_vram, _no_gpu(row)) for row in rows]),
            (
                "GPU memory predicted, of what was held",
                [_foretold(row, "vram") if row.peak_vram else _no_gpu(row) for row in rows],
            ),
            ("memory", [_gib(row.peak_ram, "not known") for row in rows]),
            ("of it, what no file backs", [_gib(row.own_ram, "not known") for row in rows]),
            ("memory predicted, of what was held", [_foretold(row, "ram") for row in rows]),
            ("arranged", ["; ".join(row.rungs) or "not known" for row in rows]),
        ],
        "Quality": [
            ("kept by the gate", [_kept(row) for row in rows]),
            *_marks(rows),
        ],
        "Stability": [
            ("repeats", [_stability(row) for row in rows]),
            ("failures", [f"{r.failed} of {r.runs}" if r.failed else "none" for r in rows]),
        ],
        "Cost": [
            (
                "energy for 1 min of video",
                [_number(_a_minute(row.wh_per_second), "Wh") for row in rows],
            ),
            ("electricity for 1 min of video", [_cost(row, priced) for row in rows]),
        ],
        "Licence": [
            ("licence", [row.licence for row in rows]),
            ("commercial use", [row.commercial for row in rows]),
        ],
    }
    return list(groups.items())


def _marks(rows: Sequence[Summary]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for row in rows for name in row.marks)
    return [
        (
            _MARKS.get(name, name.replace("_", " ")),
            [f"{row.marks[name]:.3g}" if name in row.marks else "not measured" for row in rows],
        )
        for name in names
    ]


def _name(row: Summary | Quality) -> str:
    return f"{row.model} ({row.preset})"


def _known(phases: Mapping[str, float]) -> dict[str, float]:
    return {phase: phases[phase] for phase in _PHASES if phases.get(phase)}


def _a_minute(a_second: float | None) -> float | None:
    return None if a_second is None else 60 * a_second


def _number(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{figure(value)} {unit}"


def _gib(size: int, nothing: str) -> str:
    return f"{size / 2**30:.2f} GiB" if size else nothing


def _kept(row: Summary) -> str:
    made = row.runs - row.failed
    return f"{row.kept} of {made}" if made else "none was made"


def _no_gpu(row: Summary) -> str:
    """What is said of GPU memory where none was counted: of a model that only failed, nothing."""
    return "none used" if row.runs > row.failed else "not known"


def _foretold(row: Summary, what: str) -> str:
    share = row.foretold.get(what)
    return "not known" if share is None else f"{share * 100:.0f} % (by {_by(row)})"


def _by(row: Summary) -> str:
    """Where the prediction came from, short."""
    return "the formula" if row.by in ("", "the formula") else "what was measured"


def _stability(row: Summary) -> str:
    if row.same is None:
        return "not repeated"
    pixels = "same pixels" if row.same else "OTHER PIXELS"
    return pixels if row.spread is None else f"{pixels}, times {row.spread * 100:.1f} % apart"


def _cost(row: Summary, priced: Priced) -> str:
    if priced.per_kwh is None:
        return "no price given"
    cost = _a_minute(row.cost(priced.per_kwh, priced.watts))
    if cost is None:
        return "not known"
    by_hand = "" if row.wh_per_second is not None else f" (at {priced.watts:g} W)"
    said = f"{cost:,.0f}" if cost >= 99.5 else f"{cost:.2g}"
    return f"{said} {priced.currency}{by_hand}".strip()


def quality_words(each: Quality) -> dict[str, str]:
    """What a quicker preset gains and costs, as the words of a table row by the table's heads."""
    return {
        "preset": _name(each),
        "against": each.against,
        "steps": str(each.steps),
        "faster": f"{each.faster:.2g} times",
        "PSNR": _number(each.psnr, "dB"),
        "SSIM": "not known" if each.ssim is None else f"{each.ssim:.3f}",
        "kept": each.kept,
        "gate's figures, difference": ", ".join(
            f"{name.replace('_', ' ')} {gap:+.3g}" for name, gap in each.marks.items()
        )
        or "none",
    }


def _run(trial: Any) -> dict[str, str]:
    """One clip of the evening, in words."""
    return {
        "model": f"{trial.model} ({trial.preset})",
        "asked": str(trial.shape),
        "failure": trial.failure,
        "rendered": f"{trial.frames} frames of {trial.size}, {trial.steps} steps",
        "words": trial.prompt,
        "seconds": f"{trial.render_seconds:.2f} s",
        "predicted": f"{max(0.0, trial.counted - trial.counted_start):.2f} s",
        "vram": _of(trial.peak_vram, trial.counted_vram),
        "ram": _of(trial.peak_ram, trial.counted_ram),
        "way": f"{trial.rung}, {trial.dtype}",
    }


def _of(held: int, counted: int) -> str:
    if not held:
        return "none"
    return f"{held / 2**30:.2f} of {counted / 2**30:.2f} GiB"

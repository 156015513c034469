"""The table of `reelkiln bench`: as HTML with plots, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelkiln.studio.reports import page, text

if TYPE_CHECKING:
    from reelkiln.kiln.comparison import Change, Quality, Report, Summary

__all__ = ["Bar", "Priced", "bars", "bench_html", "bench_markdown", "rows_of"]

_WIDTH = 460
_PHASES = ("load", "encode", "denoise", "decode", "check")


@dataclass(frozen=True, slots=True)
class Priced:
    """What electricity costs: `per_kwh` in `currency`, None: nobody said. `watts` is what a person
    measured at the plug, for machines whose driver tells no energy."""

    per_kwh: float | None = None
    currency: str = ""
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, in SVG units: its parts as (left, width, name, value)."""

    label: str
    parts: tuple[tuple[float, float, str, str], ...]
    total: str


def bars(values: Mapping[str, Mapping[str, float]], unit: str) -> tuple[Bar, ...]:
    """Stacked bars on one scale; the longest is 460 units wide. Values must not be below 0."""
    longest = max((sum(parts.values()) for parts in values.values()), default=0.0) or 1.0
    made = []
    for label, parts in values.items():
        left, drawn = 0.0, []
        for name, value in parts.items():
            width = value / longest * _WIDTH
            drawn.append((round(left, 1), round(width, 1), name, f"{value:.3g} {unit}"))
            left += width
        made.append(Bar(label, tuple(drawn), f"{sum(parts.values()):.3g} {unit}"))
    return tuple(made)


def bench_html(
    report: Report,
    rows: Sequence[Summary],
    *,
    priced: Priced,
    changed: Sequence[Change] = (),
    qualities: Sequence[Quality] = (),
    earlier: Sequence[Report] = (),
) -> str:
    """One HTML file: the table, plots of pace by shape, of phases, of memory, and the history."""
    return page(
        "bench.html",
        report=report,
        rows=rows_of(rows, priced),
        paces=bars(
            {f"{_name(row)}, {s}": {"compute": p} for row in rows for s, p in row.paces.items()},
            "s",
        ),
        phases=bars({_name(row): _known(row.phases) for row in rows if row.phases}, "s"),
        memory=bars(
            {
                f"{_name(row)}, {what}": {what: size / 2**30}
                for row in rows
                for what, size in (("GPU memory", row.peak_vram), ("memory", row.peak_ram))
                if size
            },
            "GiB",
        ),
        changed=[str(change) for change in changed],
        qualities=[_quality(each) for each in qualities],
        history=_history((*earlier, report)),
        failures=[(_name(row), line) for row in rows for line in row.failures],
    )


def bench_markdown(
    report: Report,
    rows: Sequence[Summary],
    *,
    priced: Priced,
    changed: Sequence[Change] = (),
    qualities: Sequence[Quality] = (),
) -> str:
    """The same as Markdown, for a file beside the others under `docs/measured`."""
    return text(
        "bench.md",
        report=report,
        rows=rows_of(rows, priced),
        changed=[str(change) for change in changed],
        qualities=[_quality(each) for each in qualities],
        failures=[(_name(row), line) for row in rows for line in row.failures],
    )


def rows_of(rows: Sequence[Summary], priced: Priced) -> list[dict[str, str]]:
    """Each summary as the words of a table row, by the table's heads."""
    return [
        {
            "model": _name(row),
            "family": row.family,
            "compute for 1 s of video": _number(row.pace, "s"),
            "load": _number(row.load, "s"),
            "GPU memory": f"{row.peak_vram / 2**30:.2f} GiB" if row.peak_vram else "none used",
            "memory": f"{row.peak_ram / 2**30:.2f} GiB" if row.peak_ram else "not known",
            "kept by the gate": f"{row.kept} of {row.runs - row.failed}",
            "repeats": _stability(row),
            "energy for 1 min of video": _number(_a_minute(row.wh_per_second), "Wh"),
            "cost of 1 min of video": _cost(row, priced),
            "failures": f"{row.failed} of {row.runs}" if row.failed else "none",
            "licence": row.licence,
            "commercial use": row.commercial,
            **{_mark(name): f"{value:.3g}" for name, value in row.marks.items()},
        }
        for row in rows
    ]


def _name(row: Summary | Quality) -> str:
    return f"{row.model} ({row.preset})"


def _known(phases: Mapping[str, float]) -> dict[str, float]:
    return {phase: phases[phase] for phase in _PHASES if phases.get(phase)}


def _a_minute(a_second: float | None) -> float | None:
    return None if a_second is None else 60 * a_second


def _mark(name: str) -> str:
    return f"gate: {name.replace('_', ' ')}"


def _number(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:.3g} {unit}"


def _stability(row: Summary) -> str:
    if row.spread is None or row.same is None:
        return "not repeated"
    pixels = "same pixels" if row.same else "OTHER PIXELS"
    return f"{pixels}, {row.spread * 100:.1f} % apart"


def _cost(row: Summary, priced: Priced) -> str:
    if priced.per_kwh is None:
        return "no price given"
    cost = _a_minute(row.cost(priced.per_kwh, priced.watts))
    if cost is None:
        return "not known"
    by_hand = "" if row.wh_per_second is not None else f" (at {priced.watts:g} W)"
    return f"{cost:.2g} {priced.currency}{by_hand}".strip()


def _quality(each: Quality) -> dict[str, Any]:
    return {
        "preset": _name(each),
        "against": each.against,
        "steps": str(each.steps),
        "faster": f"{each.faster:.2g} times",
        "psnr": _number(each.psnr, "dB"),
        "kept": each.kept,
        "marks": ", ".join(f"{name} {gap:+.3g}" for name, gap in each.marks.items()) or "none",
    }


def _history(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The pace of each model over the evenings on which it was measured, newest last."""
    lines: dict[str, list[tuple[str, float]]] = {}
    for report in reports:
        paces: dict[str, list[float]] = {}
        for trial in report.trials:
            if trial.pace is not None:
                paces.setdefault(f"{trial.model} ({trial.preset})", []).append(trial.pace)
        for name, each in paces.items():
            lines.setdefault(name, []).append((report.when[:10], sum(each) / len(each)))
    return [
        {
            "name": name,
            "bars": bars(
                {f"{day} #{at}": {"compute": pace} for at, (day, pace) in enumerate(line, 1)}, "s"
            ),
        }
        for name, line in lines.items()
        if len(line) > 1
    ]

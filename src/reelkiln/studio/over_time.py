"""What the evenings of one machine say of each model, as lines over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from reelkiln.kiln.changes import differing
from reelkiln.studio.charts import Line, line_chart

if TYPE_CHECKING:
    from reelkiln.kiln.comparison import Report

__all__ = ["over_time"]


def over_time(reports: Sequence[Report]) -> list[Line]:
    """The pace of each model over the evenings of this machine, newest last, with what changed."""
    here = [report for report in reports if report.machine == reports[-1].machine]
    lines: dict[str, list[tuple[Report, float]]] = {}
    for report in here:
        paces: dict[str, list[float]] = {}
        for trial in report.trials:
            if trial.pace is not None:
                name = f"{trial.model} ({trial.preset}), {trial.shape}"
                paces.setdefault(name, []).append(trial.pace)
        for name, each in paces.items():
            lines.setdefault(name, []).append((report, median(each)))
    return [_line(name, line) for name, line in lines.items() if len(line) > 1]


def _line(name: str, line: Sequence[tuple[Report, float]]) -> Line:
    news = [
        "; ".join(differing(before.versions, after.versions))
        for (before, _), (after, _) in pairwise(line)
    ]
    values = [(report.when[:10], pace) for report, pace in line]
    return line_chart(name, values, ["", *news], "s")

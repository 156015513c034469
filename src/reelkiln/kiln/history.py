"""The measurements of earlier evenings, one JSON file each, in the folder of the state."""

from __future__ import annotations

import json
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.partfile import write_bytes
from reelkiln.kiln.comparison import Report
from reelkiln.plan.form import read, write

__all__ = ["keep_report", "kept_reports", "report_json"]

FORMAT = 1


def report_json(report: Report) -> str:
    """A report as JSON text that `kept_reports` reads back."""
    return json.dumps({"format": FORMAT, **write(report)}, indent=1, ensure_ascii=False)


def keep_report(report: Report, folder: Path) -> Path:
    """Write a report into the folder, under the time it was made, and return its path.

    Raises:
        UsageError, DiskFull: the folder does not take it.
    """
    name = report.when[:19].replace(":", "-")
    path = folder / f"{name}.json"
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, report_json(report).encode("utf-8"))
    return path


def kept_reports(folder: Path) -> tuple[Report, ...]:
    """All reports of the folder, the oldest first; what cannot be read is left out."""
    if not folder.is_dir():
        return ()
    found = (_read(path) for path in sorted(folder.glob("*.json")))
    return tuple(report for report in found if report is not None)


def _read(path: Path) -> Report | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            return None
        report: Report = read(Report, data, path.name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, UsageError):
        return None
    return report

"""`reelkiln validate`: will a platform take this film?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, show_json, table
from reelkiln.cli.options import Json

if TYPE_CHECKING:
    from reelkiln.film.report import Check, Report
    from reelkiln.film.rules import Platform

__all__ = ["validate"]


def validate(
    films: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The films to look at.")],
    *,
    platform: Annotated[
        str,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="A platform, as `reelkiln platforms list` shows it, or all.",
        ),
    ],
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every picture, not twelve at most.")
    ] = False,
    json: Json = False,
) -> None:
    """Say whether a platform takes a film of any origin, and what to do where it would not.

    Ends with 0 when every film passes, else with 1.
    """
    from reelkiln.film.platforms import house_rules
    from reelkiln.film.survey import survey
    from reelkiln.film.validate import judge

    wanted, house = _platforms(platform), house_rules()
    reports = []
    for film in films:
        seen = survey(film, deep=deep)
        reports += [judge(seen, one, house) for one in wanted]
    if json:
        show_json({"films": [_report_json(report) for report in reports]})
    else:
        _show(reports)
    if not all(report.ok for report in reports):
        raise typer.Exit(1)


def _platforms(name: str) -> list[Platform]:
    from reelkiln.film.platforms import find_platform, load_platforms

    return list(load_platforms().values()) if name == "all" else [find_platform(name)]


def _show(reports: list[Report]) -> None:
    """One film and platform: every check. More: a line each, then what to do."""
    if len(reports) == 1:
        rows = [
            (_state(check), check.name, check.found, _wanted(check)) for check in reports[0].checks
        ]
        lines = table([("", "check", "found", "wanted"), *rows])
    else:
        heads = [(_verdict(one), str(one.path), one.platform, _counted(one)) for one in reports]
        lines = table(heads)
    for line in lines:
        out(line)
    for report in reports:
        for check in (*report.failed, *report.advised):
            what = "fail" if check.state == "fail" else "advice"
            where = "" if len(reports) == 1 else f"{report.path.name}, {report.platform}, "
            out(f"{what}: {where}{check.name}: {check.found}; to do: {check.do}")
    if len(reports) == 1:
        out(f"{reports[0].path}: {_verdict(reports[0])} for {reports[0].platform}")


def _state(check: Check) -> str:
    return "advice" if check.advice else check.state


def _wanted(check: Check) -> str:
    said = {"advised": " (advised)", "ours": " (our rule)"}
    return check.wanted + (said.get(check.ruling, "") if check.wanted != "whole" else "")


def _verdict(report: Report) -> str:
    return "pass" if report.ok else "FAIL"


def _counted(report: Report) -> str:
    failed = ", ".join(check.name for check in report.failed)
    advised = ", ".join(check.name for check in report.advised)
    return failed or (f"advice on {advised}" if advised else "")


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "path": str(report.path),
        "platform": report.platform,
        "ok": report.ok,
        "deep": report.deep,
        "checks": [asdict(check) for check in report.checks],
    }

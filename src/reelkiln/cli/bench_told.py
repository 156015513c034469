"""What `reelkiln bench` tells: while it measures, and of what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.cli.console import out, say, show_json, table

if TYPE_CHECKING:
    from reelkiln.kiln.calibrate import Learnt
    from reelkiln.kiln.comparison import Report
    from reelkiln.kiln.trial import Series, Trial
    from reelkiln.plan.card import Card
    from reelkiln.plan.machine import Machine
    from reelkiln.studio.bench import Evening, Priced

__all__ = ["announce", "evening_of", "line_of", "show", "tell_learnt", "write_files"]


def announce(wanted: Sequence[Series], machine: Machine) -> str:
    """What is about to be measured, and how long it will take."""
    from reelkiln.kiln.trial import planned
    from reelkiln.plan.reasons import duration

    runs = sum(len(series.runs) for series in wanted)
    models = ", ".join(dict.fromkeys(series.card.name for series in wanted))
    about = duration(sum(planned(series, machine) for series in wanted))
    return f"{runs} clips with {models}, about {about}; Ctrl-C keeps what was measured"


def line_of(trial: Trial, number: int, of: int) -> str:
    """One clip that was measured, in one line."""
    what = f"[{number}/{of}] {trial.model}, {trial.preset}, {trial.shape}"
    if trial.failure:
        return f"{what}: {trial.failure}"
    pace = f"{trial.pace:.2f}" if trial.pace is not None else "?"
    return f"{what}: {trial.render_seconds:.1f} s, {pace} s for a second of video"


def tell_learnt(new: Learnt, path: Path | None) -> None:
    """What plans go by from now on, and what they do not and why."""
    for line in new.refused:
        say(f"not learnt: {line}")
    if path is None:
        say("nothing was measured that plans could go by")
        return
    for each in new.calibration.known:
        kind = each.kind
        say(f"learnt: {kind.model} ({kind.preset}, {kind.rung}) from {each.runs} clips")
    say(f"plans on this machine go by {path} from now on")


def evening_of(
    report: Report,
    cards: Sequence[Card],
    earlier: tuple[Report, ...],
    *,
    priced: Priced,
    quality: bool,
) -> Evening:
    """All that is shown of a report, in the light of earlier ones."""
    from reelkiln.kiln.changes import changes
    from reelkiln.kiln.comparison import qualities, summaries
    from reelkiln.studio.bench import Evening

    return Evening(
        report=report,
        rows=summaries(report, {card.name: card for card in cards}),
        priced=priced,
        changed=changes(report, earlier),
        qualities=qualities(report) if quality else (),
        earlier=earlier,
    )


def write_files(evening: Evening, html: Path | None, markdown: Path | None) -> None:
    """As a page with plots, and as Markdown.

    Raises:
        UsageError, DiskFull: a file cannot be written.
    """
    from reelkiln.film.partfile import write_bytes
    from reelkiln.studio.bench import bench_html, bench_markdown

    for file, made in ((html, bench_html), (markdown, bench_markdown)):
        if file is not None:
            write_bytes(file, made(evening).encode("utf-8"))
            say(f"wrote {file}")


def show(evening: Evening, *, as_json: bool) -> None:
    """On the terminal, or as one JSON object."""
    from reelkiln.plan.form import write
    from reelkiln.studio.bench import headline

    if as_json:
        show_json(
            {
                "report": write(evening.report),
                "summaries": [write(row) for row in evening.rows],
                "changes": [{**write(each), "line": str(each)} for each in evening.changed],
                "qualities": [write(each) for each in evening.qualities],
            }
        )
        return
    for line in _sideways(evening):
        out(line)
    out(headline(evening))
    for change in evening.changed:
        out(str(change))
    for row in evening.rows:
        for failure in row.failures:
            out(f"{row.model} ({row.preset}): {failure}")


def _sideways(evening: Evening) -> list[str]:
    """The table with a column for each model, and the quicker presets below it."""
    from reelkiln.studio.bench import groups_of, quality_words

    if not evening.rows:
        return []
    names = [f"{row.model} ({row.preset})" for row in evening.rows]
    lines = [("", *names)]
    for _, heads in groups_of(evening.rows, evening.priced):
        lines += [(head, *cells) for head, cells in heads]
    made = table(lines)
    if evening.qualities:
        words = [quality_words(each) for each in evening.qualities]
        made += ["", *table([tuple(words[0]), *(tuple(each.values()) for each in words)])]
    return made

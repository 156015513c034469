"""A morning in words: the lines of the terminal and of Markdown, which are the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reelkiln.kiln.morning import Estimate, Money, Morning
from reelkiln.plan.reasons import duration
from reelkiln.store.segment import SegmentRow
from reelkiln.store.shifts import ShiftRow

__all__ = ["Block", "blocks", "headline", "markdown"]

Block = tuple[str, tuple[str, ...]]
"""A title and its lines."""


def headline(morning: Morning) -> str:
    """The whole in one line."""
    joined = f" ({len(morning.reels)} of them reels)" if morning.reels else ""
    counts = [f"{len(morning.delivered)} delivered{joined}"]
    counts += [f"{len(morning.parked)} parked for a person"] if morning.parked else []
    counts += [f"{len(morning.cancelled)} cancelled"] if morning.cancelled else []
    counts += [f"{len(morning.running)} under way"] if morning.running else []
    counts += [f"{morning.waiting} waiting"]
    return f"{_span(morning.since, morning.now)}: {', '.join(counts)}"


def blocks(morning: Morning) -> tuple[Block, ...]:
    """What there is to say, by title; titles without a line are left out."""
    every: tuple[Block, ...] = (
        ("Reels", tuple(_reel(row) for row in morning.reels)),
        ("Reels that wait", tuple(f"{row.movie} {wait}" for row, wait in morning.waits)),
        ("Made", tuple(_made(row) for row in morning.clips)),
        ("Refused, for a person to look at", tuple(_parked(row) for row in morning.parked)),
        ("Cancelled", tuple(f"{row.id}: {row.movie}" for row in morning.cancelled)),
        ("Under way", tuple(_running(row) for row in morning.running)),
        ("Waiting", _waiting(morning)),
        ("Late", tuple(_late(row) for row in morning.late)),
        ("Another model was taken", _fallbacks(morning)),
        ("Phases", _phases(morning)),
        ("Shifts", tuple(_shift(row, row in morning.killed) for row in morning.shifts)),
        ("What happened", _happened(morning)),
        ("Energy and money", tuple(_money(morning.money, morning.approved))),
    )
    return tuple(block for block in every if block[1])


def markdown(morning: Morning) -> str:
    """The report as Markdown, to paste into a message."""
    parts = [f"# Report\n\n{_escaped(headline(morning))}\n"]
    for title, lines in blocks(morning):
        parts.append(f"## {title}\n" + "\n".join(f"- {_escaped(line)}" for line in lines) + "\n")
    return "\n".join(parts)


def _made(row: SegmentRow) -> str:
    return f"{row.movie} ({row.model})"


def _reel(row: SegmentRow) -> str:
    return f"{row.movie} (of {row.template}; {row.model})"


def _parked(row: SegmentRow) -> str:
    kept = f"; the best take is kept as {row.kept}" if row.kept else ""
    return f"{row.id}: {row.reason}{kept}"


def _running(row: SegmentRow) -> str:
    return f"{row.id}: {row.phase or 'begins'}, {row.movie}"


def _waiting(morning: Morning) -> tuple[str, ...]:
    clips = morning.waiting - len(morning.waits)
    return (f"{clips} clips; `reelkiln work` makes them",) if clips else ()


def _fallbacks(morning: Morning) -> tuple[str, ...]:
    """Each reason once, with the clips that it was the reason for."""
    films: dict[str, list[str]] = {}
    for row in morning.fallbacks:
        films.setdefault(row.because, []).append(row.movie)
    return tuple(f"{because}: {', '.join(names)}" for because, names in films.items())


def _happened(morning: Morning) -> tuple[str, ...]:
    """The log, but for what has a title of its own."""
    rows = (row for row in morning.log if row.kind != "fell_back")
    return tuple(f"{_clock(row.at)} {row.said}" for row in rows)


def _late(row: SegmentRow) -> str:
    wanted = _clock(row.deadline) if row.deadline else "-"
    done = f"done {_clock(row.ended_at)}" if row.ended_at else "not done yet"
    return f"{row.movie}: wanted by {wanted}, {done}"


def _phases(morning: Morning) -> tuple[str, ...]:
    lines = [
        f"{row.phase}: {duration(row.seconds)}, {row.each:.1f} s a clip" for row in morning.phases
    ]
    return (*lines, f"all: {duration(morning.seconds)}") if lines else ()


def _shift(row: ShiftRow, killed: bool) -> str:
    start = row.started_at
    if killed:
        return f"{row.executor}: from {_clock(start)}; it was killed at about {_clock(row.seen_at)}"
    if row.ended_at is None:
        return f"{row.executor}: from {_clock(start)}, at work"
    return f"{row.executor}: {_clock(start)} to {_clock(row.ended_at)}: {row.why}"


def _money(money: Money, approved: int) -> Iterator[str]:
    yield f"approved by a person: {approved}"
    if money.counted is None:
        yield "energy of the GPU: not known, no driver here counts it"
    else:
        yield f"energy of the GPU: {money.counted.value:.3f} kWh ({money.counted.how})"
    for title, estimate, form in (
        ("energy", money.energy, "{:.3f} kWh"),
        ("cost of an approved clip", money.per_approved, "{:.4f} " + money.currency),
        ("saved this month", money.saved_month, "{:.2f} " + money.currency),
        ("saved this year", money.saved_year, "{:.2f} " + money.currency),
        ("capacity", money.capacity, "{:.0f} clips a month" + _before(money)),
    ):
        if estimate is not None:
            yield _estimate(title, estimate, form)
    if money.missing:
        yield f"not reckoned: {', '.join(money.missing)} would say more"


def _before(money: Money) -> str:
    before = money.former_per_month
    return "" if before is None else f", {before:g} before"


def _estimate(title: str, estimate: Estimate, form: str) -> str:
    return f"{title}, estimate: {form.format(estimate.value)} ({estimate.how})"


def _span(start: datetime, end: datetime) -> str:
    return f"{start.astimezone():%a %d %b %H:%M} to {end.astimezone():%a %d %b %H:%M}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%a %H:%M}"


def _escaped(line: str) -> str:
    """Text that Markdown shows as it is: names and reasons come from people and files."""
    for mark in "\\*_[]<>#|":
        line = line.replace(mark, f"\\{mark}")
    return " ".join(line.split())

"""What a shift came to, as one value: the terminal, Markdown and the page show the same numbers.

Everything that is not counted but reckoned is an `Estimate`, which carries how it was reckoned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reelkiln.script.brand import Costs
from reelkiln.store.ledger import Ledger
from reelkiln.store.queue import list_segments
from reelkiln.store.reels import Wait, waits_of
from reelkiln.store.reviews import approved_since
from reelkiln.store.segment import SegmentRow
from reelkiln.store.shifts import LogRow, ShiftRow, list_shifts, phases_since, read_log

__all__ = ["Estimate", "Money", "Morning", "PhaseRow", "gather", "reckon"]

GONE = timedelta(minutes=2)
"""A worker that said nothing for so long, and did not say that it ended, was killed."""
NIGHT_HOURS = 8.0
PHASES = ("load", "encode", "denoise", "decode", "check", "finish")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A reckoned number and, in words, from what."""

    value: float
    how: str


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase: all its seconds, and those of a clip in the mean."""

    phase: str
    seconds: float
    each: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What the work cost and saved, in `currency`. None where the brand does not say enough, or
    nothing was approved yet. Energy is in kWh; `counted` is that of the GPUs alone, as their driver
    counted it."""

    currency: str = ""
    counted: Estimate | None = None
    energy: Estimate | None = None
    per_approved: Estimate | None = None
    saved_month: Estimate | None = None
    saved_year: Estimate | None = None
    capacity: Estimate | None = None
    former_per_month: float | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """Everything between `since` and `now`. `killed` are the shifts that ended without a word,
    `waits` the queued reels with what they wait for."""

    since: datetime
    now: datetime
    workspace: Path
    delivered: tuple[SegmentRow, ...]
    parked: tuple[SegmentRow, ...]
    cancelled: tuple[SegmentRow, ...]
    running: tuple[SegmentRow, ...]
    waiting: int
    waits: tuple[tuple[SegmentRow, Wait], ...]
    late: tuple[SegmentRow, ...]
    fallbacks: tuple[SegmentRow, ...]
    phases: tuple[PhaseRow, ...]
    shifts: tuple[ShiftRow, ...]
    killed: tuple[ShiftRow, ...]
    log: tuple[LogRow, ...]
    approved: int
    money: Money = field(default_factory=Money)

    @property
    def reels(self) -> tuple[SegmentRow, ...]:
        """The delivered reels."""
        return tuple(row for row in self.delivered if row.kind == "reel")

    @property
    def clips(self) -> tuple[SegmentRow, ...]:
        """The delivered clips."""
        return tuple(row for row in self.delivered if row.kind != "reel")

    @property
    def seconds(self) -> float:
        """Seconds of work in all phases."""
        return sum(row.seconds for row in self.phases)


def gather(
    ledger: Ledger, workspace: Path, costs: Costs | None, *, since: datetime, now: datetime
) -> Morning:
    """Read what happened between two moments.

    Args:
        costs: what the brand says of money; None: nothing.
    """
    rows = list_segments(ledger, since=since)
    by = {state: tuple(r for r in rows if r.state == state) for state in ("delivered", "parked")}
    queued = [row for row in rows if row.state == "queued"]
    waits = waits_of(ledger)
    shifts = list_shifts(ledger, since=since)
    phases = _phases(phases_since(ledger, since=since))
    gone = tuple(s for s in shifts if s.ended_at is None and now - s.seen_at > GONE)
    done = [row for row in rows if row.ended and row.deadline]
    late = [row for row in done if row.ended_at and row.deadline and row.ended_at > row.deadline]
    late += [row for row in queued if row.deadline and row.deadline < now]
    return Morning(
        since=since,
        now=now,
        workspace=workspace,
        delivered=by["delivered"],
        parked=by["parked"],
        cancelled=tuple(row for row in rows if row.state == "cancelled"),
        running=tuple(row for row in rows if row.state == "running"),
        waiting=len(queued),
        waits=tuple((row, waits[row.id]) for row in queued if row.id in waits),
        late=tuple(late),
        fallbacks=tuple(r for r in by["delivered"] if "was taken because" in r.because),
        phases=phases,
        shifts=shifts,
        killed=gone,
        log=read_log(ledger, since=since),
        approved=approved_since(ledger, since=since),
        money=_money(ledger, costs, phases, _counted(shifts), since=since, now=now),
    )


def _counted(shifts: Sequence[ShiftRow]) -> Estimate | None:
    """What the GPUs drew while shifts were at work, where the driver told it."""
    told = [shift.joules for shift in shifts if shift.joules is not None]
    if not told:
        return None
    how = f"the driver's count in {len(told)} of {len(shifts)} shifts, of the GPU alone"
    return Estimate(sum(told) / 3.6e6, how)


def _phases(found: Mapping[str, Mapping[str, float]]) -> tuple[PhaseRow, ...]:
    names = [*PHASES, *sorted({name for one in found.values() for name in one} - set(PHASES))]
    totals = {name: sum(one.get(name, 0.0) for one in found.values()) for name in names}
    return tuple(
        PhaseRow(name, total, total / len(found)) for name, total in totals.items() if total > 0
    )


def _money(
    ledger: Ledger,
    costs: Costs | None,
    phases: Sequence[PhaseRow],
    counted: Estimate | None,
    *,
    since: datetime,
    now: datetime,
) -> Money:
    local = now.astimezone()
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year = month.replace(month=1)
    clips = phases_since(ledger, since=now - timedelta(days=90))
    worked = [sum(one.values()) for one in clips.values()]
    return reckon(
        costs,
        seconds=sum(row.seconds for row in phases),
        approved=approved_since(ledger, since=since),
        approved_month=approved_since(ledger, since=month),
        approved_year=approved_since(ledger, since=year),
        seconds_month=_worked(ledger, month),
        seconds_year=_worked(ledger, year),
        seconds_each=sum(worked) / len(worked) if worked else 0.0,
        counted=counted,
    )


def _worked(ledger: Ledger, since: datetime) -> float:
    return sum(sum(one.values()) for one in phases_since(ledger, since=since).values())


def reckon(
    costs: Costs | None,
    *,
    seconds: float,
    approved: int,
    approved_month: int,
    approved_year: int,
    seconds_month: float,
    seconds_year: float,
    seconds_each: float,
    counted: Estimate | None = None,
) -> Money:
    """The money of a report. Pure.

    Cost is that of electricity alone: machine and people are not in it, and it says so. Where the
    brand does not say what the machine draws, it is that of the GPU, as its driver counted it.
    """
    if costs is None:
        return Money(counted=counted, missing=("costs in brand.yaml",))
    names = ("watts", "price_per_kwh", "former_cost_per_clip", "former_clips_per_month")
    missing = tuple(f"costs: {name}" for name in names if getattr(costs, name) is None)
    capacity = None
    if seconds_each > 0:
        nights = 30 * NIGHT_HOURS * 3600 / seconds_each
        how = f"30 nights of {NIGHT_HOURS:g} hours, {seconds_each:.0f} s a clip as in 90 days"
        capacity = Estimate(nights, how)
    energy = per_approved = None
    if costs.watts is not None:
        kwh = costs.watts * seconds / 3.6e6
        energy = Estimate(kwh, f"{costs.watts:g} W for {seconds / 3600:.2f} hours of work")
    if (drawn := energy or counted) and costs.price_per_kwh is not None and approved:
        each = drawn.value * costs.price_per_kwh / approved
        what = "electricity alone" if energy else "electricity of the GPU alone"
        per_approved = Estimate(each, f"{what}, {approved} approved clips")
    return Money(
        currency=costs.currency,
        counted=counted,
        energy=energy,
        per_approved=per_approved,
        saved_month=_saved(costs, approved_month, seconds_month),
        saved_year=_saved(costs, approved_year, seconds_year),
        capacity=capacity,
        former_per_month=costs.former_clips_per_month,
        missing=missing,
    )


def _saved(costs: Costs, approved: int, seconds: float) -> Estimate | None:
    former, price, watts = costs.former_cost_per_clip, costs.price_per_kwh, costs.watts
    if former is None or price is None or watts is None or not approved:
        return None
    spent = watts * seconds / 3.6e6 * price
    how = f"{approved} approved clips at {former:g} before, less {spent:.2f} of electricity"
    return Estimate(approved * former - spent, how)

"""What became slower or faster since an earlier evening, and what else changed in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from reelkiln.kiln.comparison import Report
from reelkiln.kiln.trial import Trial

__all__ = ["SLOWER", "Change", "changes", "differing"]

SLOWER = 0.10
"""The share by which a pace must differ before it is told: repeats of one render differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How the pace of one series changed since an earlier report, and what else did."""

    what: str
    before: str
    share: float
    because: tuple[str, ...]

    def __str__(self) -> str:
        """One line for a person.

        >>> str(Change(what="spark draft 9:16, 2 s", before="2026-11-01", share=0.25,
        ...     because=("diffusers 0.42.0, then 0.42.1",)))
        'spark draft 9:16, 2 s: slower than on 2026-11-01 by 25 % (diffusers 0.42.0, then 0.42.1)'
        """
        way = "slower" if self.share > 0 else "faster"
        why = f" ({'; '.join(self.because)})" if self.because else ""
        return f"{self.what}: {way} than on {self.before} by {abs(self.share):.0%}{why}".replace(
            "%", " %"
        )


def changes(now: Report, earlier: Sequence[Report]) -> tuple[Change, ...]:
    """Where a pace differs by a tenth and more from the latest earlier one, and what else did.

    Only runs of the same machine, model, preset, shape, size and steps are held against each other.
    """
    found = []
    for key, paces in _paces(now).items():
        before = next((r for r in reversed(earlier) if r is not now and key in _paces(r)), None)
        if before is None:
            continue
        share = median(paces) / median(_paces(before)[key]) - 1
        if abs(share) >= SLOWER:
            found.append(
                Change(
                    what=" ".join(key[1:4]),
                    before=_moment(before.when, now.when),
                    share=share,
                    because=(
                        *differing(before.versions, now.versions),
                        *_other_way(_ways(before)[key], _ways(now)[key]),
                    ),
                )
            )
    return tuple(sorted(found, key=lambda change: -change.share))


def _moment(before: str, now: str) -> str:
    """The date of an evening, with its time where that is of the same day (both ISO 8601).

    >>> _moment("2026-11-01T19:30:00+00:00", "2026-11-26T20:00:00+00:00")
    '2026-11-01'
    >>> _moment("2026-11-26T19:30:00+00:00", "2026-11-26T20:00:00+00:00")
    '2026-11-26 at 19:30'
    """
    return before[:10] if before[:10] != now[:10] else f"{before[:10]} at {before[11:16]}"


def _paces(report: Report) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = {}
    for t in report.trials:
        if t.pace:
            found.setdefault(_key(report, t), []).append(t.pace)
    return found


def _key(report: Report, trial: Trial) -> tuple[str, ...]:
    """What must be the same in two trials for their paces to be compared."""
    asked = (trial.model, trial.preset, str(trial.shape))
    return (report.machine, *asked, str(trial.size), str(trial.steps))


def _ways(report: Report) -> dict[tuple[str, ...], str]:
    """How each series was arranged."""
    return {_key(report, trial): trial.rung for trial in report.trials if trial.pace}


def _other_way(before: str, now: str) -> tuple[str, ...]:
    return (f"{before}, then {now}",) if before and before != now else ()


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The versions that differ, by name: old, then new."""
    return tuple(
        f"{name} {before.get(name, 'none')}, then {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )

"""What the trials of one evening come to: a row for each model, and what changed since the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from reelkiln.kiln.trial import Trial
from reelkiln.plan.card import Card

__all__ = ["SLOWER", "Change", "Quality", "Report", "Summary", "changes", "qualities", "summaries"]

SLOWER = 0.10
"""The share by which a pace must differ before it is told: repeats of one render differ by less."""

SHOWN = ("softness", "contrast", "flicker", "frozen_run", "jump", "leap", "score", "alignment")
"""The gate's figures that the table shows, where they were measured."""
_JOULES_PER_WH = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured at once. `when` is ISO 8601 with its zone; `versions` names reelkiln,
    the model libraries and the GPU's driver; `whole` is False where somebody stopped it."""

    when: str
    machine: str
    versions: Mapping[str, str]
    trials: tuple[Trial, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One model at one preset. Seconds, bytes, watt-hours; None: not known.

    `pace` is the median of seconds of compute for a second of video, `paces` the same by shape.
    `load` is the median of the first runs. `spread` is the largest difference between repeats of
    one run, as a share of it; `same` says whether repeats gave the same pixels. `marks` are medians
    of the gate's figures.
    """

    model: str
    title: str
    family: str
    preset: str
    licence: str
    commercial: str
    runs: int
    failed: int
    failures: tuple[str, ...]
    pace: float | None = None
    paces: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None
    peak_vram: int = 0
    peak_ram: int = 0
    wh_per_second: float | None = None
    kept: int = 0
    spread: float | None = None
    same: bool | None = None
    marks: Mapping[str, float] = field(default_factory=dict)

    def cost(self, per_kwh: float, watts: float | None = None) -> float | None:
        """What electricity for a second of video costs; None where the energy is not known.

        Args:
            per_kwh: the price of a kilowatt-hour, in any currency.
            watts: what the computer draws while it renders, where its driver tells nothing.
        """
        if self.wh_per_second is not None:
            return self.wh_per_second / 1000 * per_kwh
        if watts is None or self.pace is None:
            return None
        return self.pace * watts / _JOULES_PER_WH / 1000 * per_kwh


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a preset gains and costs against the one with the most steps, on the same seeds.

    `faster` is how many times less it takes. `psnr` is the median likeness in dB (higher is nearer;
    few-step models draw other pictures, so it says how different, not how bad). `marks` are the
    gate's medians less those of the other.
    """

    model: str
    preset: str
    against: str
    steps: int
    faster: float
    psnr: float | None
    kept: str
    marks: Mapping[str, float]


def summaries(report: Report, cards: Mapping[str, Card]) -> tuple[Summary, ...]:
    """A row for each model and preset, in the order they were measured."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in report.trials:
        groups.setdefault((trial.model, trial.preset), []).append(trial)
    return tuple(_summary(trials, cards.get(name)) for (name, _), trials in groups.items())


def _summary(trials: Sequence[Trial], card: Card | None) -> Summary:
    first, good = trials[0], [trial for trial in trials if not trial.failure]
    licence = card.licence if card else None
    read = licence is not None and licence.state == "read"
    spread, same = _repeats(good)
    energy = [t.joules / _JOULES_PER_WH / t.video for t in good if t.joules is not None and t.video]
    return Summary(
        model=first.model,
        title=card.title if card else first.model,
        family=first.family,
        preset=first.preset,
        licence=licence.name if licence else "not known",
        commercial=licence.commercial if licence and read else "not verified",
        runs=len(trials),
        failed=len(trials) - len(good),
        failures=tuple(dict.fromkeys(trial.failure for trial in trials if trial.failure)),
        pace=_median(trial.pace for trial in good),
        paces={str(shape): pace for shape, pace in _by_shape(good).items()},
        phases=_medians([trial.took for trial in good if trial.video]),
        load=_median(trial.took.get("load") for trial in good if trial.took.get("load")),
        peak_vram=max((trial.peak_vram for trial in good), default=0),
        peak_ram=max((trial.peak_ram for trial in good), default=0),
        wh_per_second=_median(energy),
        kept=sum(trial.kept for trial in good),
        spread=spread,
        same=same,
        marks={k: v for k, v in _medians([t.marks for t in good]).items() if k in SHOWN},
    )


def _by_shape(trials: Sequence[Trial]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for trial in trials:
        if trial.pace is not None:
            found.setdefault(f"{trial.shape} ({trial.size})", []).append(trial.pace)
    return {shape: median(paces) for shape, paces in found.items()}


def _repeats(trials: Sequence[Trial]) -> tuple[float | None, bool | None]:
    """The largest spread of seconds among repeats, and whether their pixels were the same."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((str(trial.shape), trial.prompt), []).append(trial)
    repeated = [group for group in groups.values() if len(group) > 1]
    if not repeated:
        return None, None
    seconds = [[trial.render_seconds for trial in group] for group in repeated]
    spreads = [(max(each) - min(each)) / median(each) for each in seconds if median(each)]
    same = all(len({trial.sha256 for trial in group}) == 1 for group in repeated)
    return max(spreads, default=0.0), same


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _medians(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: median([t[name] for t in tables if name in t]) for name in names}


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
                    before=before.when[:10],
                    share=share,
                    because=_differing(before.versions, now.versions),
                )
            )
    return tuple(sorted(found, key=lambda change: -change.share))


def _paces(report: Report) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = {}
    for t in report.trials:
        if t.pace:
            key = (report.machine, t.model, t.preset, str(t.shape), str(t.size), str(t.steps))
            found.setdefault(key, []).append(t.pace)
    return found


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{name} {before.get(name, 'none')}, then {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )


def qualities(report: Report) -> tuple[Quality, ...]:
    """Each model's presets against its one with the most steps; empty where only one was run."""
    groups: dict[str, dict[str, list[Trial]]] = {}
    for trial in report.trials:
        if not trial.failure:
            groups.setdefault(trial.model, {}).setdefault(trial.preset, []).append(trial)
    return tuple(
        _quality(presets[name], presets[full])
        for presets in groups.values()
        for full in [max(presets, key=lambda name: presets[name][0].steps)]
        for name in presets
        if name != full
    )


def _quality(trials: Sequence[Trial], full: Sequence[Trial]) -> Quality:
    first = trials[0]
    own, others = (_medians([t.marks for t in each]) for each in (trials, full))
    pace, slow = (_median(t.pace for t in each) or 0.0 for each in (trials, full))
    return Quality(
        model=first.model,
        preset=first.preset,
        against=full[0].preset,
        steps=first.steps,
        faster=slow / pace if pace else 0.0,
        psnr=_median(trial.psnr for trial in trials),
        kept=f"{sum(t.kept for t in trials)} of {len(trials)}",
        marks={name: own[name] - others[name] for name in SHOWN if name in own and name in others},
    )

"""What the trials of one evening come to: a row for each model, and one for each quicker preset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from reelkiln.kiln.trial import Trial
from reelkiln.plan.card import Card

__all__ = ["Quality", "Report", "Summary", "qualities", "summaries"]

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
    `load` is the median of the first runs. `spread` is the largest difference of denoising and
    decoding between clips of one shape, as a share of it, without the first clip of each process,
    which takes longer; `same` says whether repeats gave the same pixels. `marks` are medians
    of the gate's figures. `foretold` is predicted over measured, medians for "seconds" (of
    rendering), "vram" and "ram", as `by` predicts. `rungs` are the ways in which it was arranged.
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
    foretold: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
    rungs: tuple[str, ...] = ()
    steps: int = 0
    own_ram: int = 0

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
class Quality:
    """What a preset gains and costs against the one with the most steps, on the same seeds.

    `faster` is how many times less a clip takes. `psnr` in dB and `ssim` (at most 1) say how near
    the pictures are (few-step models draw other pictures, so they say how different, not how bad).
    `marks` are the gate's figures less those of the other's clip. All are medians over clips.
    """

    model: str
    preset: str
    against: str
    steps: int
    faster: float
    psnr: float | None
    ssim: float | None
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
        foretold=_medians([_foretold(trial) for trial in good]),
        by="; ".join(dict.fromkeys(trial.by for trial in good if trial.by)),
        rungs=tuple(dict.fromkeys(trial.rung for trial in good if trial.rung)),
        own_ram=max((trial.own_ram for trial in good), default=0),
        steps=max((trial.steps for trial in good), default=0),
    )


def _foretold(trial: Trial) -> dict[str, float]:
    """Predicted over measured; what is not known on either side is left out."""
    pairs = {
        "seconds": (trial.counted - trial.counted_start, trial.render_seconds),
        "vram": (trial.counted_vram, trial.peak_vram),
        "ram": (trial.counted_ram, trial.peak_ram),
    }
    return {name: told / took for name, (told, took) in pairs.items() if told > 0 and took > 0}


def _by_shape(trials: Sequence[Trial]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for trial in trials:
        if trial.pace is not None:
            found.setdefault(f"{trial.shape} ({trial.size})", []).append(trial.pace)
    return {shape: median(paces) for shape, paces in found.items()}


def _repeats(trials: Sequence[Trial]) -> tuple[float | None, bool | None]:
    """The largest spread of seconds in a shape, and whether repeats had the same pixels."""
    warm: dict[str, list[float]] = {}
    alike: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        alike.setdefault((str(trial.shape), trial.prompt), []).append(trial)
        if not trial.took.get("load"):
            drawing = trial.took.get("denoise", 0.0) + trial.took.get("decode", 0.0)
            warm.setdefault(str(trial.shape), []).append(drawing)
    spreads = [
        (max(each) - min(each)) / median(each)
        for each in warm.values()
        if len(each) > 1 and median(each)
    ]
    repeated = [group for group in alike.values() if len(group) > 1]
    same = all(len({trial.sha256 for trial in group}) == 1 for group in repeated)
    return max(spreads, default=None), same if repeated else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _medians(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: median([t[name] for t in tables if name in t]) for name in names}


def qualities(report: Report) -> tuple[Quality, ...]:
    """Each model's presets against its one with the most steps, clip by clip; empty where only one
    was run.

    Clips without a counterpart of the same shape, words and repeat do not count: an evening that
    somebody stopped has some.
    """
    groups: dict[str, dict[str, list[Trial]]] = {}
    for trial in report.trials:
        if not trial.failure:
            groups.setdefault(trial.model, {}).setdefault(trial.preset, []).append(trial)
    return tuple(
        _quality(pairs)
        for presets in groups.values()
        for full in [max(presets, key=lambda name: presets[name][0].steps)]
        for name in presets
        if name != full and (pairs := _pairs(presets[name], presets[full]))
    )


def _pairs(trials: Sequence[Trial], full: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    """Clips of two presets that differ in nothing else."""
    by_wish = {_wished(trial): trial for trial in full}
    return [(t, by_wish[_wished(t)]) for t in trials if _wished(t) in by_wish]


def _wished(trial: Trial) -> tuple[str, str, int]:
    return str(trial.shape), trial.prompt, trial.repeat


def _quality(pairs: Sequence[tuple[Trial, Trial]]) -> Quality:
    first, full = pairs[0]
    gains = [slow.pace / quick.pace for quick, slow in pairs if quick.pace and slow.pace]
    gaps = [
        {name: own.marks[name] - other.marks[name] for name in SHOWN if name in own.marks}
        for own, other in pairs
        if own.marks.keys() == other.marks.keys()
    ]
    return Quality(
        model=first.model,
        preset=first.preset,
        against=full.preset,
        steps=first.steps,
        faster=_median(gains) or 0.0,
        psnr=_median(own.psnr for own, _ in pairs),
        ssim=_median(own.ssim for own, _ in pairs),
        kept=f"{sum(own.kept for own, _ in pairs)} of {len(pairs)}",
        marks=_medians(gaps),
    )

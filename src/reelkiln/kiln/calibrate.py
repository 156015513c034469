"""From trials to the figures that plans on this machine go by, and where these are kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TypeAlias

from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.partfile import write_bytes
from reelkiln.kiln.bench import machine_words
from reelkiln.kiln.trial import Trial
from reelkiln.plan.attempt import Formula
from reelkiln.plan.calibration import Calibration, Kind, Line, Measured, fit_line
from reelkiln.plan.form import read, write
from reelkiln.plan.machine import Machine

__all__ = ["Learnt", "calibrated", "keep_calibration", "learnt"]

FORMAT = 2
NAME = "calibration.json"
LEAST_RUNS = 2
"""One clip alone says nothing about how much clips differ."""
NOISY = 0.25
"""The share by which a clip may take longer or shorter than the fit before somebody else is taken
to have used the machine."""
STRAY = 0.25
"""The share of a kind's clips that may be noisy so: the fit goes by medians."""
_MOMENT = 0.5
"""Seconds that any system may take for itself, however calm."""
LEAST, MOST = 0.5, 4.0
"""Bytes over counted bytes beyond these are held at them: the formula is not as wrong as that."""
MARGIN = 1.05
"""On the largest peak that was seen: the next shape may be a little worse."""


_Pair: TypeAlias = tuple[Trial, Formula]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an evening taught, and a line for each kind that it did not, with the reason."""

    calibration: Calibration
    refused: tuple[str, ...]


def learnt(trials: Sequence[Trial], on: str) -> Learnt:
    """The figures of each kind that was measured well; `on` is the date, ISO 8601.

    Failed trials teach nothing, nor do those that ran another way than was planned.
    """
    groups: dict[Kind, list[_Pair]] = {}
    other_ways = []
    for trial in trials:
        if trial.kind is not None and trial.formula is not None:
            groups.setdefault(trial.kind, []).append((trial, trial.formula))
        elif not trial.failure:
            other_ways.append(f"{trial.model} ({trial.preset}): ran another way than was planned")
    known: list[Measured] = []
    refused = []
    for kind, pairs in groups.items():
        made = _measured(kind, pairs, on)
        if why := _noise(made, pairs):
            refused.append(f"{kind.model} ({kind.preset}, {kind.rung}): {why}")
        else:
            known.append(made)
    known = [replace(each, encode=_encode(each, known)) for each in known]
    return Learnt(Calibration(known=tuple(known)), (*refused, *dict.fromkeys(other_ways)))


def _encode(one: Measured, known: Sequence[Measured]) -> float:
    """What a new sentence takes, by whichever kind of the model met one: the others knew it."""
    model, device = one.kind.model, one.kind.device
    return max(e.encode for e in known if (e.kind.model, e.kind.device) == (model, device))


def _warm(pairs: Sequence[_Pair]) -> Sequence[_Pair]:
    """Without the first clip of each process, where there are others."""
    return [pair for pair in pairs if not _first(pair[0])] or pairs


def _first(trial: Trial) -> bool:
    return bool(trial.took.get("load"))


def _measured(kind: Kind, pairs: Sequence[_Pair], on: str) -> Measured:
    warm = _warm(pairs)
    starts = [t.took["load"] / f.spent.start for t, f in pairs if _first(t)]
    made = Measured(
        kind=kind,
        on=on,
        runs=len(pairs),
        start=round(median(starts), 4) if starts else 1.0,
        encode=round(_new_words(pairs, warm), 4),
        denoise=_line((f.spent.denoise, t.took.get("denoise", 0.0), f.segments) for t, f in warm),
        decode=_line((f.spent.decode, t.took.get("decode", 0.0), f.segments) for t, f in warm),
        vram=_largest([(t.peak_vram, f.peak_bytes) for t, f in pairs]),
        ram=_largest([(t.peak_ram, f.ram_bytes) for t, f in pairs]),
    )
    longer = [_took(t) - _fit(made, f) for t, f in pairs if _first(t)] if warm != pairs else []
    return replace(made, first=round(max(0.0, median(longer)), 4) if longer else 0.0)


def _new_words(pairs: Sequence[_Pair], warm: Sequence[_Pair]) -> float:
    """Seconds of encoding a new sentence: of those that took about as long as the longest, since
    others were known; of warm clips where one of them met a new one."""
    most = max(trial.took.get("encode", 0.0) for trial, _ in pairs)
    for clips in (warm, pairs):
        found = [trial.took.get("encode", 0.0) for trial, _ in clips]
        if new := [seconds for seconds in found if seconds >= most / 4]:
            return median(new)
    return 0.0


def _took(trial: Trial) -> float:
    return trial.took.get("denoise", 0.0) + trial.took.get("decode", 0.0)


def _fit(made: Measured, formula: Formula) -> float:
    """Seconds of denoising and decoding by the fit."""
    spent, segments = formula.spent, formula.segments
    return made.denoise.at(spent.denoise, segments) + made.decode.at(spent.decode, segments)


def _line(points: Iterable[tuple[float, float, int]]) -> Line:
    """The fit of (counted, measured, segments), for one segment."""
    made = fit_line([(counted / n, seconds / n) for counted, seconds, n in points])
    return Line(round(made.fixed, 6), round(made.slope, 6))


def _largest(pairs: Sequence[tuple[int, int]]) -> float:
    shares = [seen / counted for seen, counted in pairs if seen and counted]
    return round(min(MOST, max(LEAST, max(shares) * MARGIN)), 4) if shares else 1.0


def _noise(made: Measured, pairs: Sequence[_Pair]) -> str:
    """Why these trials teach nothing, or an empty string."""
    if len(pairs) < LEAST_RUNS:
        return "one clip says too little, measure with --repeats 2"
    warm = _warm(pairs)
    apart = [share for pair in warm if (share := _apart(made, *pair)) > NOISY]
    # The fit goes by medians: some clips that something came between do not move it.
    if len(apart) <= len(warm) * STRAY:
        return ""
    return (
        f"{len(apart)} of {len(warm)} clips took up to {max(apart) * 100:.0f} % more or less than"
        " the others say, close other programs"
    )


def _apart(made: Measured, trial: Trial, formula: Formula) -> float:
    """How far a clip's denoising and decoding lie from the fit, as a share of the fit."""
    fit, took = _fit(made, formula), _took(trial)
    return abs(took / fit - 1) if fit and abs(took - fit) > _MOMENT else 0.0


def keep_calibration(new: Calibration, machine: Machine, state: Path) -> Path:
    """Add what was learnt to what this machine's state holds, and return the file's path.

    Raises:
        UsageError, DiskFull: the folder does not take it.
    """
    merged = _load(machine, state).with_more(new)
    data = {"format": FORMAT, "machine": machine_words(machine), **write(merged)}
    with on_disk(state):
        state.mkdir(parents=True, exist_ok=True)
    write_bytes(state / NAME, json.dumps(data, indent=1).encode("utf-8"))
    return state / NAME


def calibrated(machine: Machine, state: Path) -> Machine:
    """The machine with what was measured on it; as it is where nothing was, or on another one."""
    known = _load(machine, state)
    return replace(machine, measured=known) if known.known else machine


def _load(machine: Machine, state: Path) -> Calibration:
    try:
        data = json.loads((state / NAME).read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT or data.pop("machine") != machine_words(machine):
            return Calibration()
        known: Calibration = read(Calibration, data, NAME)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, UsageError):
        return Calibration()
    return known

"""From trials to the factors that plans on this machine are told by, and where these are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from reelkiln.errors import UsageError
from reelkiln.film.partfile import write_bytes
from reelkiln.kiln.bench import machine_words
from reelkiln.kiln.trial import Trial
from reelkiln.plan.calibration import Calibration, Device, Measured
from reelkiln.plan.form import read, write
from reelkiln.plan.machine import Machine

__all__ = ["calibrated", "keep_calibration", "learnt"]

FORMAT = 1
NAME = "calibration.json"
LEAST, MOST = 0.5, 4.0
"""Factors beyond these are held at them: the counted figures are not as wrong as that, something
else was going on while it was measured."""
MARGIN = 1.05
"""On the largest peak that was seen: the next shape may be a little worse."""


def learnt(trials: Sequence[Trial], on: str) -> Calibration:
    """The factors of each model and device that was measured; `on` is the date, ISO 8601.

    The trials must have been planned without an earlier calibration.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.failure and trial.device in ("cpu", "cuda"):
            groups.setdefault(_key(trial), []).append(trial)
    return Calibration(models={key: _measured(group, on) for key, group in groups.items()})


def _key(trial: Trial) -> str:
    device: Device = "cuda" if trial.device == "cuda" else "cpu"
    return Calibration.key(trial.model, device)


def _measured(trials: Sequence[Trial], on: str) -> Measured:
    starts = [t.took["load"] / t.counted_start for t in trials if t.took.get("load")]
    renders = [
        t.render_seconds / (t.counted - t.counted_start)
        for t in trials
        if t.counted > t.counted_start
    ]
    return Measured(
        on=on,
        start=_held(median(starts)) if starts else 1.0,
        render=_held(median(renders)) if renders else 1.0,
        vram=_held(_largest([(t.peak_vram, t.counted_vram) for t in trials])),
        ram=_held(_largest([(t.peak_ram, t.counted_ram) for t in trials])),
    )


def _largest(pairs: Sequence[tuple[int, int]]) -> float:
    shares = [seen / counted for seen, counted in pairs if seen and counted]
    return max(shares) * MARGIN if shares else 1.0


def _held(factor: float) -> float:
    return round(min(MOST, max(LEAST, factor)), 4)


def keep_calibration(new: Calibration, machine: Machine, state: Path) -> Path:
    """Add what was learnt to what this machine's state holds, and return the file's path.

    Raises:
        UsageError, DiskFull: the folder does not take it.
    """
    known = _load(machine, state)
    merged = Calibration(models={**known.models, **new.models})
    data = {"format": FORMAT, "machine": machine_words(machine), **write(merged)}
    state.mkdir(parents=True, exist_ok=True)
    write_bytes(state / NAME, json.dumps(data, indent=1).encode("utf-8"))
    return state / NAME


def calibrated(machine: Machine, state: Path) -> Machine:
    """The machine with what was measured on it; as it is where nothing was, or on another one."""
    known = _load(machine, state)
    return replace(machine, measured=known) if known.models else machine


def _load(machine: Machine, state: Path) -> Calibration:
    try:
        data = json.loads((state / NAME).read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT or data.pop("machine") != machine_words(machine):
            return Calibration()
        known: Calibration = read(Calibration, data, NAME)
    except (OSError, ValueError, KeyError, AttributeError, UsageError):
        return Calibration()
    return known

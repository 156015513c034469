"""Which series an evening of measuring consists of, and running them all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from reelkiln.errors import FilmError
from reelkiln.film.take import read_take
from reelkiln.gate.alike import Likeness, likeness
from reelkiln.kiln.trial import QUICK, USUAL, Series, Trial, run_series
from reelkiln.kiln.watch import Watch
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine
from reelkiln.plan.wish import find_preset
from reelkiln.reel import Clip

__all__ = ["measure", "series_for"]


def series_for(
    cards: Sequence[Card],
    *,
    preset: str | None = None,
    quick: bool = False,
    repeats: int = 2,
    quality: bool = False,
) -> tuple[Series, ...]:
    """What to run: each card at each shape, with one preset, or with all of them for `quality`.

    With `quality`, the preset of most steps comes first: the others are held against it. `quick`
    is one prompt and one shape.

    Raises:
        UnknownName: a card has no such preset.
    """
    made: list[Series] = []
    for card in cards:
        chosen = preset or card.default_preset
        find_preset(card, chosen)
        names = [chosen]
        if quality:
            names = sorted(card.presets, key=lambda name: -card.presets[name].steps)
        made += [
            Series(
                card=card,
                preset=name,
                shape=shape,
                prompts=1 if quick else 3,
                repeats=repeats,
            )
            for shape in (QUICK if quick else USUAL)
            for name in _different(card, names)
        ]
    return tuple(made)


def _different(card: Card, names: Sequence[str]) -> list[str]:
    """The presets of which no two are the same under another name."""
    seen: list[str] = []
    for name in names:
        if all(card.presets[name] != card.presets[other] for other in seen):
            seen.append(name)
    return seen


def measure(
    wanted: Sequence[Series],
    *,
    machine: Machine,
    cache: Path | None,
    scratch: Path,
    watch: Watch,
    joules: Callable[[], float | None] = lambda: None,
) -> Generator[Trial, None, None]:
    """Run all series; each trial is handed out as soon as it is measured.

    Args:
        scratch: an existing folder for takes; it is emptied as soon as they are not needed.

    Raises:
        whatever `watch` raises: what was handed out before stays measured.
    """
    full: Path | None = None
    for number, series in enumerate(wanted):
        folder = scratch / str(number)
        first = number == 0 or _pair(wanted[number - 1]) != _pair(series)
        if first and full is not None:
            shutil.rmtree(full, ignore_errors=True)
        for run, trial in enumerate(
            run_series(
                series, machine=machine, cache=cache, folder=folder, watch=watch, joules=joules
            )
        ):
            near = None
            if full is not None and not first and not trial.failure:
                near = _likeness(full / str(run), folder / str(run))
            yield replace(trial, psnr=near.psnr, ssim=near.ssim) if near else trial
        if first:
            full = folder
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _pair(series: Series) -> tuple[str, str]:
    return series.card.name, str(series.shape)


def _likeness(one: Path, other: Path) -> Likeness | None:
    """How near two runs are; None where one of them has no takes, or none that is whole."""
    lefts, rights = (sorted(folder.glob("*.npy")) for folder in (one, other))
    if not lefts or len(lefts) != len(rights):
        return None
    try:
        return likeness(_clips(lefts), _clips(rights))
    except FilmError:  # the disk was full
        return None


def _clips(takes: Sequence[Path]) -> Iterator[Clip]:
    for take in takes:
        yield from read_take(take, Fraction(1))

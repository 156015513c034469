"""`reelkiln bench`: how fast, how large and how steady the models are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.bench_told import (
    announce,
    evening_of,
    line_of,
    show,
    tell_learnt,
    write_files,
)
from reelkiln.cli.console import show_error
from reelkiln.cli.options import Json, PresetName, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from reelkiln.errors import ReelkilnError
    from reelkiln.kiln.comparison import Report
    from reelkiln.kiln.trial import Series, Trial
    from reelkiln.plan.card import Card
    from reelkiln.plan.machine import Machine
    from reelkiln.workshop.open import Workshop

__all__ = ["bench"]

HISTORY = "bench"


def bench(
    *,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Only this one; may be said several times."),
    ] = None,
    preset: PresetName = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One prompt and one shape instead of three and three.")
    ] = False,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", metavar="N", min=1, max=20, help="How often the first prompt is rendered."
        ),
    ] = 2,
    quality: Annotated[
        bool,
        typer.Option("--quality", help="All presets, held against the one with the most steps."),
    ] = False,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Let plans on this machine go by what was measured."),
    ] = False,
    price: Annotated[
        float | None,
        typer.Option("--price", metavar="N", min=0, help="What a kilowatt-hour costs: 0.30"),
    ] = None,
    currency: Annotated[
        str, typer.Option("--currency", metavar="TEXT", help="Of the price: EUR")
    ] = "",
    watts: Annotated[
        float | None,
        typer.Option(
            "--watts",
            metavar="N",
            min=0,
            help="What this computer draws while it renders, where its driver cannot tell.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table as Markdown.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure the installed models here: seconds, memory, energy, steadiness, the gate's figures.

    Every model on this disk is rendered with the same words and shapes. Ctrl-C keeps what was
    measured. Each evening is kept, so that an update that makes something slower shows.
    """
    from reelkiln.kiln.apart import probe_apart
    from reelkiln.kiln.benchmark import series_for
    from reelkiln.kiln.calibrate import calibrated
    from reelkiln.kiln.history import kept_reports
    from reelkiln.studio.bench import Priced
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    _check_targets(html, markdown)
    workshop = open_workshop(current_folder(), read_settings())
    cards = _cards(model, workshop.settings.cache)
    wanted = series_for(cards, preset=preset, quick=quick, repeats=repeats, quality=quality)
    earlier = kept_reports(workshop.state / HISTORY)
    machine = calibrated(probe_apart(), workshop.state)
    report, stopped = _measured(wanted, machine, workshop, quiet=quiet)
    lost: list[ReelkilnError] = []
    with _told_last(lost):
        _keep(report, workshop.state, machine if calibrate else None)
    evening = evening_of(
        report, cards, earlier, priced=Priced(price, currency, watts), quality=quality
    )
    with _told_last(lost):
        write_files(evening, html, markdown)
    if not (stopped and json):  # the one object on stdout says that it was stopped
        show(evening, as_json=json)
    for error in lost:
        show_error(error, as_json=False)
    if stopped:
        raise KeyboardInterrupt
    if lost:
        raise typer.Exit(lost[0].exit_code)
    if all(trial.failure for trial in report.trials):
        raise typer.Exit(1)


def _keep(report: Report, state: Path, machine: Machine | None) -> None:
    """Keep an evening, and let plans on this machine, where it is given, go by it.

    Raises:
        UsageError, DiskFull, FilmError: the state's folder does not take it.
    """
    from reelkiln.kiln.calibrate import keep_calibration, learnt
    from reelkiln.kiln.history import keep_report

    if report.trials:
        keep_report(report, state / HISTORY)
    if machine is not None:
        new = learnt(report.trials, report.when[:10])
        kept = new.calibration.known
        tell_learnt(new, keep_calibration(new.calibration, machine, state) if kept else None)


@contextmanager
def _told_last(lost: list[ReelkilnError]) -> Iterator[None]:
    """What the disk refuses inside is told at the end: the figures of an evening are shown all the
    same."""
    from reelkiln.errors import DiskFull, FilmError, UsageError

    try:
        yield
    except (DiskFull, FilmError, UsageError) as error:
        lost.append(error)


def _check_targets(*targets: Path | None) -> None:
    """Refuse before an hour of measuring what could not be written after it."""
    from reelkiln.film.partfile import check_target

    for target in targets:
        if target is not None:
            check_target(target)


def _cards(names: list[str] | None, cache: Path | None) -> list[Card]:
    """The models asked for, else all that are on this disk.

    Raises:
        UnknownName: there is no such model.
        WeightsMissing: one that was asked for is not on this disk.
    """
    from reelkiln.models.cards import find_card, load_cards
    from reelkiln.models.installed import is_installed, locate

    if names:
        cards = [find_card(name) for name in dict.fromkeys(names)]
        for card in cards:
            locate(card, card.default_preset, cache)
        return cards
    every = [each for card in load_cards().values() for each in card.each_set]
    return [card for card in every if is_installed(card, card.default_preset, cache)]


def _measured(
    wanted: Sequence[Series], machine: Machine, workshop: Workshop, *, quiet: bool
) -> tuple[Report, bool]:
    """The report of everything that was measured, and whether Ctrl-C cut it short."""
    from datetime import UTC, datetime

    from reelkiln import __version__
    from reelkiln.backends.energy import gpu_meter
    from reelkiln.backends.probe import versions
    from reelkiln.kiln.bench import machine_words
    from reelkiln.kiln.benchmark import measure
    from reelkiln.kiln.comparison import Report
    from reelkiln.kiln.watch import Watch

    trials: list[Trial] = []
    stopped = False
    with telling(quiet=quiet) as teller, gpu_meter() as meter, _scratch(workshop) as scratch:
        teller.note(announce(wanted, machine))
        watch = Watch(teller.progress, teller.note)
        runs = measure(
            wanted,
            machine=machine,
            cache=workshop.settings.cache,
            scratch=scratch,
            watch=watch,
            joules=meter.joules,
        )
        try:
            for trial in runs:
                trials.append(trial)
                teller.note(line_of(trial, len(trials), sum(len(one.runs) for one in wanted)))
        except KeyboardInterrupt:
            stopped = True
            runs.close()
        driver = {"driver": meter.driver} if meter.driver else {}
    report = Report(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine_words(machine),
        versions={"reelkiln": __version__, **versions(), **driver},
        trials=tuple(trials),
        whole=not stopped,
    )
    return report, stopped


@contextmanager
def _scratch(workshop: Workshop) -> Iterator[Path]:
    from reelkiln.film.faults import on_disk

    place = workshop.state / "scratch"
    with on_disk(place):
        place.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="bench-", dir=place, ignore_cleanup_errors=True)
    with folder as path:
        yield Path(path)

"""`reelkiln plan`: how a clip would be rendered, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, say, show_json, table
from reelkiln.cli.make import picked, wish_from
from reelkiln.cli.options import (
    Aspect,
    Json,
    ModelName,
    Negative,
    PresetName,
    Prompt,
    Seconds,
    Seed,
    SizeText,
    StartPicture,
)

if TYPE_CHECKING:
    from reelkiln.kiln.last_time import LastTime
    from reelkiln.plan.figures import Figures
    from reelkiln.plan.machine import Machine
    from reelkiln.plan.plan import Plan

__all__ = ["machine_for", "plan"]


def plan(
    prompt: Prompt,
    *,
    model: ModelName = None,
    preset: PresetName = None,
    seconds: Seconds = "4",
    aspect: Aspect = None,
    size: SizeText = None,
    seed: Seed = 0,
    negative: Negative = "",
    image: StartPicture = None,
    vram: Annotated[
        str | None,
        typer.Option(
            "--vram",
            metavar="SIZE",
            help="Plan for a GPU with this much memory, 4GiB; 0 is no GPU. Default: this machine.",
        ),
    ] = None,
    ram: Annotated[
        str | None,
        typer.Option(
            "--ram",
            metavar="SIZE",
            help="Plan for a machine with this much memory, 16GiB. Default: this machine.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show how a clip would be rendered, and why. Loads no model and needs no GPU."""
    from reelkiln.kiln.start import check_picture
    from reelkiln.kiln.wish import shots_of
    from reelkiln.plan.codec import plan_to_json
    from reelkiln.plan.figures import figures_of
    from reelkiln.plan.form import write
    from reelkiln.plan.walk import plan_shot
    from reelkiln.workshop.settings import read_settings

    wish = wish_from(
        prompt,
        negative=negative,
        preset=preset,
        seconds=seconds,
        aspect=aspect,
        size=size,
        seed=seed,
        count=1,
        image=image,
    )
    machine = machine_for(vram, ram)
    settings = read_settings()
    choice = picked(model or settings.model, preset, machine, settings.cache)
    (shot,) = shots_of(wish, choice.card)
    made = plan_shot(shot, choice.card, machine)
    for line in check_picture(shot, made):
        say(line)
    figures = figures_of(made, shot, choice.card, machine)
    last = None if vram or ram else _last_time(made, machine)
    if json:
        told = {"figures": write(figures), "last": None if last is None else write(last)}
        show_json({**plan_to_json(made), **told})
        return
    _show(made, choice.because, figures, last)


def machine_for(vram: str | None, ram: str | None) -> Machine:
    """This machine, or one to imagine.

    Raises:
        UsageError: no amounts of memory.
    """
    from reelkiln.backends.probe import probe
    from reelkiln.plan.machine import imagine
    from reelkiln.workshop.amounts import parse_bytes
    from reelkiln.workshop.open import current_folder, open_workshop, this_machine
    from reelkiln.workshop.settings import read_settings

    if vram is None and ram is None:
        return this_machine(open_workshop(current_folder(), read_settings()).state)
    here = None if vram is not None and ram is not None else probe()
    return imagine(
        vram=parse_bytes(vram) if vram is not None else here.vram_total if here else 0,
        ram=parse_bytes(ram) if ram is not None else here.ram_total if here else 0,
    )


def _last_time(plan: Plan, machine: Machine) -> LastTime | None:
    """What a render planned alike took here, by the ledger and by `reelkiln bench`."""
    from reelkiln.kiln.history import kept_reports
    from reelkiln.kiln.last_time import last_time
    from reelkiln.store.ledger import open_ledger
    from reelkiln.workshop.open import current_folder, open_workshop
    from reelkiln.workshop.settings import read_settings

    state = open_workshop(current_folder(), read_settings()).state
    reports = kept_reports(state / "bench")
    if not (state / "ledger.db").is_file():
        return last_time(plan, machine, None, reports)
    with open_ledger(state / "ledger.db") as ledger:
        return last_time(plan, machine, ledger, reports)


def _show(plan: Plan, because: str, figures: Figures, last: LastTime | None) -> None:
    from reelkiln.plan.reasons import duration

    out(f"model   {plan.model}: {because}")
    out(f"preset  {plan.preset}: {plan.steps} steps, guidance {plan.guidance:g}")
    frames = " + ".join(str(segment.frames) for segment in plan.segments)
    out(f"frames  {frames} of {plan.size} at {float(plan.fps):g} a second, in {plan.dtype}")
    out(f"way     {plan.rung}")
    for line in table(_foretold(plan, figures, last)):
        out(line)
    more = " and more" if figures.uncounted else ""
    out(f"takes   about {duration(plan.seconds_estimate)}{more} for one clip, loading included")
    out("because")
    for reason in plan.because:
        out(f"  {reason}")


def _foretold(
    plan: Plan, figures: Figures, last: LastTime | None
) -> list[tuple[str, str, str, str]]:
    """Predicted and last measured, side by side; nothing where nothing was measured."""
    from reelkiln.plan.reasons import duration

    then = f"measured {last.on[:10]}" if last else ""
    rows = [("", "", "predicted", then)]
    if plan.device == "cuda":
        rows.append(
            ("needs ", "GPU memory", _gib(plan.peak_bytes), _gib(last.vram) if last else "")
        )
    head = "" if plan.device == "cuda" else "needs "
    over = "over " if figures.uncounted else ""
    took = [duration(each) if each else "" for each in _seconds(last)]
    return [
        *rows,
        (head, "memory", _gib(plan.ram_bytes), _gib(last.ram) if last else ""),
        ("takes", "to load", duration(figures.start_seconds), took[0]),
        ("", "the first clip", over + duration(figures.first_seconds), took[1]),
        ("", "each further", duration(figures.further_seconds), took[2]),
    ]


def _seconds(last: LastTime | None) -> tuple[float, float, float]:
    return (last.load, last.first, last.further) if last else (0.0, 0.0, 0.0)


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"

"""`reelkiln work`: a shift that makes what waits in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.options import Json, Quiet
from reelkiln.cli.progress import telling

if TYPE_CHECKING:
    from reelkiln.cli.progress import Teller
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.renderer import Renderer
    from reelkiln.kiln.terms import ShiftEnd, Terms
    from reelkiln.kiln.worker import Shift
    from reelkiln.script.brand import Night
    from reelkiln.store.engine import Engine
    from reelkiln.workshop.open import Workshop

__all__ = ["work"]


def work(
    *,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="Stop then: 07:00, or a date and a time."),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="Stop after N clips.")
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Wait for more work when there is none.")
    ] = False,
    daily: Annotated[
        str | None,
        typer.Option("--daily", metavar="HH:MM", help="Start a shift then, every day."),
    ] = None,
    on_battery: Annotated[
        bool, typer.Option("--on-battery", help="Start although the machine runs on its battery.")
    ] = False,
    fleet: Annotated[
        str,
        typer.Option(
            "--fleet",
            metavar="WHERE",
            help="one: one process. auto: one for each GPU of this computer, or of the fleet that"
            " `reelkiln fleet desk` runs here. Or the HOST:PORT of a fleet.",
        ),
    ] = "one",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make what waits in the queue. Stop it at any moment: what was begun goes on next time."""
    from reelkiln.backends.energy import gpu_joules
    from reelkiln.kiln.apart import probe_apart
    from reelkiln.kiln.awake import awake
    from reelkiln.kiln.crash import arm_here
    from reelkiln.kiln.heaps import few_heaps
    from reelkiln.store.dbos_engine import DbosEngine
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    few_heaps()
    arm_here()
    workshop = open_workshop(current_folder(), read_settings())
    with telling(quiet=quiet or json) as teller, open_bench(workshop, probe_apart) as bench:
        night = _night(workshop)
        _check_battery(bench, allowed=on_battery or night.on_battery)
        _check_folder(workshop)
        terms = _terms(night, bench, until=until, count=count, stay=stay, daily=daily)
        engine = DbosEngine(workshop.state)
        try:
            with awake(teller.note), gpu_joules(_gpus(workshop, fleet)) as joules:
                _back_up(bench, workshop, teller)
                shift = _shift(bench, engine, workshop, terms, teller, fleet=fleet)
                shift.joules = joules
                end = shift.run()
        finally:
            engine.close()
    _show(end, json=json)


def _night(workshop: Workshop) -> Night:
    """What the workspace says of its nights."""
    from reelkiln.cli.workspace import opened
    from reelkiln.script.brand import Night

    return opened().brand.night if workshop.workspace else Night()


def _check_battery(bench: Bench, *, allowed: bool) -> None:
    from reelkiln.backends.probe import on_battery
    from reelkiln.kiln.awake import refuse_on_battery

    refuse_on_battery(bench, not allowed and on_battery())


def _check_folder(workshop: Workshop) -> None:
    from reelkiln.backends.probe import unsafe_for_databases
    from reelkiln.kiln.awake import refuse_unsafe

    refuse_unsafe(workshop.state, unsafe_for_databases(workshop.state))


def _terms(
    night: Night,
    bench: Bench,
    *,
    until: str | None,
    count: int | None,
    stay: bool,
    daily: str | None,
) -> Terms:
    from reelkiln.kiln.hours import parse_moment, parse_span, parse_time
    from reelkiln.kiln.terms import Terms

    end = until or night.until
    quiet = tuple(map(parse_span, night.quiet))
    if daily:
        return Terms(
            quiet=quiet,
            daily=parse_time(daily),
            daily_until=parse_time(end) if end else None,
            zone=_zone(night),
        )
    moment = parse_moment(end, bench.now().astimezone()) if end else None
    return Terms(until=moment, count=count, stay=stay, quiet=quiet)


def _zone(night: Night) -> str:
    from reelkiln.backends.probe import zone_name
    from reelkiln.errors import UsageError

    zone = night.zone or zone_name()
    if zone is None:
        raise UsageError(
            "this system does not say in which time zone it is",
            hint="Write it into brand.yaml: `night: {zone: Europe/Berlin}`.",
        )
    return zone


def _shift(
    bench: Bench, engine: Engine, workshop: Workshop, terms: Terms, teller: Teller, *, fleet: str
) -> Shift:
    from reelkiln.backends.probe import elapsed
    from reelkiln.kiln.watch import Watch
    from reelkiln.kiln.worker import Shift
    from reelkiln.models.cards import load_cards

    return Shift(
        bench=bench,
        engine=engine,
        renderer=_renderer(fleet, bench, workshop, teller),
        executor="gpu0",
        workspace=workshop.workspace or workshop.state,
        cards=load_cards,
        terms=terms,
        watch=Watch(teller.progress, teller.note),
        elapsed=elapsed,
    )


def _renderer(fleet: str, bench: Bench, workshop: Workshop, teller: Teller) -> Renderer:
    from reelkiln.cli.fleet import desk_of
    from reelkiln.kiln.lanes import LaneRenderer

    desk = desk_of(workshop, fleet)
    if desk is not None:
        from reelkiln.kiln.fleet import FleetRenderer

        ships = FleetRenderer(desk.address, desk.token, cache=bench.cache)
        teller.note(f"a fleet of {ships.width} GPUs at {desk.address}")
        return ships
    return LaneRenderer(bench.scratch / "latents", _gpus(workshop, fleet), cache=bench.cache)


def _gpus(workshop: Workshop, fleet: str) -> tuple[str | None, ...]:
    """This computer's GPUs that the shift uses; none where other computers render."""
    from reelkiln.cli.fleet import desk_of
    from reelkiln.kiln.children import places_here

    if desk_of(workshop, fleet) is not None:
        return ()
    return places_here() if fleet == "auto" else (None,)


def _back_up(bench: Bench, workshop: Workshop, teller: Teller) -> None:
    """A copy of the ledger every night; a shift without one is better than no shift."""
    from reelkiln.errors import ReelkilnError
    from reelkiln.store.backup import back_up_nightly

    try:
        made = back_up_nightly(bench.ledger.path, workshop.backups, now=bench.now())
    except ReelkilnError as error:
        teller.note(f"the ledger could not be backed up: {error.message}")
    else:
        if made is not None:
            teller.note(f"the ledger is backed up as {made.path.name}")


def _show(end: ShiftEnd, *, json: bool) -> None:
    if json:
        show_json(
            {
                "why": end.why,
                "delivered": list(end.delivered),
                "parked": list(end.parked),
                "cancelled": list(end.cancelled),
            }
        )
        return
    counts = [f"{len(end.delivered)} delivered"]
    counts += [f"{len(end.parked)} parked for a person"] if end.parked else []
    counts += [f"{len(end.cancelled)} cancelled"] if end.cancelled else []
    out(f"the shift is over: {end.why}; {', '.join(counts)}")
    say("next: `reelkiln report` says what became of each")

"""Cards of the family without weights, a bench to produce on, and shots."""

import itertools
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from reelkiln.film.label import open_signer
from reelkiln.kiln.bench import Bench
from reelkiln.plan.card import Card, Costs, Licence, Part, Preset, Reach, Source
from reelkiln.plan.machine import GiB, imagine
from reelkiln.reel import Shot, Size
from reelkiln.store.ledger import open_ledger

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
GPU = imagine(vram=8 * GiB, ram=16 * GiB)
NO_GPU = imagine(vram=0, ram=16 * GiB)
LED = Reach(kind="lead", lead=2)


def null_card(name="null", reach=None, files=(), **schedule):
    """A card of the family null that does what its schedule asks."""
    preset = Preset(steps=2, guidance=1.0, scheduler="none", schedule=schedule)
    million = 1_000_000
    parts = [
        ("words", "encode", million, 0),
        ("net", "denoise", 1000 * million, million),
        ("pixels", "decode", million, 0),
    ]
    return Card(
        name=name,
        family="null",
        title="Null",
        summary="Paints a moving pattern.",
        sources=(Source(name="model", repo="nobody/null", revision="0" * 40),)
        if not files
        else (Source(name="model", repo=f"nobody/{name}", files=files, bytes=1_000_000),),
        licence=Licence(name="Apache-2.0", state="not verified"),
        parts=tuple(
            Part(name=part, params=params, stage=stage, largest_block=block)
            for part, stage, params, block in parts
        ),
        costs=Costs(
            cell=8, denoise_bytes=1_000, decode_bytes=100, denoise_flops=1e3, decode_flops=1e3
        ),
        presets={"draft": preset, "standard": preset},
        fps=Fraction(8),
        native=(Size(64, 64),),
        only_native=True,
        side_multiple=64,
        side_min=64,
        side_max=64,
        frames_max=64 if reach is None else 8,
        reach=reach or Reach(kind="windows", context=16, stride=4),
    )


def null_shot(card, **changes):
    shot = Shot(prompt="a red jar", model=card.name, seconds=Fraction(1), size=Size(64, 64), seed=7)
    return replace(shot, **changes)


def ticking():
    """A clock that a second passes on between two looks."""
    seconds = itertools.count()
    return lambda: float(next(seconds))


@contextmanager
def null_bench(folder, machine=GPU):
    with open_ledger(folder / "state" / "ledger.db") as ledger:
        yield Bench(
            machine=machine,
            ledger=ledger,
            scratch=folder / "state" / "scratch",
            cache=folder / "cache",
            now=lambda: NOON,
            clock=ticking(),
            versions={"torch": "2.13.0"},
            signer=lambda: open_signer(folder / "state" / "signing", NOON),
        )

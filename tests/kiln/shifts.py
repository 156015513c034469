"""A queue of small null clips and a shift that makes them in this process."""

import itertools
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from kiln.boards import SMALL
from kiln.nulls import NO_GPU, null_card
from reelkiln.film.label import open_signer
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board_clips import BoardReel
from reelkiln.kiln.edit import Cut, Edit
from reelkiln.kiln.enqueue import put_in_line
from reelkiln.kiln.orders import Clip
from reelkiln.kiln.place import Place
from reelkiln.kiln.terms import Terms
from reelkiln.kiln.watch import Watch
from reelkiln.kiln.work import Candidate, ReelWork, Work, work_to_text
from reelkiln.kiln.worker import Shift
from reelkiln.models.installed import locate
from reelkiln.reel import Origin, Shot, Size
from reelkiln.store.ledger import Ledger, open_ledger
from reelkiln.store.memory import MemoryEngine
from reelkiln.store.queue import NewSegment, add_order, list_segments

CARDS = {
    card.name: card
    for card in (
        null_card(),
        null_card("second"),
        null_card("black", picture="black"),
        null_card("odd", picture="upside-down"),
        null_card("slow", step_seconds=1.0),
        null_card("brisk", step_seconds=0.4),
        null_card("tight", fits_from="streamed"),
        null_card("far", files=("config.json",)),
    )
}


class HereRenderer:
    """`kiln.renderer.Renderer` in this process: nothing to kill, and quick."""

    width = 1
    machine = None

    def __init__(self, cache: Path | None = None) -> None:
        self.place = Place("here", lambda card, preset: locate(card, preset, cache), NO_GPU)
        self.rendered: list[str] = []
        self._one = threading.Lock()

    def render(self, order, folder, watch):
        with self._one:
            self.rendered.append(order.id)
            return self.place.render(order, folder, watch)

    def close(self):
        self.place.close()


def bench_in(folder: Path, ledger: Ledger) -> Bench:
    return Bench(
        machine=NO_GPU,
        ledger=ledger,
        scratch=folder / ".reelkiln" / "scratch",
        cache=folder / "cache",
        now=lambda: datetime.now(UTC),
        clock=time.perf_counter,
        versions={},
        signer=lambda: open_signer(folder / ".reelkiln" / "signing", datetime.now(UTC)),
    )


def ledger_in(folder: Path) -> Ledger:
    return open_ledger(folder / ".reelkiln" / "ledger.db")


_orders = itertools.count(1)


def queue(ledger: Ledger, count=1, *, models=("null",), order=None, **more) -> list[str]:
    """Put clips into the queue; returns their ids."""
    order = order or f"o{next(_orders)}"
    segments = []
    for number in range(count):
        shots = [
            Shot(
                prompt="a red jar", seconds=Fraction(1), size=Size(64, 64), seed=number, model=name
            )
            for name in models
        ]
        work = Work(candidates=tuple(Candidate(shot=shot) for shot in shots), because="first")
        name = f"{order}-{number:03d}"
        segments.append(
            NewSegment(id=name, work=work_to_text(work), movie=f"reels/{name}.mp4", **more)
        )
    add_order(ledger, order, "test", segments, now=datetime.now(UTC))
    return [one.id for one in segments]


def queue_board(ledger: Ledger, folder: Path, count=1, *, models=("null",)) -> list[str]:
    """Put reels of two clips of a second into the queue; returns all ids, the reels' first."""
    edit = Edit(
        storyboard="week",
        product="jar",
        language="en",
        platform="youtube-shorts",
        size=SMALL.delivery.size,
        fps=Fraction(24),
        cuts=(Cut(seconds=Fraction(1), caption="One"), Cut(seconds=Fraction(1), caption="Two")),
        palette=("#ffffff", "#202020"),
    )
    reels = [
        BoardReel(name=f"jar-{n}", work=ReelWork(edit=edit), templates=("hero", "close"))
        for n in range(count)
    ]
    clips = []
    for number, reel in enumerate(reels):
        for at, template in enumerate(reel.templates):
            shots = [
                Shot(
                    prompt="a red jar", seconds=Fraction(1), size=Size(64, 64),
                    seed=10 * number + at, model=name,
                )
                for name in models
            ]  # fmt: skip
            origin = Origin(template=template, variant="v", product="jar", number=at + 1)
            work = Work(candidates=tuple(Candidate(shot=shot) for shot in shots), origin=origin)
            name = f"jar-{number}-{template}"
            clips.append(Clip(name=name, work=work, shot=shots[0], estimate=1.0, reel=reel.name))
    bench = bench_in(folder, ledger)
    made = put_in_line(clips, bench, "week.yaml", folder / "reels", workspace=folder, reels=reels)
    return [one.id for one in made]


def shift_in(
    folder: Path,
    ledger: Ledger,
    *,
    engine=None,
    renderer=None,
    notes=None,
    executor="gpu0",
    machine=NO_GPU,
    **terms,
):
    heard = [] if notes is None else notes
    return Shift(
        bench=replace(bench_in(folder, ledger), machine=machine),
        engine=engine or MemoryEngine(),
        renderer=renderer or HereRenderer(folder / "cache"),
        executor=executor,
        workspace=folder,
        cards=lambda: CARDS,
        terms=replace(Terms(room_min=0), **terms),
        watch=Watch(on_note=heard.append),
        elapsed=time.monotonic,
    )


def now() -> datetime:
    return datetime.now(UTC)


def states(ledger: Ledger) -> dict[str, str]:
    return {row.id: row.state for row in list_segments(ledger)}

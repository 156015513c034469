"""A fleet on one computer: what a segment costs besides rendering, how many places scale, and what
is lost when computers die.

    python benchmarks/fleet.py overhead            engine and dispatcher, per segment
    python benchmarks/fleet.py scale               1, 2, 4 and 8 Ray actors with fake renderers
    python benchmarks/fleet.py kills --kills 20    three nodes, one of them killed again and again

Results: docs/measured/fleet.md. Needs the extras `fleet` and `dev`. The renderers are the family
without weights; its steps sleep, so that eight of them are not held up by two cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fleet_ground import Fleet, fleet
from kiln.orders import null_order
from kiln.shifts import ledger_in, queue, shift_in, states
from reelkiln.kiln.drill import count
from reelkiln.kiln.fleet import FleetRenderer
from reelkiln.kiln.produce import Producer
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Watch
from reelkiln.store.dbos_engine import DbosEngine
from reelkiln.store.ledger import Ledger
from reelkiln.store.running import park
from reelkiln.store.segment import SegmentRow
from reelkiln.store.shifts import read_log


class Nothing:
    """A producer that makes nothing: what is left is the engine and the dispatcher."""

    def __init__(self, real: Producer) -> None:
        self._real, self.control, self.bench = real, real.control, real.bench
        self.at: list[float] = []

    def log(self, *said: str) -> None:
        """As the real one."""
        self._real.log(*said)

    def __call__(self, row: SegmentRow) -> None:
        """Say that it is done."""
        self.at.append(time.perf_counter())
        park(self.bench.ledger, row.id, "measured", now=self.bench.now())


def overhead(folder: Path, number: int) -> None:
    """Milliseconds from one segment to the next when making them takes no time."""
    with ledger_in(folder) as ledger:
        ids = queue(ledger, number)
        engine = DbosEngine(folder / ".reelkiln")
        shift = shift_in(folder, ledger, engine=engine)
        nothing = Nothing(shift._handler.producer)
        shift._handler.producer = nothing
        begun = time.perf_counter()
        shift.run()
        took = time.perf_counter() - begun
        engine.close()
        assert len(nothing.at) == len(ids)
    gaps = [1000 * (b - a) for a, b in zip(nothing.at, nothing.at[1:], strict=False)]
    print(f"{number} segments, one place: {took:.1f} s in all")
    print(
        f"from one to the next: mean {statistics.mean(gaps):.0f} ms,"
        f" p50 {statistics.median(gaps):.0f}, p99 {statistics.quantiles(gaps, n=100)[98]:.0f}"
    )


def scale(folder: Path, count: int, seconds: float, widths: tuple[int, ...]) -> None:
    """Orders per second with more and more actors on one node."""
    alone = 0.0
    for width in widths:
        place = folder / str(width)
        place.mkdir()
        with fleet(place, nodes=0) as ships:
            ships.add_node(gpus=width)
            took = timed(FleetRenderer(ships.address, ships.token), place, count * width, seconds)
        rate = count * width / took
        alone = alone or rate
        extra = 1000 * (took / count - seconds)
        print(
            f"{width} actors: {rate:.2f} takes a second, {rate / alone:.2f} times one;"
            f" {extra:.0f} ms per take besides the {seconds:g} s of rendering",
            flush=True,
        )


def timed(renderer: FleetRenderer, folder: Path, count: int, seconds: float) -> float:
    """Seconds for `count` orders on a fleet whose actors have all rendered one before."""
    with ThreadPoolExecutor(renderer.width) as pool:

        def all_of(name: str, number: int, step: float) -> None:
            orders = [null_order(f"{name}{n}", seed=n, step_seconds=step) for n in range(number)]
            list(pool.map(lambda order: rendered(renderer, order, folder), orders))

        all_of("warm", renderer.width, 1.0)
        begun = time.perf_counter()
        all_of("order", count, seconds / 2)
        took = time.perf_counter() - begun
    renderer.close()
    return took


def rendered(renderer: FleetRenderer, order: RenderOrder, folder: Path) -> Rendered:
    """One order in a folder of its own."""
    place = folder / order.id
    place.mkdir()
    return renderer.render(order, place, Watch())


def kills(folder: Path, clips: int, number: int, seconds: float) -> None:
    """A shift on three nodes while one after the other is killed and comes back."""
    (folder / "fleet").mkdir()
    with fleet(folder / "fleet", nodes=3) as ships, ledger_in(folder) as ledger:
        ids = queue(ledger, clips, models=("slow",))
        killer = Killer(ships, number, seconds)
        killer.start()
        begun = time.perf_counter()
        with_fleet(folder, ledger, ids, ships, killer)
        took = time.perf_counter() - begun
        killer.join()
        found = count(folder, ledger, ids, kills=len(killer.killed))
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        cut = sum("is gone" in one.said for one in read_log(ledger, since=long_ago))
        print(
            f"{found}; {found.clips} segments in {took:.0f} s, {found.delivered} delivered,"
            f" {len(found.parked)} parked with a reason; {cut} renders were cut and given out again"
        )
        print(*found.parked, *found.lost, *found.twice, sep="\n")


def with_fleet(folder: Path, ledger: Ledger, ids: list[str], ships: Fleet, killer: Killer) -> None:
    """Shifts until everything has ended and every kill was made; more work where it runs out."""
    renderer = FleetRenderer(ships.address, ships.token)
    engine = DbosEngine(folder / ".reelkiln")
    while {"queued", "running"} & set(states(ledger).values()) or killer.is_alive():
        shift_in(folder, ledger, engine=engine, renderer=Kept(renderer)).run()
        if killer.is_alive():
            ids += queue(ledger, 6, models=("slow",))
    engine.close()
    renderer.close()


class Killer(threading.Thread):
    """Kills one of three nodes at random moments, and lets another join in its place."""

    def __init__(self, ships: Fleet, number: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self._ships, self._number, self._seconds = ships, number, seconds
        self.killed: list[int] = []

    def run(self) -> None:
        """All kills."""
        rng, alive = random.Random(7), [0, 1, 2]
        while len(self.killed) < self._number:
            time.sleep(rng.uniform(0, self._seconds))
            victim = alive.pop(rng.randrange(len(alive)))
            self._ships.kill_node(victim)
            self.killed.append(victim)
            alive.append(self._ships.add_node())


class Kept:
    """A renderer that outlives the shift that closes it."""

    def __init__(self, renderer: FleetRenderer) -> None:
        self._renderer = renderer
        self.width, self.render = renderer.width, renderer.render

    def close(self) -> None:
        """Not now."""


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["overhead", "scale", "kills"])
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0)
    asked = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="reelkiln-fleet-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if asked.what == "overhead":
            overhead(folder, asked.count or 200)
        elif asked.what == "scale":
            scale(folder, asked.count or 10, asked.seconds or 2.0, (1, 2, 4, 8))
        else:
            kills(folder, asked.count or 30, asked.kills, asked.seconds or 6.0)


if __name__ == "__main__":
    main()

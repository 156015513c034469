"""How much faster two GPUs of one computer render a batch than one, counted in takes.

    PYTHONPATH=src python benchmarks/two_gpus.py [--takes 12] [--rounds 2] [--tiny]

The path of `reelkiln work --fleet auto`: a lane for each GPU, each with its spawned child, orders
and results as JSON, whole batches stage by stage, latents and takes on the disk. AnimateDiff with
random weights of full size takes the time of real ones. Left out: the gate, which would refuse
noise, and finishing. All children are loaded and warm when the clock starts. Each round renders all
takes with two lanes, and half of them with one.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from reelkiln.backends.probe import gpu_names, probe, versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.tiny import FULL, TINY, write_animatediff
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.kiln.phases import Charge
from reelkiln.kiln.place import Place, Task
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.standards import Standards
from reelkiln.kiln.watch import Watch
from reelkiln.models.cards import find_card
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Segment, Shot, Size, Verdict

WEIGHTS = "REELKILN_TWO_GPUS_WEIGHTS"


@dataclass(frozen=True, slots=True)
class Lenient(Standards):
    """Keeps every take: random weights paint noise."""

    def verdict(self, clip: Clip, segment: Segment, before: Clip | None = None) -> Verdict:
        """Yes."""
        return Verdict(kept=True)


class Bare(Place):
    """A place with random weights that judges nothing."""

    def __init__(self, name: str, cache: Path | None) -> None:
        super().__init__(name, lambda card, preset: {})

    def _prepare(self, order: RenderOrder) -> Furnace:
        if self._furnace is None:
            root = Path(os.environ[WEIGHTS])
            folders = {name: root / name for name in ("model", "motion")}
            self._furnace = Furnace(find_backend(order.card.family), order.card, folders)
        return self._furnace

    def _charge(self, task: Task, notes: list[str]) -> Charge:
        return replace(super()._charge(task, notes), standards=Lenient())


def orders(count: int, *, tiny: bool, first: int = 0) -> list[RenderOrder]:
    """Takes of two seconds with the card's own preset, alike but for their seeds."""
    card = replace(find_card("epicrealism"), versions={})  # any library near the tested ones
    machine = imagine(vram=0 if tiny else 70 * GiB, ram=64 * GiB)
    size = Size(384, 704)
    made = []
    for seed in range(first, first + count):
        shot = Shot(
            prompt="a gold bottle", seconds=Fraction(2), size=size, seed=seed, model=card.name
        )
        plan = plan_shot(shot, card, machine)
        if tiny:
            plan = replace(plan, steps=2, size=Size(64, 64))
        made.append(RenderOrder(id=f"take-{seed}", shot=shot, plan=plan, card=card))
    return made


def timed(
    renderer: LaneRenderer, wanted: list[RenderOrder], folder: Path
) -> tuple[float, list[Rendered]]:
    """Seconds, and what was rendered, ordered all at once."""
    begun = time.perf_counter()

    def one(order: RenderOrder) -> Rendered:
        place = folder / order.id
        place.mkdir()
        return renderer.render(order, place, Watch())

    with tempfile.TemporaryDirectory(dir=folder) as name, ThreadPoolExecutor(len(wanted)) as pool:
        folder = Path(name)
        done = list(pool.map(one, wanted))
    return time.perf_counter() - begun, done


def measure(
    lanes: dict[int, LaneRenderer], folder: Path, wish: argparse.Namespace
) -> dict[int, list[float]]:
    """Takes a second with so many lanes, round by round."""
    rates: dict[int, list[float]] = {2: [], 1: []}
    for number in range(wish.rounds):
        wanted = orders(wish.takes, tiny=wish.tiny, first=100 * (number + 1))
        both, on_two = timed(lanes[2], wanted, folder)
        one, on_one = timed(lanes[1], wanted[: wish.takes // 2], folder)
        rates[2].append(len(on_two) / both)
        rates[1].append(len(on_one) / one)
        same = sum(
            a.chosen[0].sha256 == b.chosen[0].sha256 for a, b in zip(on_one, on_two, strict=False)
        )
        where = [r.place for r in on_two]
        shares = {name: where.count(name) for name in sorted(set(where))}
        print(f"round {number + 1}: two GPUs {shares}: {len(on_two)} takes in {both:.1f} s;"
              f" one GPU: {len(on_one)} takes in {one:.1f} s; {rates[2][-1] / rates[1][-1]:.2f}"
              f" times; {same} of {len(on_one)} with the same pixels", flush=True)  # fmt: skip
        last = on_one[-1]
        print(f"a take by phase, seconds: {last.seconds}; peak {last.peak_vram / GiB:.1f} GiB")
    return rates


def main() -> None:
    """Print the rates and their ratios."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--takes", type=int, default=12)
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--tiny", action="store_true", help="tiny weights, to try the script")
    wish = asked.parse_args()
    begun, gpus = time.perf_counter(), gpu_names()
    print(f"{probe().gpu}, {len(gpus)} GPUs, Python {platform.python_version()}, {versions()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scale, dtype = (TINY, "float32") if wish.tiny else (FULL, "float16")
        write_animatediff(folder / "weights", scale=scale, dtype=dtype)
        print(f"weights written after {time.perf_counter() - begun:.0f} s", flush=True)
        os.environ[WEIGHTS] = str(folder / "weights")
        names = gpus[:2] or (None, None)
        lanes = {n: LaneRenderer(folder / f"latents-{n}", names[:n], maker=Bare) for n in (2, 1)}
        plan = orders(1, tiny=wish.tiny)[0].plan
        print(f"plan: {plan.size}, {plan.steps} steps, {plan.rung}", flush=True)
        # One take on every lane, so that each has loaded and chosen its kernels.
        with ThreadPoolExecutor(2) as pool:
            warm = [pool.submit(timed, lanes[n], orders(n, tiny=wish.tiny), folder) for n in (2, 1)]
            warmed = {
                n: {r.place for r in one.result()[1]} for n, one in zip((2, 1), warm, strict=True)
            }
        print(f"warm after {time.perf_counter() - begun:.0f} s: {warmed}", flush=True)
        rates = measure(lanes, folder, wish)
        for one in lanes.values():
            one.close()
    mean = {n: statistics.mean(found) for n, found in rates.items()}
    print(f"{mean[2]:.3f} against {mean[1]:.3f} takes a second: {mean[2] / mean[1]:.3f} times")


if __name__ == "__main__":
    main()

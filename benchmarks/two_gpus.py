"""How much faster two GPUs of one computer render than one, counted in takes.

    PYTHONPATH=src python benchmarks/two_gpus.py [--takes 12] [--tiny]

The path of `reelkiln work --fleet auto`: one spawned child for each GPU, orders and results as
JSON, takes on the disk. AnimateDiff with random weights of full size takes the time of real ones.
Left out: the gate and finishing, which this computer may lack the libraries for. Both children are
loaded and warm when the clock starts; then two threads order takes, and after that one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from reelkiln.backends.probe import gpu_names, probe, versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.tiny import FULL, TINY, write_animatediff
from reelkiln.film.take import write_take
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.models.cards import find_card
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot, Size, Take, Verdict

WEIGHTS = "REELKILN_TWO_GPUS_WEIGHTS"


class Bare:
    """A place that renders and writes takes, and judges nothing."""

    def __init__(self, name: str, cache: Path | None) -> None:
        self._name, self._furnace = name, None

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """One take of one order."""
        if self._furnace is None:
            root = Path(os.environ[WEIGHTS])
            folders = {name: root / name for name in ("model", "motion")}
            self._furnace = Furnace(find_backend(order.card.family), order.card, folders)
        clock = PhaseClock(time.perf_counter, watch)
        session = self._furnace.session(order.plan, clock.on_step)
        (segment,) = order.plan.segments
        clip = session.render(segment, clock.on_step)
        path = folder / f"{segment.seed}.npy"
        sha256 = write_take(clip, path)
        take = Take(
            segment=0,
            attempt=1,
            seed=segment.seed,
            path=str(path),
            sha256=sha256,
            verdict=Verdict(kept=True),
        )
        peak = session.peak()
        return Rendered(
            plan=order.plan,
            chosen=(take,),
            takes=(take,),
            refusals=(),
            seconds=clock.seconds(),
            peak_vram=peak.vram,
            peak_ram=peak.ram,
            weights=(),
            libraries=versions(),
            machine="",
            place=self._name,
        )

    def close(self) -> None:
        """Let the model go."""
        if self._furnace is not None:
            self._furnace.close()


def orders(count: int, *, tiny: bool) -> list[RenderOrder]:
    """Takes of two seconds with the card's own preset, alike but for their seeds."""
    card = replace(find_card("epicrealism"), versions={})  # any library near the tested ones
    machine = imagine(vram=0 if tiny else 70 * GiB, ram=64 * GiB)
    size = Size(384, 704)
    made = []
    for seed in range(count):
        shot = Shot(
            prompt="a gold bottle", seconds=Fraction(2), size=size, seed=seed, model=card.name
        )
        plan = plan_shot(shot, card, machine)
        if tiny:
            plan = replace(plan, steps=2, size=Size(64, 64))
        made.append(RenderOrder(id=f"take-{seed}", shot=shot, plan=plan, card=card))
    return made


def timed(
    renderer: ChildRenderer, wanted: list[RenderOrder], folder: Path, threads: int
) -> tuple[float, list[Rendered]]:
    """Seconds, and what was rendered, with so many orders under way at once."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(lambda order: renderer.render(order, folder, Watch()), wanted))
    return time.perf_counter() - begun, done


def warm(renderer: ChildRenderer, wanted: list[RenderOrder], folder: Path) -> None:
    """One take on every GPU at once, so that each has loaded and chosen its kernels."""
    together = threading.Barrier(renderer.width, timeout=300)

    def one(order: RenderOrder) -> None:
        met = []

        def meet(progress: object) -> None:
            if not met:
                met.append(together.wait())

        renderer.render(order, folder, Watch(meet))

    with ThreadPoolExecutor(renderer.width) as pool:
        list(pool.map(one, wanted[: renderer.width]))


def main() -> None:
    """Print both rates and their ratio."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--takes", type=int, default=12)
    asked.add_argument("--tiny", action="store_true", help="tiny weights, to try the script")
    wish = asked.parse_args()
    begun, gpus = time.perf_counter(), gpu_names()
    print(f"{probe().gpu}, {len(gpus)} GPUs, {versions()}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scale, dtype = (TINY, "float32") if wish.tiny else (FULL, "float16")
        write_animatediff(folder / "weights", scale=scale, dtype=dtype)
        print(f"weights written after {time.perf_counter() - begun:.0f} s", flush=True)
        os.environ[WEIGHTS] = str(folder / "weights")
        renderer = ChildRenderer(gpus[:2] or (None, None), maker=Bare)
        wanted = orders(wish.takes, tiny=wish.tiny)
        print(f"plan: {wanted[0].plan.size}, {wanted[0].plan.steps} steps, {wanted[0].plan.rung}")
        warm(renderer, wanted, folder)
        print(f"warm after {time.perf_counter() - begun:.0f} s", flush=True)
        both, on_two = timed(renderer, wanted, folder, 2)
        one, on_one = timed(renderer, wanted[: wish.takes // 2], folder, 1)
        renderer.close()
    same = sum(
        one.chosen[0].sha256 == two.chosen[0].sha256
        for one, two in zip(on_one, on_two, strict=False)
    )
    rates = len(on_two) / both, len(on_one) / one
    print(f"two GPUs {sorted({r.place for r in on_two})}: {len(on_two)} takes in {both:.1f} s")
    print(f"one GPU {sorted({r.place for r in on_one})}: {len(on_one)} takes in {one:.1f} s")
    print(f"{rates[0]:.3f} against {rates[1]:.3f} takes a second: {rates[0] / rates[1]:.2f} times")
    print(f"{same} of {len(on_one)} takes have the same pixels both times")
    last = on_one[-1]
    print(f"a take by phase, seconds: {last.seconds}; peak {last.peak_vram / GiB:.1f} GiB")


if __name__ == "__main__":
    main()

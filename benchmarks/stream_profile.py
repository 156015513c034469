"""Where the time of a streamed step goes: AnimateDiff's network alone, one run on one GPU.

    PYTHONPATH=src python benchmarks/stream_profile.py --out DIR [--tiny] [--frames 16]

Random weights of full size in 16 bits, 512x512, a guided batch of two. For each way of arranging
the network: seconds to bring it there, the first step, and the mean of the steps after it by the
GPU's own clock; how long the processor took to ask for a step (near the step's own time, it is the
processor that is waited for); how long the GPU computed; how long computing waited for copies.
Then what copies and decoding cost apart. Writes `profile.json`, prints a table for
`docs/measured/faster.md`. `--tiny` tries it out on the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from held import capped
from reelkiln.backends import chunks
from reelkiln.backends.stream import Stream
from reelkiln.backends.tiny import FULL, TINY, _vae, motion_network
from reelkiln.backends.units import worth_in
from reelkiln.plan.machine import GiB, MiB

STEPS = 8


@dataclass
class Row:
    """One way: seconds, and bytes in GiB."""

    way: str
    enter: float
    first: float
    step: float
    asked: float
    computed: float
    waited: float
    copied: float
    reserved: float
    allocated: float


class Bench:
    """The network, its input, and the rows measured so far."""

    def __init__(self, out: Path, *, tiny: bool, frames: int) -> None:
        self.device = torch.device("cpu" if tiny else "cuda")
        self.scale, self.frames, self.out = TINY if tiny else FULL, frames, out
        self.dtype = torch.float32 if tiny else torch.float16
        self.side = 8 if tiny else 64
        self.unet = self.random(partial(motion_network, self.scale))
        self.homes = [(v, v.data) for v in (*self.unet.parameters(), *self.unet.buffers())]
        self.results: dict[str, Any] = {"rows": []}

    def random(self, make: Callable[[], Any]) -> Any:
        """A network with random weights in host memory; drawn where that is quick."""
        with torch.device("meta"):
            network = make()
        network = network.to(self.dtype).to_empty(device=self.device)
        for value in network.parameters():
            torch.nn.init.normal_(value, std=0.02)
        for value in network.buffers():
            value.zero_()
        return network.to("cpu").eval().requires_grad_(False)

    def given(self, halves: int = 2) -> tuple[Any, Any, Any]:
        """What a step takes: latents, time, words."""
        options = {"device": self.device, "dtype": self.dtype}
        torch.manual_seed(3)
        sample = torch.randn(halves, 4, self.frames, self.side, self.side, **options)
        width = self.unet.config.cross_attention_dim
        words = torch.randn(halves * self.frames, 77, width, **options)
        return sample, torch.tensor(500, device=self.device), words

    def keep(self, name: str, value: Any) -> None:
        """Write it at once: whatever happens later, it is on the disk."""
        if name == "rows":
            self.results["rows"].append(value)
        else:
            self.results[name] = value
        print(name, json.dumps(value)[:600], flush=True)
        text = json.dumps(self.results, indent=1)
        (self.out / "profile.json").write_text(text, encoding="utf-8")

    def enter(self) -> None:
        """Bring the whole network to the device."""
        for value, home in self.homes:
            value.data = home.to(self.device)

    def leave(self) -> None:
        """Let it lie in host memory again."""
        for value, home in self.homes:
            value.data = home

    def ask(self, given: Any) -> float:
        """Seconds until the processor has asked for a step, done or not."""
        begun = time.perf_counter()
        self.unet(*given)
        return time.perf_counter() - begun

    def peaks(self) -> tuple[int, int]:
        """Bytes reserved and allocated at most."""
        if self.device.type == "cpu":
            return 0, 0
        return torch.cuda.max_memory_reserved(), torch.cuda.max_memory_allocated()

    def sync(self) -> None:
        """Wait for the GPU."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


# ── ways of arranging it ─────────────────────────────────────────────────────────────────────────


class Timed(Stream):
    """A stream that notes how long computing waits for copies."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._network = given[0]
        self.marks: list[tuple[int, Any, Any]] = []
        self.noting = False

    def _before(self, index: int) -> Callable[..., None]:
        real = super()._before(index)

        def hook(*given: Any) -> None:
            if not self.noting or self._copies is None:
                real(*given)
                return
            begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begun.record()
            real(*given)
            ended.record()
            self.marks.append((index, begun, ended))

        return hook

    def waits(self, given: Any) -> dict[str, float]:
        """Seconds that one more step waits, by unit."""
        self.noting = True
        self._network(*given)
        torch.cuda.synchronize()
        self.noting = False
        return {
            self._units[index].name: begun.elapsed_time(ended) / 1000
            for index, begun, ended in self.marks
        }


def plain(_bench: Bench) -> None:
    """The library's own feed-forwards."""


def chunked(bench: Bench) -> None:
    """As a plan's chunks."""
    chunks.in_chunks(bench.unet)


def measure(
    bench: Bench,
    way: str,
    feed: Callable[[Bench], None],
    *,
    cap: float | None = None,
    kept: float | None = None,
    ring: int = 192,
    halves: int = 2,
) -> None:
    """One way; `kept` GiB stay of a streamed network, None: it is not streamed."""
    feed(bench)
    stream = None
    try:
        with capped(cap), torch.no_grad():
            if kept is not None:
                stream = Timed(
                    bench.unet, bench.device, kept=int(kept * GiB), worth=worth_in(bench.unet),
                    ring=ring * MiB,
                )  # fmt: skip
            row, more = _measured(bench, way, stream, bench.given(halves))
        bench.keep("rows", asdict(row))
        if more:
            bench.keep(f"more: {way}", more)
    except torch.OutOfMemoryError as error:
        bench.keep("rows", {"way": way, "outcome": str(error)[:100]})
    finally:
        if stream is not None:
            stream.close()
            bench.homes = [(v, v.data) for v, _ in bench.homes]
        for module in bench.unet.modules():
            module.__dict__.pop("forward", None)


def _measured(bench: Bench, way: str, stream: Timed | None, given: Any) -> tuple[Row, Any]:
    enter, leave = (stream.enter, stream.leave) if stream else (bench.enter, bench.leave)
    bench.sync()
    marks = [time.perf_counter()]
    enter()
    bench.sync()
    marks.append(time.perf_counter())
    bench.unet(*given)
    bench.sync()
    marks.append(time.perf_counter())
    asked = sum(bench.ask(given) for _ in range(STEPS))
    bench.sync()
    marks.append(time.perf_counter())
    peaks = bench.peaks()
    waits = stream.waits(given) if stream and bench.device.type == "cuda" else {}
    computed, more = _profiled(bench, given) if bench.device.type == "cuda" else (0.0, {})
    leave()
    passing = stream.passing if stream else []
    spent = [later - sooner for sooner, later in pairwise(marks)]
    seconds = (*spent[:2], spent[2] / STEPS, asked / STEPS, computed, sum(waits.values()))
    copied = sum(unit.nbytes for unit in passing)
    gib = (round(size / GiB, 3) for size in (copied, *peaks))
    more["waits"] = {name: round(one, 5) for name, one in waits.items() if one > 2e-4}
    return Row(way, *(round(one, 4) for one in seconds), *gib), more


def _profiled(bench: Bench, given: Any) -> tuple[float, dict[str, Any]]:
    """Seconds of kernels in one step, and which they are."""
    from torch.profiler import ProfilerActivity, profile  # noqa: PLC0415 - needs a GPU

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        bench.unet(*given)
        bench.sync()
    averages = seen.key_averages()
    on_gpu = [
        one for one in averages if one.self_device_time_total > 0 and not one.self_cpu_time_total
    ]
    kernels = [one for one in on_gpu if not one.key.startswith("Mem")]
    copies = [one for one in on_gpu if one.key.startswith("Mem")]
    top = sorted(kernels, key=lambda one: -one.self_device_time_total)[:14]
    more = {
        "kernels": sum(one.count for one in kernels),
        "top": [
            [one.key[:90], one.count, round(one.self_device_time_total / 1e6, 5)] for one in top
        ],
        "copies": [
            [one.key, one.count, round(one.self_device_time_total / 1e6, 5)] for one in copies
        ],
        "asked by": [
            [one.key[:60], one.count, round(one.self_cpu_time_total / 1e6, 5)]
            for one in sorted(averages, key=lambda one: -one.self_cpu_time_total)[:10]
        ],
    }
    return sum(one.self_device_time_total for one in kernels) / 1e6, more


def by_unit(bench: Bench) -> None:
    """Seconds of each unit's arithmetic, everything resident: what a schedule is reckoned from."""
    if bench.device.type == "cpu":
        return
    from reelkiln.backends.units import units_of  # noqa: PLC0415 - beside its use

    bench.enter()
    given = bench.given()
    units = units_of(bench.unet)[1:]
    marks: list[tuple[str, int, Any]] = []
    hooks = []

    def note(name: str, size: int) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            marks.append((name, size, event))

        return hook

    for unit in units:
        hooks.append(unit.module.register_forward_pre_hook(note(unit.name, unit.nbytes)))
        hooks.append(unit.module.register_forward_hook(note("", 0)))
    with torch.no_grad():
        bench.unet(*given)
        marks.clear()
        bench.unet(*given)
    bench.sync()
    for hook in hooks:
        hook.remove()
    start = marks[0][2]
    bench.keep(
        "by_unit",
        [[name, size, round(start.elapsed_time(event), 4)] for name, size, event in marks],
    )
    bench.leave()


# ── copies and decoding, apart ───────────────────────────────────────────────────────────────────


def bandwidth(bench: Bench) -> None:
    """GB a second to the device, in pieces of a unit's size."""
    if bench.device.type == "cpu":
        return
    size = 1 << 30
    paged = torch.empty(size, dtype=torch.uint8).fill_(3)
    target = torch.empty(size, dtype=torch.uint8, device=bench.device)

    def rate(source: Any, piece: int) -> float:
        for _ in range(2):
            bench.sync()
            begun = time.perf_counter()
            for at in range(0, size, piece):
                target[at : at + piece].copy_(source[at : at + piece], non_blocking=True)
            bench.sync()
            took = time.perf_counter() - begun
        return round(size / took / 1e9, 1)

    rates = {f"paged, {piece >> 20} MiB": rate(paged, piece) for piece in (1 << 20, 64 << 20, size)}
    for threads in (2, 4, 8):
        rates[f"paged, {threads} threads"] = by_threads(bench, paged, target, threads)
    rates["through 2 pinned buffers"] = through_buffers(bench, paged, target)
    begun = time.perf_counter()
    torch.cuda.cudart().cudaHostRegister(paged.data_ptr(), size, 0)
    rates["seconds to pin 1 GiB"] = round(time.perf_counter() - begun, 3)
    for piece in (1 << 20, 4 << 20, 16 << 20, 64 << 20, size):
        rates[f"pinned, {piece >> 20} MiB"] = rate(paged, piece)
    torch.cuda.cudart().cudaHostUnregister(paged.data_ptr())
    bench.keep("bandwidth", rates)


def by_threads(
    bench: Bench, source: Any, target: Any, threads: int, piece: int = 16 << 20
) -> float:
    """GB a second where several threads copy, each by a stream of its own."""

    def copy(thread: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            for at in range(thread * piece, source.numel(), threads * piece):
                target[at : at + piece].copy_(source[at : at + piece], non_blocking=True)

    took = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(2):
            bench.sync()
            begun = time.perf_counter()
            list(pool.map(copy, range(threads)))
            bench.sync()
            took = time.perf_counter() - begun
    return round(source.numel() / took / 1e9, 1)


def through_buffers(bench: Bench, source: Any, target: Any, piece: int = 32 << 20) -> float:
    """GB a second by way of two pinned buffers, which the processor fills by turns."""
    buffers = [torch.empty(piece, dtype=torch.uint8).pin_memory() for _ in range(2)]
    events = [torch.cuda.Event() for _ in buffers]
    took = 0.0
    for _ in range(2):
        bench.sync()
        begun = time.perf_counter()
        for turn, at in enumerate(range(0, source.numel(), piece)):
            buffer, event = buffers[turn % 2], events[turn % 2]
            event.synchronize()
            buffer.copy_(source[at : at + piece])
            target[at : at + piece].copy_(buffer, non_blocking=True)
            event.record()
        bench.sync()
        took = time.perf_counter() - begun
    return round(source.numel() / took / 1e9, 1)


def decoding(bench: Bench) -> None:
    """Seconds and memory of decoding, by how many frames go at once."""
    vae = bench.random(partial(_vae, bench.scale)).to(bench.device)
    options = {"device": bench.device, "dtype": bench.dtype}
    latents = torch.randn(bench.frames, 4, bench.side, bench.side, **options)
    found = {}
    for at_once in (1, 2, 4, bench.frames):
        with capped(None), torch.no_grad():
            for _ in range(2):
                bench.sync()
                begun = time.perf_counter()
                for start in range(0, bench.frames, at_once):
                    vae.decode(latents[start : start + at_once])
                bench.sync()
                took = time.perf_counter() - begun
            held = torch.cuda.max_memory_reserved() if bench.device.type == "cuda" else 0
        found[str(at_once)] = [round(took, 4), round(held / GiB, 3)]
    bench.keep("decoding", found)


def main() -> None:
    """Measure every way."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--frames", type=int, default=16)
    wish = asked.parse_args()
    wish.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(wish.out, tiny=wish.tiny, frames=3 if wish.tiny else wish.frames)
    for _ in range(2):
        measure(bench, "resident", plain)
    measure(bench, "resident, in chunks", chunked)
    measure(bench, "resident, one half", plain, halves=1)
    measure(bench, "streamed, all stays", plain, kept=10)
    measure(bench, "streamed, 1.19 GiB stay", plain, kept=1.19)
    for cap, kept in ((3.4, 1.19), (3.1, 0.88)):
        way = f"streamed, {kept} GiB stay, in chunks"
        measure(bench, way, chunked, cap=cap, kept=kept)
    measure(bench, "the same, ring of 128 MiB", chunked, cap=3.1, kept=0.94, ring=128)
    measure(bench, "the same, ring of 256 MiB", chunked, cap=3.1, kept=0.82, ring=256)
    measure(bench, "streamed, one half, 1.81 GiB stay", chunked, cap=3.4, kept=1.81, halves=1)
    by_unit(bench)
    bandwidth(bench)
    decoding(bench)
    names = [name for name in Row.__dataclass_fields__]
    print("| " + " | ".join(names) + " |")
    for row in bench.results["rows"]:
        print("| " + " | ".join(str(row.get(name, "")) for name in names) + " |")


if __name__ == "__main__":
    main()

"""What a measurement watches: private memory, an allocator that is held, seconds of the device."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from reelkiln.backends.seam import Step
from reelkiln.plan.machine import GiB

READERS = (safetensors.safe_open, safetensors.torch.load_file)
"""The library's own, as they are before any peer is imported."""


@dataclass
class Ram:
    """The most private memory of this process while it is watched: `RssAnon` of Linux, in bytes."""

    most: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Ram:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, anonymous())


def anonymous() -> int:
    """Private memory of this process now: file pages that the kernel may drop do not count."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("RssAnon:"))


def pinned() -> int:
    """Bytes of host memory pinned by torch, at most so far."""
    try:
        return int(torch.cuda.host_memory_stats()["allocated_bytes.peak"])
    except (AttributeError, KeyError, RuntimeError):
        return 0


@contextmanager
def capped(cap: float | None) -> Iterator[None]:
    """The allocator as a GPU with `cap` GiB free would leave it; 0 or None: as it is. Peaks count
    from here. Without a GPU nothing is held."""
    if not torch.cuda.is_available():
        yield
        return
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(cap * GiB / total, 1.0) if cap else 1.0)
    torch.cuda.reset_peak_memory_stats()
    try:
        yield
    finally:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(1.0)


@contextmanager
def told(cap: float | None) -> Iterator[None]:
    """Have a library that asks how much memory is free hear what the cap leaves."""
    if not cap or not torch.cuda.is_available():
        yield
        return
    real = torch.cuda.mem_get_info

    def info(*_: object) -> tuple[int, int]:
        return int(cap * GiB) - torch.cuda.memory_reserved(), int(cap * GiB)

    torch.cuda.mem_get_info = info
    try:
        yield
    finally:
        torch.cuda.mem_get_info = real


def let_go() -> None:
    """After a failure: give back what nothing refers to, so that the next case finds all memory."""
    # mmgp keeps the last pipeline that it arranged, and makes the GPU the home of new tensors.
    arranged = getattr(sys.modules.get("mmgp.offload"), "last_offload_obj", None)
    if arranged is not None:
        with suppress(Exception):
            arranged.release()
    torch.set_default_device(None)
    # Importing it also puts its own reader in the place of the library's, which makes a number
    # without dimensions one with a dimension: LTX's decoder has such a number, and our reading
    # refuses a file that does not hold what the network asks for.
    safetensors.safe_open, safetensors.torch.load_file = READERS
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def ran_out(error: Exception) -> bool:
    """Whether an exception of any library means that memory was short."""
    return "out of memory" in str(error).lower() or isinstance(error, torch.OutOfMemoryError)


class Clock:
    """Seconds by phase, the device's work included."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._begun: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        """What a backend calls."""
        now = wall_time()
        if step.done == 0:
            self._begun[step.phase] = now
        self.spent[step.phase] = now - self._begun[step.phase]


def wall_time() -> float:
    """Seconds, once the device has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def cells(figures: Sequence[float]) -> str:
    """Figures as the cells of a table."""
    return " | ".join(f"{figure:.2f}" for figure in figures) + " |"

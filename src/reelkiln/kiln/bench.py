"""What production stands on: handed in from above, so that nothing here looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from reelkiln.film.faults import on_disk
from reelkiln.film.label import Signer
from reelkiln.kiln.watch import Clock, RanOut
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.store.ledger import Ledger
from reelkiln.store.ran_out import recall, remember

__all__ = [
    "Bench",
    "gpu_words",
    "keep_ran_out",
    "machine_words",
    "note_ran_out",
    "ran_out_of",
    "remembering",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The machine, the ledger, folders and clocks.

    `scratch` is where takes lie while a clip is made. `cache` is the Hugging Face cache (None: the
    one that the environment names). `now` gives the time with its zone, `clock` seconds that only
    grow. `versions` are those of the model libraries. `signer` says who signs films: it reads the
    certificate, or makes one, and is asked before anything is rendered.
    """

    machine: Machine
    ledger: Ledger
    scratch: Path
    cache: Path | None
    now: Callable[[], datetime]
    clock: Clock
    versions: dict[str, str]
    signer: Callable[[], Signer]

    @property
    def shelf(self) -> Path:
        """Where kept takes wait to be used again."""
        return self.scratch.with_name("takes")

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A folder for takes, gone afterwards.

        Raises:
            DiskFull, UsageError: it cannot be made.
        """
        with on_disk(self.scratch):
            self.scratch.mkdir(parents=True, exist_ok=True)
            folder = TemporaryDirectory(
                prefix="make-", dir=self.scratch, ignore_cleanup_errors=True
            )
        with folder as path:
            yield Path(path)


def remembering(machine: Machine, ledger: Ledger, now: datetime) -> Machine:
    """The machine with what ran out of its GPU's memory lately.

    Raises:
        LedgerError, LockHeld: the ledger cannot be read.
    """
    if machine.gpu is None:
        return machine
    return replace(machine, ran_out=recall(ledger, gpu=gpu_words(machine), now=now))


def note_ran_out(plan: Plan, bench: Bench) -> None:
    """Remember that a plan ran out of memory, so that no later one needs as much.

    Raises:
        LedgerError, LockHeld, DiskFull: it is not remembered.
    """
    if (what := ran_out_of(plan, bench.machine)) is not None:
        keep_ran_out(what, bench)


def ran_out_of(plan: Plan, machine: Machine) -> RanOut | None:
    """What is to be remembered where a plan ran out of memory; None: it was not a GPU's."""
    if plan.device != "cuda":
        return None
    return RanOut(gpu=gpu_words(machine), model=plan.model, need=plan.peak_bytes)


def keep_ran_out(what: RanOut, bench: Bench) -> None:
    """Remember what a place told. Raises as `note_ran_out`."""
    remember(bench.ledger, gpu=what.gpu, model=what.model, need=what.need, now=bench.now())


def gpu_words(machine: Machine) -> str:
    """A GPU by name and memory: two laptops may have the name alone in common."""
    return f"{machine.gpu}, {machine.vram_total >> 20} MiB"


def machine_words(machine: Machine) -> str:
    """A machine in words, without what changes from minute to minute.

    >>> machine_words(Machine(gpu=None, vram_total=0, vram_free=0, bf16=False,
    ...     ram_total=8 << 30, ram_free=4 << 30, system="Linux", cores=4))
    'Linux, 4 cores, 8 GiB of memory, no GPU'
    """
    gpu = "no GPU"
    if machine.gpu is not None:
        gpu = f"{machine.gpu} with {round(machine.vram_total / (1 << 30))} GiB"
    memory = round(machine.ram_total / (1 << 30))
    return f"{machine.system}, {machine.cores} cores, {memory} GiB of memory, {gpu}"

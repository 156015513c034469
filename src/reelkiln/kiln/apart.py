"""The machine, asked by a process of its own: whoever asks CUDA holds memory on the GPU for as long
as it lives, and a shift lives all night."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection

from reelkiln.backends.probe import gpu_may_exist, probe
from reelkiln.kiln.pipe import start
from reelkiln.plan.form import read, write
from reelkiln.plan.machine import Machine

__all__ = ["probe_apart"]

SECONDS = 120.0
"""Reading torch from a slow disk takes long."""


def probe_apart() -> Machine:
    """As `backends.probe.probe`, without a CUDA context in this process."""
    if not gpu_may_exist():
        return probe()
    spawn = multiprocessing.get_context("spawn")
    near, far = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_answer, args=(far,), daemon=True)
    start(process)
    far.close()
    try:
        machine: Machine = read(Machine, near.recv() if near.poll(SECONDS) else None, "machine")
        return machine
    except (EOFError, OSError):
        return probe()  # it died: this process finds out what is wrong
    finally:
        near.close()
        process.kill()
        process.join()


def _answer(pipe: Connection) -> None:
    os.dup2(2, 1)  # what torch prints is no result of the parent's
    pipe.send(write(probe()))

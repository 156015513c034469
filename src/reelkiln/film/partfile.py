"""A file appears whole or not at all: written beside its place, made durable, then renamed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reelkiln.errors import UsageError
from reelkiln.failpoints import failpoint
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.names import part_path

__all__ = ["check_target", "flush_folder", "patiently", "write_bytes", "write_whole"]

Made = TypeVar("Made")

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6) if os.name == "nt" else ()
"""Seconds between tries: on Windows a player or a scanner may hold a file open for a moment."""


def check_target(target: Path) -> None:
    """Prove that a file of this name can be made, before minutes are spent on what goes into it.

    Raises:
        UsageError: the folder is missing or not writable, or a folder has this name.
        DiskFull: not even an empty file fits.
    """
    with on_disk(target):
        if target.is_dir():
            raise UsageError(f"{target} is a folder", hint="name a file in it")
    part = part_path(target, os.getpid())
    ctrl_c = Interrupts()
    ctrl_c.listen()
    try:
        with on_disk(target):
            part.touch()
            part.unlink()
    finally:
        ctrl_c.stop()


def write_whole(target: Path, write: Callable[[Path, Interrupts], Made]) -> Made:
    """Let `write` fill a part file, and give that the name `target` in one step.

    Whatever happens, also Ctrl-C at any moment, nothing half-written stays behind. `write` is
    handed the path to write to and the keeper of Ctrl-C; no child that it starts may outlive it.
    What it raises comes out unchanged.

    Raises:
        UsageError, DiskFull, FilmError: the system refused; the message names `target`.
    """
    part = part_path(target, os.getpid())
    ctrl_c = Interrupts()
    ctrl_c.listen()
    try:
        ctrl_c.release()
        made = write(part, ctrl_c)
        with on_disk(target):
            failpoint("part file written")
            _flush(part)
            failpoint("part file flushed")
            ctrl_c.held = True
            patiently(lambda: part.replace(target), PAUSES)
            failpoint("part file renamed")
            flush_folder(target.parent)
        return made
    finally:
        ctrl_c.held = True
        with on_disk(target):
            patiently(lambda: part.unlink(missing_ok=True), PAUSES)
        ctrl_c.stop()


def write_bytes(target: Path, data: bytes) -> None:
    """Write a small file that appears whole or not at all.

    Raises:
        UsageError, DiskFull, FilmError: the system refused; the message names `target`.
    """

    def write(part: Path, _: Interrupts) -> None:
        with on_disk(target):
            part.write_bytes(data)

    write_whole(target, write)


def patiently(action: Callable[[], object], pauses: tuple[float, ...]) -> None:
    """Do it, and again after each pause (seconds) while the system says PermissionError."""
    for pause in pauses:
        try:
            action()
        except PermissionError:
            time.sleep(pause)
        else:
            return
    action()


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make durable what was named, renamed or removed in a folder, so that it outlives a power cut.

    Raises:
        OSError: the system refused.
    """
    # Windows has no handle for a folder and needs none.
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

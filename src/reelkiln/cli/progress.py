"""How far the work is: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from reelkiln.cli import stop
from reelkiln.cli.console import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from reelkiln.kiln.watch import Progress

__all__ = ["Pace", "Teller", "telling"]

PHASES = {
    "load": "loading the model",
    "encode": "reading the words",
    "denoise": "rendering",
    "decode": "decoding",
    "check": "checking",
    "finish": "finishing",
}
DECODE_SHARE = 0.25
"""Decoding against denoising, in seconds, until it has begun. A guess that only the bar shows."""
FINISH_SECONDS = 3.0


class Teller(Protocol):
    """Where progress and notes go."""

    def progress(self, progress: Progress) -> None:
        """The work has come this far."""
        ...

    def note(self, line: str) -> None:
        """Something a person should know."""
        ...


class Quiet:
    """Tells nothing, but still hears Ctrl-C."""

    def progress(self, progress: Progress) -> None:
        """Nothing is shown."""
        stop.check()

    def note(self, line: str) -> None:
        """Nothing is shown."""


class Lines:
    """Plain lines on stderr: each phase as it begins, and rendering by quarters."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] = ()

    def progress(self, progress: Progress) -> None:
        """A line where a phase begins or another quarter of it is done."""
        stop.check()
        long = progress.phase == "denoise" and progress.total > 1
        quarter = 4 * progress.done // progress.total if long and progress.total else 0
        mark = (progress.clip, progress.attempt, progress.phase, quarter)
        if mark != self._told:
            self._told = mark
            step = f" {progress.done}/{progress.total}" if quarter else ""
            say(f"{_which(progress)}{PHASES.get(progress.phase, progress.phase)}{step}")

    def note(self, line: str) -> None:
        """The line itself."""
        say(line)


class Pace:
    """Guesses the seconds left from the pace of the phase at hand."""

    def __init__(self) -> None:
        self._phase: tuple[object, ...] = ()
        self._since = 0.0

    def left(self, progress: Progress, now: float) -> float | None:
        """Seconds until all is done, or None while there is nothing to judge by."""
        phase = (progress.clip, progress.attempt, progress.phase)
        if phase != self._phase:
            self._phase, self._since = phase, now
        if progress.phase not in ("denoise", "decode", "finish") or not progress.done:
            return None
        per_step = (now - self._since) / progress.done
        left = per_step * (progress.total - progress.done)
        if progress.phase == "denoise":
            whole = per_step * progress.total * (1 + DECODE_SHARE) + FINISH_SECONDS
            left += per_step * progress.total * DECODE_SHARE + FINISH_SECONDS
            return left + whole * (progress.clips - progress.clip)
        if progress.clips > progress.clip:
            return None
        return left + (FINISH_SECONDS if progress.phase == "decode" else 0.0)


class OnTerminal:
    """A bar with phase, step and time left."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None, step="", left="")
        self._pace = Pace()
        self._phase: tuple[object, ...] = ()

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        stop.check()
        left = self._pace.left(progress, time.monotonic())
        one = progress.total <= 1
        phase = (progress.clip, progress.attempt, progress.phase)
        begins, self._phase = phase != self._phase, phase
        self._bar.update(
            self._task,
            description=f"{_which(progress)}{PHASES.get(progress.phase, progress.phase)}",
            completed=progress.done,
            total=None if one else progress.total,
            step="" if one else f"{progress.done}/{progress.total}",
            left="" if left is None else f"about {_clock(left)} left",
            refresh=begins,
        )

    def note(self, line: str) -> None:
        """The line, above the bar."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def telling(*, quiet: bool) -> Iterator[Teller]:
    """A teller that suits where stderr leads; its bar is gone afterwards."""
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        with _bar() as bar:
            yield OnTerminal(bar)


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[step]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
    )


def _which(progress: Progress) -> str:
    clip = f"[{progress.clip}/{progress.clips}] " if progress.clips > 1 else ""
    return f"{clip}take {progress.attempt}: " if progress.attempt > 1 else clip


def _clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> _clock(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

"""How far a download is: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelkiln.cli import stop
from reelkiln.cli.console import say

if TYPE_CHECKING:
    from reelkiln.models.pull import Progress

__all__ = ["arriving"]


@contextmanager
def arriving(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """What to tell progress to, as it suits where stderr leads; a bar is gone afterwards."""
    if quiet:
        yield _nothing
    elif not sys.stderr.isatty():
        yield _Lines().tell
    else:
        with _on_terminal() as tell:
            yield tell


def _nothing(progress: Progress) -> None:
    stop.check()


class _Lines:
    """A line for each file, and for each tenth of the whole."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] = ()
        self._since = time.monotonic()
        self._before: int | None = None

    def tell(self, progress: Progress) -> None:
        stop.check()
        share = 10 * progress.done // progress.total if progress.total else 0
        mark = (progress.phase, progress.file, share)
        if self._before is None or progress.phase == "check":
            self._before, self._since = progress.done, time.monotonic()
        if mark != self._told:
            self._told = mark
            verb = "checking" if progress.phase == "check" else "fetching"
            done, total = progress.done / 10**6, progress.total / 10**6
            say(f"{verb} {progress.file}: {done:.0f} of {total:.0f} MB{self._pace(progress)}")

    def _pace(self, progress: Progress) -> str:
        from reelkiln.plan.reasons import duration

        seconds = time.monotonic() - self._since
        gained = progress.done - (self._before or 0)
        if progress.phase == "check" or gained <= 0 or seconds < 1:
            return ""
        rate = gained / seconds
        left = duration((progress.total - progress.done) / rate)
        return f", {rate / 10**6:.1f} MB a second, {left} left"


@contextmanager
def _on_terminal() -> Iterator[Callable[[Progress], None]]:
    from rich import progress as rich
    from rich.console import Console

    bar = rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(bar_width=30),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)

        def tell(progress: Progress) -> None:
            stop.check()
            verb = "checking" if progress.phase == "check" else "fetching"
            name = progress.file.rpartition("/")[2]
            bar.update(
                task, description=f"{verb} {name}", completed=progress.done, total=progress.total
            )

        yield tell

"""How production tells what it is doing, and how long each phase took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reelkiln.backends.seam import Step

__all__ = ["Clock", "PhaseClock", "Progress", "RanOut", "Watch"]

Clock: TypeAlias = Callable[[], float]
"""Seconds that only grow, from any start: `time.perf_counter`, or a test's own."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Step `done` of `total` in `phase`, for clip number `clip` of `clips` (from 1).

    The phases, in order: load, encode, denoise, decode, check, finish.
    """

    phase: str
    done: int
    total: int
    clip: int = 1
    clips: int = 1
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class RanOut:
    """A plan for `model` with a predicted need of `need` bytes ran out of the memory of `gpu`, in
    the words of `bench.gpu_words`."""

    gpu: str
    model: str
    need: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told. Raising from any of them stops the work.

    `on_progress` is called at the start of each phase and after each step. `on_note` is called with
    one line about something a person should know: a take refused, a rung stepped down. `on_ran_out`
    is called where the memory of a GPU ran out, with what is to be remembered of it.
    """

    on_progress: Callable[[Progress], None] = lambda _: None
    on_note: Callable[[str], None] = lambda _: None
    on_ran_out: Callable[[RanOut], None] = lambda _: None


class PhaseClock:
    """Adds up seconds by phase, and passes steps on as Progress."""

    def __init__(
        self,
        clock: Clock,
        watch: Watch,
        *,
        clip: int = 1,
        clips: int = 1,
        before: Mapping[str, float] | None = None,
    ) -> None:
        """Begin to count; `before` holds seconds by phase that another clock counted already."""
        self._clock, self._watch = clock, watch
        self._clip, self._clips = clip, clips
        self._phase = ""
        self._since = clock()
        self._seconds: dict[str, float] = dict(before or {})
        self.attempt = 1

    def on_step(self, step: Step) -> None:
        """What a backend calls."""
        self.step(step.phase, step.done, step.total)
        if step.note:
            self.note(step.note)

    def step(self, phase: str, done: int, total: int) -> None:
        """Note that `phase` has come to step `done` of `total`."""
        self._account()
        self._phase = phase
        progress = Progress(phase, done, total, self._clip, self._clips, self.attempt)
        self._watch.on_progress(progress)

    def rest(self) -> None:
        """Count no seconds until the next step: another clip has its turn."""
        self._account()
        self._phase = ""

    def note(self, line: str) -> None:
        """Tell a person one line."""
        self._watch.on_note(line)

    def seconds(self) -> dict[str, float]:
        """Seconds by phase up to now, to the millisecond."""
        self._account()
        return {phase: round(took, 3) for phase, took in self._seconds.items()}

    def _account(self) -> None:
        now = self._clock()
        if self._phase:
            took = self._seconds.get(self._phase, 0.0) + now - self._since
            self._seconds[self._phase] = took
        self._since = now

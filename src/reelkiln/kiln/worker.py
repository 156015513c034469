"""A shift: it takes segments from the line, has them made, and writes down what a person should
know in the morning.

One loop looks around ten times a second: who is wanted stopped, is the queue paused, are these
quiet hours, is there room on the disk, did the machine sleep, who is next. The work itself is done
in threads that the engine starts (`kiln.handler`), one for each place that renders
(`Renderer.width`) and one more, so that a film is finished while the next one is rendered.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from reelkiln.errors import DiskFull, LockHeld, ReelkilnError
from reelkiln.failpoints import failpoint
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.control import Control
from reelkiln.kiln.handler import Handler
from reelkiln.kiln.heaps import trim
from reelkiln.kiln.hours import next_time
from reelkiln.kiln.produce import Producer
from reelkiln.kiln.renderer import Renderer
from reelkiln.kiln.sleep import SleepWatch
from reelkiln.kiln.terms import ShiftEnd, Terms
from reelkiln.kiln.upkeep import adopt, reconcile, tidy
from reelkiln.kiln.watch import Watch
from reelkiln.plan.card import Card
from reelkiln.store.engine import Engine
from reelkiln.store.queue import first_ready
from reelkiln.store.reels import waits_of
from reelkiln.store.running import claim, running_of, wanted_of
from reelkiln.store.segment import BATCH
from reelkiln.store.shifts import Kind, begin_shift, end_shift, log_shift, read_switch, seen

__all__ = ["Shift"]

TICK = 0.1
"""Seconds between two looks around."""
SELDOM = 2.0
"""Seconds between two looks at what changes seldom: dead executors, lost submissions, the disk."""
TRIM_SECONDS = 60.0
"""Seconds between two times at which free memory is given back: about a clip, on a slow machine."""
GIVE_BACK_SECONDS = 30.0
"""Seconds the threads have to give back what they hold when a shift ends."""


@dataclass(slots=True)
class Shift:
    """One run of one worker. `run` may be called once.

    `elapsed` is `backends.probe.elapsed`. `local` turns a moment into the clock on the wall, for
    quiet hours. `cards` are the models there are. `joules` is what its GPUs have drawn so far, None
    where nobody counts it.
    """

    bench: Bench
    engine: Engine
    renderer: Renderer
    executor: str
    workspace: Path
    cards: Callable[[], Mapping[str, Card]]
    terms: Terms
    watch: Watch
    elapsed: Callable[[], float]
    local: Callable[[datetime], datetime] = datetime.astimezone
    control: Control = field(default_factory=Control)
    joules: Callable[[], float | None] = lambda: None
    _id: int = 0
    _before: float | None = None
    _handler: Handler = field(init=False)
    _problem: ReelkilnError | None = None
    _open_until: datetime | None = None

    def __post_init__(self) -> None:
        producer = Producer(
            bench=self.bench,
            renderer=self.renderer,
            control=self.control,
            workspace=self.workspace,
            cards=self.cards,
            log=lambda kind, said, segment: self._log(cast(Kind, kind), said, segment_id=segment),
            tell=lambda segment, now: self._handler.progress(segment, now),  # noqa: PLW0108 - made next
        )
        self._handler = Handler(self.executor, producer, self.watch.on_note, self.terms.gpu_seconds)

    def run(self) -> ShiftEnd:
        """Work until the terms are fulfilled.

        Raises:
            LockHeld: another process works as this executor. DiskFull: there is no room; all that
            was made stays, and the next shift goes on.
        """
        with self.engine.run_worker(self._handler, self.renderer.width + 2):
            self._id = begin_shift(self.bench.ledger, self.executor, now=self.bench.now())
            self._before = self.joules()
            why = "it was stopped"
            try:
                tidy(self._handler.producer)
                self._every_day()
                why = self._loop()
            finally:
                self._leave(why)
        if problem := self._problem or self._handler.problem:
            raise problem
        ended = {name: tuple(ids) for name, ids in self._handler.ended.items()}
        return ShiftEnd(why=why, **ended)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    def _loop(self) -> str:
        sleep = SleepWatch(self.bench.now(), self.elapsed())
        seldom = trimmed = float("-inf")
        while True:
            with suppress(LockHeld):  # a long write of another process: look again
                if (why := self._over()) is not None:
                    return why
                self._asleep(sleep)
                self._control()
                if self.bench.clock() - seldom >= SELDOM:
                    self._seldom()
                    seldom = self.bench.clock()
                if self.bench.clock() - trimmed >= TRIM_SECONDS:
                    trim()
                    trimmed = self.bench.clock()
                self._hand_out()
            self._tell()
            self._handler.changed.wait(TICK)
            self._handler.changed.clear()

    def _over(self) -> str | None:
        """Why the shift ends now, or None."""
        if problem := self._problem or self._handler.problem:
            return problem.message
        until = self.terms.until
        if until is not None and self.bench.now() >= until:
            return f"it is {self.local(until):%H:%M}"
        return None if self._under_way() else self._nothing_more()

    def _nothing_more(self) -> str | None:
        """Why nothing more is begun in this shift, or None: asked when nothing is under way."""
        until, count = self.terms.until, self.terms.count
        if count is not None and self._handler.done >= count:
            return f"{count} are done"
        if self.terms.stay or self.terms.daily is not None:
            return None
        if first_ready(self.bench.ledger) is None:
            return "nothing waits any more" + self._reels_wait()
        if until is not None and not self._next_fits():
            return f"nothing more can be done until {self.local(until):%H:%M}"
        return None

    def _reels_wait(self) -> str:
        waits = len(waits_of(self.bench.ledger))
        return f"; {waits} reels wait for clips that a person must look at" if waits else ""

    def _control(self) -> None:
        """Hold or open production; stop what a person cancelled."""
        self.control.cancel(wanted_of(self.bench.ledger, self.executor))
        why = read_switch(self.bench.ledger, "paused")
        kind: Kind = "paused"
        at = self.local(self.bench.now())
        if not why and any(span.holds(at.time()) for span in self.terms.quiet):
            why, kind = "these are quiet hours", "waited"
        if not why and self.terms.daily is not None and not self._night():
            why, kind = f"the next shift begins at {self.terms.daily:%H:%M}", "waited"
        if why != self.control.held:
            self._log(kind if why else "resumed", why or "production goes on")
            self.control.hold(why)

    def _every_day(self) -> None:
        """Have the engine's clock open production every day."""
        if (at := self.terms.daily) is None:
            return

        def open_now() -> None:
            now = self.local(self.bench.now())
            end = self.terms.daily_until
            self._open_until = now + timedelta(days=1) if end is None else next_time(end, now)
            self._handler.changed.set()

        self.engine.daily("night", f"{at.minute} {at.hour} * * *", self.terms.zone, open_now)

    def _night(self) -> bool:
        """Whether production is open between two daily times.

        A night with an end takes what is ordered while it lasts; one without ends with its work.
        """
        over = self._open_until is None or self.bench.now() >= self._open_until
        done = self.terms.daily_until is None and not (
            self._under_way() or first_ready(self.bench.ledger)
        )
        if over or done:
            self._open_until = None
        return self._open_until is not None

    def _seldom(self) -> None:
        seen(self.bench.ledger, self._id, now=self.bench.now(), joules=self._drawn())
        if adopted := adopt(self.bench.ledger, self.engine, self.executor):
            self._log("crashed", f"a worker died; {adopted} of its segments go on here")
        reconcile(self._handler.producer, self.engine, self.executor, self._handler.held)
        if shutil.disk_usage(self.bench.scratch.parent).free < self.terms.room_min:
            self._problem = self._problem or DiskFull(
                f"the disk with {self.bench.scratch.parent} is nearly full",
                hint="Make room (`reelkiln clean`), then run `reelkiln work` again: nothing is"
                " lost.",
            )

    def _hand_out(self) -> None:
        """Claim what is next, as far as there is room for it, and submit it."""
        if self.control.held or self._problem is not None:
            return
        # Asked before `done`: what ends in between counts twice for a moment, and not never.
        busy = self._under_way()
        # One more than are rendered is being finished, and one is kept free for a preview.
        room = self.renderer.width + 1 - busy
        if room == 0 and self._preview_waits():
            room = 1
        if self.terms.count is not None:
            room = min(room, self.terms.count - self._handler.done - busy)
        if room <= 0 or not self._next_fits():
            return
        rows = claim(self.bench.ledger, self.executor, room, now=self.bench.now())
        for row in rows:
            failpoint("claimed")
            self.engine.resume(row.id)
            failpoint("submitted")

    def _preview_waits(self) -> bool:
        first = first_ready(self.bench.ledger)
        return first is not None and first.priority < BATCH

    def _under_way(self) -> int:
        """How many segments are in hands: a thread's, or the engine's."""
        held = set(self._handler.held)
        return len(held | {row.id for row in running_of(self.bench.ledger, self.executor)})

    def _next_fits(self) -> bool:
        """Whether the next in line can be done before the shift ends."""
        if self.terms.until is None:
            return True
        first = first_ready(self.bench.ledger)
        seconds = first.estimate if first else 0.0
        return self.bench.now() + timedelta(seconds=seconds) <= self.terms.until

    def _asleep(self, sleep: SleepWatch) -> None:
        gap = sleep.look(self.bench.now(), self.elapsed())
        if gap is None:
            return
        start, end = self.local(gap.start), self.local(gap.end)
        if gap.slept:
            said = f"the machine slept from {start:%H:%M} to {end:%H:%M}"
            self._log("slept", said, at=gap.start, until=gap.end)
        else:
            self._log("clock", f"the clock was set from {start:%H:%M} to {end:%H:%M}")

    def _tell(self) -> None:
        if (progress := self._handler.latest) is not None:
            self.watch.on_progress(progress)

    def _leave(self, why: str) -> None:
        """Have every thread give back what it holds, then say that the shift is over."""
        self.control.stop()
        until = self.bench.clock() + GIVE_BACK_SECONDS
        with suppress(KeyboardInterrupt):
            while self._handler.held and self.bench.clock() < until:
                self._handler.changed.wait(TICK)
        self.renderer.close()
        with suppress(ReelkilnError):
            now = self.bench.now()
            end_shift(self.bench.ledger, self._id, why, now=now, joules=self._drawn())

    def _drawn(self) -> float | None:
        """Joules since the shift began."""
        now = self.joules()
        return None if now is None or self._before is None else now - self._before

    def _log(
        self,
        kind: Kind,
        said: str,
        *,
        at: datetime | None = None,
        until: datetime | None = None,
        segment_id: str | None = None,
    ) -> None:
        self.watch.on_note(said)
        log_shift(
            self.bench.ledger,
            kind,
            said,
            at=at or self.bench.now(),
            until=until,
            shift_id=self._id,
            segment_id=segment_id,
        )

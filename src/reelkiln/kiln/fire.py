"""One shot to takes: render, measure, judge, and try again where that can help.

A refused take is tried again at most twice. Where values were lost (NaN), the shot begins again in
a safer dtype; otherwise the segment gets another seed. Where memory runs out there is no take to
judge: the shot begins again one rung down the ladder, which ends by itself.

A change of plan begins the whole shot anew, so that one plan renders all kept takes: that plan,
rendered once, gives the same pixels again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reelkiln.backends.seam import Peak
from reelkiln.errors import OutOfMemory, PlanRefused
from reelkiln.film.faults import on_disk
from reelkiln.film.take import write_take
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.standards import Standards
from reelkiln.kiln.watch import PhaseClock
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import safer, step_down
from reelkiln.reel import Clip, Segment, Shot, Take

__all__ = ["TAKES_MAX", "Fired", "fire", "next_seed"]

TAKES_MAX = 3
"""Takes per segment, whatever the cause."""
SEEDS = 2**32
STRIDE = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: other seeds land far from those of `--count`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What came of a shot.

    `plan` is the one that rendered `chosen`, their seeds in its segments. `chosen` has one take for
    each segment, or fewer where a segment has none that may be kept at all. `takes` are all that
    were made, in order. `refusals` says why the gate refused (empty: the clip is good).
    """

    plan: Plan
    chosen: tuple[Take, ...]
    takes: tuple[Take, ...]
    refusals: tuple[str, ...]
    seconds: Mapping[str, float]
    peak: Peak

    @property
    def whole(self) -> bool:
        """Whether every segment has a take, good or not."""
        return len(self.chosen) == len(self.plan.segments)


def fire(
    shot: Shot,
    plan: Plan,
    furnace: Furnace,
    *,
    machine: Machine,
    scratch: Path,
    clock: PhaseClock,
    standards: Standards | None = None,
) -> Fired:
    """Render a shot as planned, and judge it.

    Args:
        scratch: an existing folder for the takes; the caller throws it away.
        standards: what takes are held against; default: the fixed limits alone.

    Raises:
        PlanRefused: memory ran out on the last rung.
        RenderFailed, WeightsBroken, MissingLibrary: as the backend says.
        DiskFull: no room for the takes.
    """
    return _Firing(shot, plan, furnace, machine, scratch, clock, standards or Standards()).run()


def next_seed(seed: int) -> int:
    """The seed to try after this one.

    >>> next_seed(0)
    2654435761
    """
    return (seed + STRIDE) % SEEDS


@dataclass(slots=True)
class _Firing:
    shot: Shot
    plan: Plan
    furnace: Furnace
    machine: Machine
    scratch: Path
    clock: PhaseClock
    standards: Standards
    takes: list[Take] = field(default_factory=list)

    def run(self) -> Fired:
        while True:
            try:
                chosen = self._all_segments()
            except OutOfMemory as error:
                self._one_rung_lower(error)
                continue
            if chosen is not None:
                return self._fired(chosen)

    def _fired(self, chosen: tuple[Take, ...]) -> Fired:
        refusals = tuple(
            f"take {take.attempt}: {reason}"
            for take in self.takes
            for reason in take.verdict.reasons
            if take.segment not in {good.segment for good in chosen if good.verdict.kept}
        )
        return Fired(
            plan=self.plan,
            chosen=chosen,
            takes=tuple(self.takes),
            refusals=refusals,
            seconds=self.clock.seconds(),
            peak=self.furnace.peak(),
        )

    def _all_segments(self) -> tuple[Take, ...] | None:
        """A take for each segment that has one; None: the plan has changed, begin again."""
        chosen: list[Take] = []
        lead: Clip | None = None
        for index in range(len(self.plan.segments)):
            planned = self.plan
            best, clip = self._one_segment(index, lead)
            if self.plan.dtype != planned.dtype:
                return None
            if best is None or clip is None:
                break
            chosen.append(best)
            lead = self._lead_for(index + 1, clip)
        return tuple(chosen)

    def _one_segment(self, index: int, lead: Clip | None) -> tuple[Take | None, Clip | None]:
        """The kept take, or else the best one that may be kept, with its frames."""
        best: Take | None = None
        best_clip: Clip | None = None
        while self._refused(index) < TAKES_MAX:
            take, clip = self._one_take(self.plan.segments[index], lead)
            if best is None or _rank(take) > _rank(best):
                best, best_clip = take, clip
            if take.verdict.kept:
                break
            if self._refused(index) < TAKES_MAX and self._change(index, take):
                return None, None
        if best is None or not _finite(best):
            return None, None
        self._use_seed(index, best.seed)
        return best, best_clip

    def _one_take(self, segment: Segment, lead: Clip | None) -> tuple[Take, Clip]:
        attempt = self._refused(segment.index) + 1
        self.clock.attempt = attempt
        session = self.furnace.session(self.plan, self.clock.on_step)
        clip = session.render(segment, self.clock.on_step, lead)
        self.clock.step("check", 0, 1)
        path = self.scratch / f"{self.shot.seed}-{len(self.takes)}.npy"
        with on_disk(path):
            sha256 = write_take(clip, path)
        take = Take(
            segment=segment.index,
            attempt=attempt,
            seed=segment.seed,
            path=str(path),
            sha256=sha256,
            verdict=self.standards.verdict(clip, segment.prompt),
        )
        self.takes.append(take)
        self.clock.step("check", 1, 1)
        return take, clip

    def _change(self, index: int, refused: Take) -> bool:
        """Prepare the next take; True: the plan has changed and the shot begins again."""
        why = f"take {refused.attempt} refused: {'; '.join(refused.verdict.reasons)}"
        if refused.verdict.action == "safer_dtype" and self._safer_dtype(index, why):
            return True
        seed = next_seed(refused.seed)
        self.clock.note(f"{why}; again with seed {seed}")
        self._use_seed(index, seed)
        return False

    def _safer_dtype(self, index: int, why: str) -> bool:
        """Go over to a safer dtype, where there is one and the shot can begin again."""
        if any(self._refused(other) == TAKES_MAX for other in range(index)):
            return False
        try:
            plan = safer(self.plan, self.shot, self.furnace.card, self.machine)
        except PlanRefused:
            return False
        self.clock.note(f"{why}; again in {plan.dtype}")
        self._go_over_to(plan)
        return True

    def _one_rung_lower(self, error: OutOfMemory) -> None:
        self.furnace.close()
        plan = step_down(self.plan, self.shot, self.furnace.card, self.machine)
        self.clock.note(f"{error.message}; again {plan.rung}")
        self._go_over_to(plan)

    def _go_over_to(self, plan: Plan) -> None:
        seeds = [segment.seed for segment in self.plan.segments]
        if len(seeds) == len(plan.segments):
            pairs = zip(plan.segments, seeds, strict=True)
            segments = tuple(replace(segment, seed=seed) for segment, seed in pairs)
            plan = replace(plan, segments=segments)
        self.plan = replace(plan, because=(*self.plan.because, *plan.because))

    def _use_seed(self, index: int, seed: int) -> None:
        segments = list(self.plan.segments)
        segments[index] = replace(segments[index], seed=seed)
        self.plan = replace(self.plan, segments=tuple(segments))

    def _lead_for(self, index: int, clip: Clip) -> Clip | None:
        if index >= len(self.plan.segments) or not self.plan.segments[index].lead_frames:
            return None
        count = self.plan.segments[index].lead_frames
        return Clip(clip.frames[-count:], clip.fps, clip.finite_share)

    def _refused(self, index: int) -> int:
        # A kept take that a new plan renders again is no further attempt.
        return sum(take.segment == index and not take.verdict.kept for take in self.takes)


def _finite(take: Take) -> bool:
    return take.verdict.marks.get("finite", 1.0) >= 1.0


def _rank(take: Take) -> tuple[bool, bool, int]:
    """Kept before whole before broken; then the fewer reasons the better."""
    return take.verdict.kept, _finite(take), -len(take.verdict.reasons)

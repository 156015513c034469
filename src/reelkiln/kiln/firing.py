"""One shot on its way from a plan to takes: what is waiting, what was refused, what is chosen.

Nothing here renders: `kiln.phases` asks which segments wait, renders them, and hands back clips.

A refused take is tried again at most twice. Where values were lost (NaN), the shot begins again in
a safer dtype; where the picture jumped, with less motion; where tiles showed, with others
(`kiln.retry`); otherwise the segment gets another seed. Where memory runs out there is no take to
judge: the shot begins again one rung down the ladder, which ends by itself.

A change of plan begins the whole shot anew, so that one plan renders all kept takes: that plan,
rendered once, gives the same pixels again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reelkiln.backends.seam import Peak
from reelkiln.errors import OutOfMemory
from reelkiln.film.faults import on_disk
from reelkiln.film.start import read_start
from reelkiln.film.take import write_take
from reelkiln.gate.join import AROUND
from reelkiln.kiln.retry import retry
from reelkiln.kiln.standards import Standards
from reelkiln.kiln.watch import PhaseClock
from reelkiln.plan.card import Card
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import step_down
from reelkiln.reel import Clip, Segment, Shot, Size, Take

__all__ = ["TAKES_MAX", "Fired", "Firing", "next_seed"]

TAKES_MAX = 3
"""Takes per segment that a refusal may lead to. Where memory runs out after the last of them, the
best one's seed is rendered once more, a rung lower."""
SEEDS = 2**32
STRIDE = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: other seeds land far from those of `--count`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What came of a shot.

    `plan` is the one that rendered `chosen`, their seeds in its segments. `chosen` has one take for
    each segment, or fewer where a segment has none that may be kept at all. `takes` are all that
    were made, in order. `refusals` says why the gate refused (empty: the clip is good). `unread`
    are words that the model has no place for.
    """

    plan: Plan
    chosen: tuple[Take, ...]
    takes: tuple[Take, ...]
    refusals: tuple[str, ...]
    seconds: Mapping[str, float]
    peak: Peak
    unread: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every segment has a take, good or not."""
        return len(self.chosen) == len(self.plan.segments)


def next_seed(seed: int) -> int:
    """The seed to try after this one.

    >>> next_seed(0)
    2654435761
    """
    return (seed + STRIDE) % SEEDS


@dataclass(slots=True)
class Firing:
    """A shot being fired. `keys` names the checkpoints that were made for it."""

    shot: Shot
    plan: Plan
    card: Card
    machine: Machine
    scratch: Path
    clock: PhaseClock
    standards: Standards
    takes: list[Take] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    unread: dict[str, None] = field(default_factory=dict)
    _best: dict[int, Take] = field(default_factory=dict)
    _tails: dict[int, Clip] = field(default_factory=dict)
    _settled: dict[int, Take | None] = field(default_factory=dict)
    _starts: dict[Size, Clip] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether nothing is left to render."""
        return None in self._settled.values() or len(self._settled) == len(self.plan.segments)

    def waiting(self) -> tuple[Segment, ...]:
        """The segments that can be denoised now: not those whose leader has no kept take yet."""
        ready: list[Segment] = []
        for segment in () if self.done else self.plan.segments:
            if segment.index in self._settled:
                continue
            if segment.lead_frames and segment.index - 1 not in self._settled:
                break
            ready.append(segment)
        return tuple(ready)

    def lead(self, segment: Segment) -> Clip | None:
        """The frames that lead a segment: the start picture, or the last ones of the take before.

        Raises:
            UsageError: the start picture can no longer be read.
        """
        if segment.image is not None:
            size = self.plan.size
            if size not in self._starts:
                self._starts[size] = read_start(Path(segment.image), size).clip
            return self._starts[size]
        before = self._before(segment)
        if before is None:
            return None
        return replace(before, frames=before.frames[-segment.lead_frames :])

    def _before(self, segment: Segment) -> Clip | None:
        """The end of the take that a led segment continues."""
        return self._tails.get(segment.index - 1) if segment.lead_frames else None

    def attempt(self, segment: Segment) -> int:
        """Which take of its segment comes next: 1, 2, 3."""
        return self._refused(segment.index) + 1

    def judge(self, segment: Segment, clip: Clip) -> None:
        """Write a take down, judge it, and prepare what follows from the verdict.

        Raises:
            DiskFull, UsageError: no room for the take.
        """
        index, take = segment.index, self._write(segment, clip)
        if index not in self._best or _rank(take) > _rank(self._best[index]):
            self._best[index] = take
            self._tails[index] = self._tail(index, clip)
        if take.verdict.kept or self._refused(index) >= TAKES_MAX:
            self._settle(index)
        else:
            self._change(index, take)

    def step_down(self, error: OutOfMemory) -> None:
        """Go on one rung lower.

        Raises:
            PlanRefused: there is none.
        """
        before = self.plan
        plan = step_down(before, self.shot, self.card, self.machine)
        if before.device == "cuda":  # a later change of plan begins no higher
            ran_out = {**self.machine.ran_out, before.model: before.peak_bytes}
            self.machine = replace(self.machine, ran_out=ran_out)
        self.clock.note(f"{error.message}; again {plan.rung}")
        self._go_over_to(plan)

    def fired(self, peak: Peak) -> Fired:
        """What came of it."""
        every = (self._settled.get(segment.index) for segment in self.plan.segments)
        chosen = tuple(take for take in every if take is not None)
        good = {take.segment for take in chosen if take.verdict.kept}
        refusals = tuple(
            f"take {take.attempt}: {reason}"
            for take in self.takes
            for reason in take.verdict.reasons
            if take.segment not in good
        )
        return Fired(
            plan=self.plan,
            chosen=chosen,
            takes=tuple(self.takes),
            refusals=refusals,
            seconds=self.clock.seconds(),
            peak=peak,
            unread=tuple(self.unread),
        )

    def _write(self, segment: Segment, clip: Clip) -> Take:
        self.clock.step("check", 0, 1)
        path = self.scratch / f"{self.shot.seed}-{len(self.takes)}.npy"
        with on_disk(path):
            sha256 = write_take(clip, path)
        take = Take(
            segment=segment.index,
            attempt=self.attempt(segment),
            seed=segment.seed,
            path=str(path),
            sha256=sha256,
            verdict=self.standards.verdict(clip, segment, self._before(segment)),
        )
        self.takes.append(take)
        self.clock.step("check", 1, 1)
        return take

    def _settle(self, index: int) -> None:
        best = self._best.get(index)
        self._settled[index] = best if best is not None and _finite(best) else None
        if best is not None:
            self._use_seed(index, best.seed)

    def _tail(self, index: int, clip: Clip) -> Clip:
        """What the next segment needs of this one, and the gate to look at the step into it; a
        copy, so that the rest can go."""
        after = index + 1
        segments = self.plan.segments
        count = max(segments[after].lead_frames, AROUND) if after < len(segments) else 0
        first = max(0, len(clip.frames) - count)
        return Clip(clip.frames[first:].copy(), clip.fps, clip.finite_share)

    def _change(self, index: int, refused: Take) -> None:
        """Prepare the next take: the plan changed as the verdict asks, or another seed."""
        why = f"take {refused.attempt} refused: {'; '.join(refused.verdict.reasons)}"
        # With the takes of a segment before used up, the shot cannot begin again.
        spent = any(self._refused(other) >= TAKES_MAX for other in range(index))
        action = None if spent else refused.verdict.action
        how = retry(action, self.plan, self.shot, self.card, self.machine)
        if how.plan is not None:
            self.clock.note(f"{why}; {how.says}")
            self._go_over_to(how.plan)
            return
        seed = next_seed(refused.seed)
        said = (why, how.says, f"again with seed {seed}")
        self.clock.note("; ".join(part for part in said if part))
        self._use_seed(index, seed)

    def _go_over_to(self, plan: Plan) -> None:
        seeds = [segment.seed for segment in self.plan.segments]
        if len(seeds) == len(plan.segments):
            pairs = zip(plan.segments, seeds, strict=True)
            segments = tuple(replace(segment, seed=seed) for segment, seed in pairs)
            plan = replace(plan, segments=segments)
        self.plan = replace(plan, because=(*self.plan.because, *plan.because))
        self._best, self._tails, self._settled = {}, {}, {}

    def _use_seed(self, index: int, seed: int) -> None:
        segments = list(self.plan.segments)
        segments[index] = replace(segments[index], seed=seed)
        self.plan = replace(self.plan, segments=tuple(segments))

    def _refused(self, index: int) -> int:
        # A kept take that a new plan renders again is no further attempt.
        return sum(take.segment == index and not take.verdict.kept for take in self.takes)


def _finite(take: Take) -> bool:
    return take.verdict.marks.get("finite", 1.0) >= 1.0


def _rank(take: Take) -> tuple[bool, bool, int]:
    """Kept before whole before broken; then the fewer reasons the better."""
    return take.verdict.kept, _finite(take), -len(take.verdict.reasons)

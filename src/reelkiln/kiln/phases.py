"""A batch, stage by stage: encode all words, denoise all segments, decode all, finish as they come.

Each network moves to the device once a batch, not once a segment, and each stage has the device to
itself. What was denoised lies on the disk (`kiln.checkpoints`): a crash afterwards, or memory that
runs out while decoding, costs no denoising. Segments that the gate refused, and segments that are
led by others, are rendered in a further round.

    for outcome in fire_all(charges, furnace, scratch=folder, kept=checkpoints):
        if outcome.fired: ...deliver it; outcome.forget() once it is safe

A shot that fails does not keep the others from being rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reelkiln.backends.seam import Latents, Session
from reelkiln.errors import OutOfMemory, PlanRefused, ReelkilnError, RenderFailed, UsageError
from reelkiln.kiln.checkpoints import Checkpoints, latents_key
from reelkiln.kiln.firing import Fired, Firing
from reelkiln.kiln.furnace import Furnace, loading
from reelkiln.kiln.standards import Standards
from reelkiln.kiln.watch import PhaseClock
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.reel import Segment, Shot

__all__ = ["BATCH", "Charge", "Outcome", "fire_all"]

BATCH = 16
"""Shots that go through the stages together: more would save nothing and keep a person waiting for
the first film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One shot of a batch: as planned, what it is held against, and who counts its seconds.

    `scratch` is the folder for its takes alone, None: the batch's.
    """

    shot: Shot
    plan: Plan
    clock: PhaseClock
    standards: Standards = field(default_factory=Standards)
    scratch: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of `charges[index]`: takes, or the error that ended it.

    `forget` removes its checkpoints: call it when the film is delivered or given up. `keys` are
    their names, for whoever does that elsewhere.
    """

    index: int
    fired: Fired | None = None
    error: ReelkilnError | None = None
    forget: Callable[[], None] = lambda: None
    keys: frozenset[str] = frozenset()


def fire_all(
    charges: Sequence[Charge],
    furnace: Furnace,
    *,
    machine: Machine,
    scratch: Path,
    kept: Checkpoints | None = None,
    on_out_of_memory: Callable[[Plan], None] = lambda _plan: None,
) -> Iterator[Outcome]:
    """Render and judge every shot of a batch; each is handed out as soon as it is complete.

    Shots whose plans load the model alike go through the stages together, `BATCH` at a time.

    Args:
        charges: all of the model that the furnace burns.
        scratch: an existing folder for the takes; the caller throws it away.
        kept: where latents outlive this process; None: they do not.
        on_out_of_memory: told the plan that ran out of memory, before the next is made.

    Yields:
        one Outcome for each charge. PlanRefused (memory ran out on the last rung), RenderFailed
        and UsageError (its start picture is gone) end one shot and stand in its outcome.

    Raises:
        WeightsBroken, MissingLibrary: as the backend says.
        DiskFull: no room for takes or latents.
    """
    batch = _Batch(furnace, kept, on_out_of_memory)
    for start in range(0, len(charges), BATCH):
        firings = {
            start + index: Firing(
                shot=charge.shot,
                plan=charge.plan,
                card=furnace.card,
                machine=machine,
                scratch=charge.scratch or scratch,
                clock=charge.clock,
                standards=charge.standards,
            )
            for index, charge in enumerate(charges[start : start + BATCH])
        }
        yield from batch.run(firings)


@dataclass(slots=True)
class _Batch:
    """The rounds of one batch. `made` holds latents that are not decoded yet, by their keys."""

    furnace: Furnace
    kept: Checkpoints | None
    on_out_of_memory: Callable[[Plan], None]
    made: dict[str, Latents] = field(default_factory=dict)
    at: Segment | None = None

    def run(self, firings: dict[int, Firing]) -> Iterator[Outcome]:
        """Rounds, until every firing is done."""
        while firings:
            for index, error in self._round(self._alike(firings)):
                outcome = self._outcome(index, firings.pop(index), error)
                yield outcome
        self.made.clear()

    def _alike(self, firings: dict[int, Firing]) -> dict[int, Firing]:
        """Those that load alike: the ones whose model is at hand, else the first one's."""
        at_hand = [firing for firing in firings.values() if self.furnace.loaded(firing.plan)]
        wanted = loading((at_hand or list(firings.values()))[0].plan)
        return {i: firing for i, firing in firings.items() if loading(firing.plan) == wanted}

    def _outcome(self, index: int, firing: Firing, error: ReelkilnError | None) -> Outcome:
        keys, kept = frozenset(firing.keys), self.kept

        def forget() -> None:
            if kept is not None:
                kept.forget(keys)

        if error is not None:
            return Outcome(index=index, error=error, forget=forget, keys=keys)
        fired = firing.fired(self.furnace.peak())
        return Outcome(index=index, fired=fired, forget=forget, keys=keys)

    def _round(self, group: dict[int, Firing]) -> Iterator[tuple[int, ReelkilnError | None]]:
        """All stages once. Yields those firings that are done, and the errors that ended others."""
        waiting = {index: firing.waiting() for index, firing in group.items()}
        yield from ((index, None) for index, firing in group.items() if firing.done)
        group = {index: firing for index, firing in group.items() if not firing.done}
        unled = _unled(group, waiting)
        yield from unled.items()
        group = {index: firing for index, firing in group.items() if index not in unled}
        todo = [(index, segment) for index in group for segment in waiting[index]]
        if not todo:
            return
        ended: set[int] = set()
        self.at = None
        try:
            session = self._open(group, todo)
            for index, failure in self._denoise_all(group, todo, session):
                ended.add(index)
                yield index, failure
            left = [(index, segment) for index, segment in todo if index not in ended]
            for index, failed in self._decode_all(group, left, session):
                ended.add(index)
                yield index, failed
        except OutOfMemory as error:
            yield from self._lower(group, ended, error)
        finally:
            for firing in group.values():
                firing.clock.rest()

    def _open(self, group: dict[int, Firing], todo: list[tuple[int, Segment]]) -> Session:
        """The model, and the words of all that is not denoised yet."""
        first = group[todo[0][0]]
        session = self.furnace.session(first.plan, first.clock.on_step)
        for index, segment in todo:
            if words := session.unread(segment):
                group[index].unread[words] = None
        new = [segment for index, segment in todo if not self._known(group[index], segment)]
        if new:
            session.encode(new, first.clock.on_step)
        first.clock.rest()
        return session

    def _denoise_all(
        self, group: dict[int, Firing], todo: list[tuple[int, Segment]], session: Session
    ) -> Iterator[tuple[int, ReelkilnError]]:
        failed: set[int] = set()
        for index, segment in todo:
            firing, self.at = group[index], segment
            if index in failed or self._known(firing, segment):
                continue
            firing.clock.attempt = firing.attempt(segment)
            try:
                self._keep(
                    self._key(firing, segment),
                    session.denoise(segment, firing.clock.on_step, firing.lead(segment)),
                )
            except OutOfMemory:
                raise
            except RenderFailed as error:
                failed.add(index)
                yield index, error
            firing.clock.rest()

    def _decode_all(
        self, group: dict[int, Firing], todo: list[tuple[int, Segment]], session: Session
    ) -> Iterator[tuple[int, ReelkilnError | None]]:
        wanted = loading(group[todo[0][0]].plan) if todo else None
        ended: set[int] = set()
        for number, (index, segment) in enumerate(todo, 1):
            firing, self.at = group[index], segment
            # A verdict may have changed the plan of the whole shot: its other segments are stale.
            if index in ended or loading(firing.plan) != wanted:
                continue
            firing.clock.attempt = firing.attempt(segment)
            key = self._key(firing, segment)
            try:
                firing.judge(segment, session.decode(self.made[key], firing.clock.on_step))
            except OutOfMemory:
                raise
            except RenderFailed as error:
                ended.add(index)
                yield index, error
            firing.clock.rest()
            # Two shots that are told alike share their latents.
            if key not in {self._key(group[i], later) for i, later in todo[number:]}:
                del self.made[key]
            if index not in ended and firing.done:
                ended.add(index)
                yield index, None

    def _lower(
        self, group: dict[int, Firing], ended: set[int], error: OutOfMemory
    ) -> Iterator[tuple[int, ReelkilnError]]:
        """Everybody who needs as much memory as what ran out of it goes on one rung lower."""
        self.furnace.close()
        hit = [index for index in group if index not in ended and self._as_long(group[index])]
        self.on_out_of_memory(group[hit[0]].plan)
        for index in hit:
            try:
                group[index].step_down(error)
            except PlanRefused as refused:
                yield index, refused

    def _as_long(self, firing: Firing) -> bool:
        if self.at is None:
            return True
        return max(segment.frames for segment in firing.plan.segments) >= self.at.frames

    def _key(self, firing: Firing, segment: Segment) -> str:
        maker = self.kept.maker if self.kept else ""
        return latents_key(segment, firing.plan, self.furnace.card, firing.lead(segment), maker)

    def _known(self, firing: Firing, segment: Segment) -> bool:
        """Whether a segment's latents are at hand: in memory, or on the disk."""
        key = self._key(firing, segment)
        firing.keys.add(key)
        if key not in self.made and self.kept is not None:
            found = self.kept.load(key)
            if found is not None:
                self.made[key] = found
        return key in self.made

    def _keep(self, key: str, latents: Latents) -> None:
        self.made[key] = latents
        if self.kept is not None:
            self.kept.save(key, latents)


def _unled(
    group: Mapping[int, Firing], waiting: Mapping[int, Sequence[Segment]]
) -> dict[int, ReelkilnError]:
    """Those whose start picture can no longer be read, and why. What leads the others is read here,
    before a stage that all of them share."""
    failed: dict[int, ReelkilnError] = {}
    for index, firing in group.items():
        try:
            for segment in waiting[index]:
                firing.lead(segment)
        except UsageError as error:
            failed[index] = error
    return failed

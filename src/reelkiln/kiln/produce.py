"""One segment of the queue, from its row to its file: everything here can be begun again.

What a power cut interrupts is begun again from what lies on the disk: a film in its place is taken
as it is, takes that were rendered are not rendered twice, a part file is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reelkiln import __version__
from reelkiln.errors import (
    MissingLibrary,
    PlanRefused,
    RenderFailed,
    UnknownName,
    WeightsBroken,
    WeightsMissing,
)
from reelkiln.failpoints import failpoint
from reelkiln.film.faults import on_disk
from reelkiln.kiln.bench import Bench, gpu_words, keep_ran_out, remembering
from reelkiln.kiln.control import Control
from reelkiln.kiln.finishing import Finisher
from reelkiln.kiln.kept import (
    clear,
    keep_for_reel,
    read_rendered,
    scratch_of,
    write_rendered,
)
from reelkiln.kiln.recipe import Recipe, take_note
from reelkiln.kiln.renderer import Rendered, Renderer, RenderOrder
from reelkiln.kiln.standards import photo_text, usual_for
from reelkiln.kiln.start import picture_hash, with_picture
from reelkiln.kiln.watch import Progress, RanOut, Watch
from reelkiln.kiln.work import Candidate, Work, reel_work_from_text, work_from_text
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.store.ran_out import recall_model
from reelkiln.store.reels import clips_of
from reelkiln.store.running import mark_phase, note_failure
from reelkiln.store.segment import BATCH, SegmentRow, rank

__all__ = ["FAILURES_MAX", "Producer"]

FAILURES_MAX = 3
"""So often a model may fail at a segment before the next one is taken."""
HUNG_SECONDS = 120.0
"""Silence of a renderer that is always allowed: loading from a slow disk takes long."""
HUNG_TIMES = 3.0
"""Silence beyond this many times the planned seconds of the whole clip is no work any more."""

CANNOT = (PlanRefused, UnknownName, WeightsMissing, WeightsBroken, MissingLibrary)
"""A model that cannot run here today: the next one is taken at once."""


@dataclass(frozen=True, slots=True)
class Producer:
    """Makes segments. Safe to call from as many threads as its renderer is wide.

    `workspace` is what the rows' files are relative to. `cards` are the models there are. `tell`
    is given each step of each segment, `log` what a person should read in the morning.
    """

    bench: Bench
    renderer: Renderer
    control: Control
    workspace: Path
    cards: Callable[[], Mapping[str, Card]]
    log: Callable[[str, str, str], None]
    tell: Callable[[str, Progress], None] = lambda _id, _progress: None
    hung_seconds: float = HUNG_SECONDS
    hung_times: float = HUNG_TIMES

    def __call__(self, row: SegmentRow) -> None:
        """Make a segment, or park it: afterwards its row says which.

        Raises:
            Cancelled, Held: as `Control.check`. GpuBusy, DiskFull, LockHeld: try later; what was
            rendered stays. Other ReelkilnErrors: the segment cannot be made.
        """
        if self._finisher.adopt(row):
            self.clear(row)
            return
        if row.kind == "reel":
            self._have_takes(row)
            self._finisher.reel(row, reel_work_from_text(row.work))
            self.clear(row)
            return
        work = work_from_text(row.work)
        told: list[str] = []
        for candidate in work.candidates:
            rendered = self._tried(row, work, candidate, told)
            if rendered is not None:
                self._finish(row, work, candidate, rendered, told)
                self.clear(row)
                return
        self._finisher.park(row, f"no accepted model could render it: {'; '.join(told)}")
        self.clear(row)

    def clear(self, row: SegmentRow) -> None:
        """Throw away what was in the making for a segment that has ended."""
        clear(row, self.bench.scratch, self.workspace)

    # ── models, in the order in which they are accepted ──────────────────────────────────────────

    def _tried(
        self, row: SegmentRow, work: Work, candidate: Candidate, told: list[str]
    ) -> Rendered | None:
        """What one model rendered, or None with the reason added to `told`."""
        model = candidate.shot.model
        failed = [one for one in row.failures if one.startswith(f"{model}: ")]
        while len(failed) < FAILURES_MAX:
            try:
                return self._render(row, work, candidate, told)
            except CANNOT as error:
                told.append(f"{model}: {error.message}")
                return None
            except RenderFailed as error:
                failed.append(f"{model}: {error.message}")
                note_failure(self.bench.ledger, row.id, model, error.message)
                self.log("crashed", f"{row.id}: {model}: {error.message}", row.id)
        told.append(f"{failed[-1]} ({len(failed)} times)")
        return None

    def _render(
        self, row: SegmentRow, work: Work, candidate: Candidate, told: list[str]
    ) -> Rendered:
        folder = scratch_of(self.bench.scratch, row.id)
        with on_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
        before = read_rendered(folder, candidate.shot.model, whole=True)
        if before is not None:
            return before
        card = candidate.card(self.cards())
        if card is None:
            raise UnknownName("there is no such model, or no such preset, any more")
        locate(card, candidate.shot.preset, self.bench.cache)
        # Read anew for each segment: the one before may have run out of memory a minute ago.
        machine = self.renderer.machine or self.bench.machine
        machine = remembering(machine, self.bench.ledger, self.bench.now())
        plan = plan_shot(candidate.shot, card, machine)
        because = _because(work, candidate, told)
        if told and row.model != card.name:
            self.log("fell_back", f"{row.id}: {because}", row.id)
        order = RenderOrder(
            id=row.id,
            shot=candidate.shot,
            plan=plan,
            card=card,
            palette=work.palette,
            photo=photo_text(self.workspace / work.photo if work.photo else None),
            usual=usual_for(work.origin, self.bench.ledger),
            urgent=row.priority < BATCH,
            rank=rank(row),
            planned_for=gpu_words(machine),
            ran_out=recall_model(self.bench.ledger, model=card.name, now=self.bench.now()),
        )
        failpoint("before render")
        rendered = self.renderer.render(order, folder, self._watch(row, plan, card.name, because))
        failpoint("after render")
        write_rendered(folder, candidate.shot.model, rendered)
        return rendered

    def _watch(self, row: SegmentRow, plan: Plan, model: str, because: str) -> Watch:
        """Stops the render when the shift wants it, or when nothing was heard for too long."""
        allowed = max(self.hung_seconds, self.hung_times * plan.seconds_estimate)
        last: tuple[str, int, int] | None = None
        since = self.bench.clock()

        def progress(now: Progress) -> None:
            nonlocal last, since
            self.control.check(row.id)
            if now.phase == "wait":  # others of its batch are at work
                since = self.bench.clock()
                return
            mark = (now.phase, now.done, now.attempt)
            if mark != last:
                if last is None or now.phase != last[0]:
                    mark_phase(self.bench.ledger, row.id, now.phase, model=model, because=because)
                last, since = mark, self.bench.clock()
                self.tell(row.id, now)
                failpoint("step told")
            elif self.bench.clock() - since > allowed:
                raise RenderFailed(f"nothing was heard of the renderer for {allowed:.0f} seconds")

        return Watch(progress, on_ran_out=lambda what: self._ran_out(row, what))

    def _ran_out(self, row: SegmentRow, what: RanOut) -> None:
        """Memory of a GPU ran out: no later plan needs as much, and the morning is told."""
        keep_ran_out(what, self.bench)
        need = f"{what.need / 2**30:.1f} GiB"
        said = f"{row.id}: {what.model} planned for {need} ran out of the memory of {what.gpu}"
        self.log("memory", f"{said}; it went on with less", row.id)

    def _have_takes(self, row: SegmentRow) -> None:
        """Render those clips of a reel again whose kept takes are gone: scratch does not move house
        with a workspace.

        Raises:
            RenderFailed: one is refused this time. Others as rendering does.
        """
        for clip in clips_of(self.bench.ledger, row.id):
            if keep_for_reel(clip, self.bench.scratch):
                continue
            self.log("crashed", f"{row.id}: the takes of {clip.id} are gone; again", row.id)
            work = work_from_text(clip.work)
            same = [one for one in work.candidates if one.shot.model == clip.model]
            rendered = self._render(clip, work, (same or work.candidates)[0], [])
            if rendered.refusals:
                why = "; ".join(rendered.refusals)
                raise RenderFailed(f"{clip.id}, rendered again for its reel, was refused: {why}")
            keep_for_reel(clip, self.bench.scratch)
            self.clear(clip)

    # ── from takes to a file ─────────────────────────────────────────────────────────────────────

    def _finish(
        self,
        row: SegmentRow,
        work: Work,
        candidate: Candidate,
        rendered: Rendered,
        told: list[str],
    ) -> None:
        recipe = self._recipe(work, candidate, rendered, _because(work, candidate, told))
        self._finisher.clip(row, recipe, rendered, private=work.private)

    @property
    def _finisher(self) -> Finisher:
        find = self.cards
        return Finisher(
            self.bench, self.control, self.workspace, self.tell, lambda name: find().get(name)
        )

    def _recipe(self, work: Work, candidate: Candidate, rendered: Rendered, because: str) -> Recipe:
        image = candidate.shot.image
        shot, plan = with_picture(candidate.shot, rendered.plan, Path(image).name if image else "")
        return Recipe(
            shot=shot,
            plan=plan,
            picture=picture_hash(candidate.shot),
            weights=rendered.weights,
            libraries=rendered.libraries,
            reelkiln=__version__,
            machine=rendered.machine,
            chosen_because=because,
            seconds=rendered.seconds,
            peak_vram=rendered.peak_vram,
            peak_ram=rendered.peak_ram,
            takes=tuple(take_note(take) for take in rendered.takes),
            unread=rendered.unread,
            origin=work.origin,
        )


def _because(work: Work, candidate: Candidate, told: list[str]) -> str:
    if not told:
        return work.because
    return f"{candidate.shot.model} was taken because {'; '.join(told)}"

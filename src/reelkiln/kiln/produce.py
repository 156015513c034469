"""One segment of the queue, from its row to its file: everything here can be begun again.

What a power cut interrupts is begun again from what lies on the disk: a film in its place is taken
as it is, takes that were rendered are not rendered twice, a part file is thrown away.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reelkiln import __version__
from reelkiln.errors import (
    MissingLibrary,
    PlanRefused,
    ReelkilnError,
    RenderFailed,
    UnknownName,
    UsageError,
    WeightsBroken,
    WeightsMissing,
)
from reelkiln.failpoints import failpoint
from reelkiln.film.faults import on_disk
from reelkiln.film.names import companions
from reelkiln.film.partfile import write_bytes
from reelkiln.film.take import is_whole
from reelkiln.kiln.bench import Bench, gpu_words, keep_ran_out, remembering
from reelkiln.kiln.control import Control
from reelkiln.kiln.deliver import deliver, file_sha256, record
from reelkiln.kiln.disk import staging_of
from reelkiln.kiln.names import refused
from reelkiln.kiln.recipe import Recipe, recipe_from_json, take_note
from reelkiln.kiln.renderer import Rendered, Renderer, RenderOrder
from reelkiln.kiln.standards import photo_text, usual_for
from reelkiln.kiln.start import picture_hash, with_picture
from reelkiln.kiln.watch import PhaseClock, Progress, RanOut, Watch
from reelkiln.kiln.work import Candidate, Work, work_from_text
from reelkiln.models.installed import locate
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.store.ran_out import recall_model
from reelkiln.store.running import mark_phase, note_failure, park
from reelkiln.store.segment import BATCH, SegmentRow

__all__ = ["FAILURES_MAX", "Producer", "scratch_of"]

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
        work = work_from_text(row.work)
        if self._adopt(row):
            self.clear(row)
            return
        told: list[str] = []
        for candidate in work.candidates:
            rendered = self._tried(row, work, candidate, told)
            if rendered is not None:
                self._finish(row, work, candidate, rendered, told)
                self.clear(row)
                return
        self._park(row, f"no accepted model could render it: {'; '.join(told)}")
        self.clear(row)

    def clear(self, row: SegmentRow) -> None:
        """Throw away what was in the making for a segment that has ended."""
        rendered = _rendered_of(scratch_of(self.bench.scratch, row.id))
        for key in rendered.latents if rendered else ():
            (self.bench.scratch / LATENTS / f"{key}.latents").unlink(missing_ok=True)
        shutil.rmtree(scratch_of(self.bench.scratch, row.id), ignore_errors=True)
        place = staging_of((self.workspace / row.movie).parent, row.id)
        shutil.rmtree(place, ignore_errors=True)

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
        before = _read_rendered(folder, candidate)
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
            planned_for=gpu_words(machine),
            ran_out=recall_model(self.bench.ledger, model=card.name, now=self.bench.now()),
        )
        failpoint("before render")
        rendered = self.renderer.render(order, folder, self._watch(row, plan, card.name, because))
        failpoint("after render")
        _write_rendered(folder, candidate, rendered)
        return rendered

    def _watch(self, row: SegmentRow, plan: Plan, model: str, because: str) -> Watch:
        """Stops the render when the shift wants it, or when nothing was heard for too long."""
        allowed = max(self.hung_seconds, self.hung_times * plan.seconds_estimate)
        last: list[object] = [None]
        since = [self.bench.clock()]

        def progress(now: Progress) -> None:
            self.control.check(row.id)
            if now.phase == "wait":  # others of its batch are at work
                since[0] = self.bench.clock()
                return
            mark = (now.phase, now.done, now.attempt)
            if mark != last[0]:
                if last[0] is None or now.phase != last[0][0]:  # type: ignore[index]
                    mark_phase(self.bench.ledger, row.id, now.phase, model=model, because=because)
                last[0], since[0] = mark, self.bench.clock()
                self.tell(row.id, now)
                failpoint("step told")
            elif self.bench.clock() - since[0] > allowed:
                raise RenderFailed(f"nothing was heard of the renderer for {allowed:.0f} seconds")

        return Watch(progress, on_ran_out=lambda what: self._ran_out(row, what))

    def _ran_out(self, row: SegmentRow, what: RanOut) -> None:
        """Memory of a GPU ran out: no later plan needs as much, and the morning is told."""
        keep_ran_out(what, self.bench)
        need = f"{what.need / 2**30:.1f} GiB"
        said = f"{row.id}: {what.model} planned for {need} ran out of the memory of {what.gpu}"
        self.log("memory", f"{said}; it went on with less", row.id)

    # ── from takes to a file ─────────────────────────────────────────────────────────────────────

    def _finish(
        self,
        row: SegmentRow,
        work: Work,
        candidate: Candidate,
        rendered: Rendered,
        told: list[str],
    ) -> None:
        fired = rendered.fired()
        because = _because(work, candidate, told)
        recipe = self._recipe(work, candidate, rendered, because)
        movie = self.workspace / row.movie
        good = not fired.refusals
        clock = PhaseClock(
            self.bench.clock,
            Watch(lambda progress: self._finishing(row, progress, recipe)),
            before=fired.seconds,
        )
        if not good and not fired.whole:
            self._park(row, _why(fired.refusals), rendered=rendered)
            return
        path = movie if good else refused(movie)
        with on_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        delivery = deliver(
            fired.chosen,
            recipe,
            path,
            private=work.private,
            signer=self.bench.signer(),
            clock=clock,
            segment_id=row.id,
        )
        if not good:
            self._park(row, _why(fired.refusals), kept=self._said(path), rendered=rendered)
            return
        failpoint("before row")
        record(replace(delivery, movie=movie), fired.takes, self.bench, row.id)
        failpoint("after row")

    def _finishing(self, row: SegmentRow, progress: Progress, recipe: Recipe) -> None:
        self.control.check(row.id)
        if progress.done == 0:
            mark_phase(
                self.bench.ledger,
                row.id,
                "finish",
                model=recipe.shot.model,
                because=recipe.chosen_because,
            )
        self.tell(row.id, progress)

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

    def _park(
        self, row: SegmentRow, why: str, *, kept: str = "", rendered: Rendered | None = None
    ) -> None:
        failpoint("before park")
        park(
            self.bench.ledger,
            row.id,
            why,
            kept=kept,
            takes=rendered.takes if rendered else (),
            seconds=rendered.seconds if rendered else None,
            now=self.bench.now(),
        )

    def _said(self, path: Path) -> str:
        inside = path.is_relative_to(self.workspace)
        return path.relative_to(self.workspace).as_posix() if inside else str(path)

    def _adopt(self, row: SegmentRow) -> bool:
        """Whether its film lies in its place already, whole: then only the row was missing."""
        movie = self.workspace / row.movie
        try:
            sidecar = json.loads(companions(movie).sidecar.read_text(encoding="utf-8"))
            if sidecar["segment"] != row.id or sidecar["sha256"] != file_sha256(movie):
                return False
            recipe = recipe_from_json(sidecar["recipe"])
            digest = str(sidecar["digest"])
        except (OSError, ValueError, KeyError, TypeError, UsageError):
            return False
        rendered = _rendered_of(scratch_of(self.bench.scratch, row.id))
        self.bench.ledger.record_delivery(
            sha256=sidecar["sha256"],
            recipe_digest=digest,
            recipe=json.dumps(sidecar["recipe"], ensure_ascii=False, separators=(",", ":")),
            path=str(movie.absolute()),
            takes=rendered.takes if rendered else (),
            now=self.bench.now(),
            model=recipe.shot.model,
            origin=recipe.origin,
            segment_id=row.id,
            seconds=recipe.seconds,
        )
        return True


def scratch_of(scratch: Path, segment_id: str) -> Path:
    """Where a segment's takes and latents lie until it has ended."""
    return scratch / "segments" / segment_id


def _because(work: Work, candidate: Candidate, told: list[str]) -> str:
    if not told:
        return work.because
    return f"{candidate.shot.model} was taken because {'; '.join(told)}"


def _why(refusals: tuple[str, ...]) -> str:
    return f"no take was good enough: {'; '.join(refusals)}"


RENDERED = "rendered.json"
LATENTS = "latents"


def _write_rendered(folder: Path, candidate: Candidate, rendered: Rendered) -> None:
    data = {"model": candidate.shot.model, "rendered": rendered.to_json()}
    write_bytes(folder / RENDERED, json.dumps(data, allow_nan=False).encode())


def _rendered_of(folder: Path, model: str = "") -> Rendered | None:
    try:
        data = json.loads((folder / RENDERED).read_bytes())
        rendered = Rendered.from_json(data["rendered"])
    except (OSError, ValueError, KeyError, TypeError, ReelkilnError):
        return None
    return rendered if model in ("", data["model"]) else None


def _read_rendered(folder: Path, candidate: Candidate) -> Rendered | None:
    """What this model rendered before the power went, where all of its takes are still there."""
    rendered = _rendered_of(folder, candidate.shot.model)
    if rendered is None or not all(is_whole(Path(t.path), t.sha256) for t in rendered.chosen):
        return None
    return rendered

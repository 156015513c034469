"""The end of a segment of the queue: its takes become a film with a row, or a person is asked.

Everything here can be begun again: a film in its place is taken as it is, a part file is thrown
away, a row is written once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelkiln.errors import UsageError
from reelkiln.failpoints import failpoint
from reelkiln.film.faults import on_disk
from reelkiln.film.names import companions
from reelkiln.film.platforms import find_platform
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.control import Control
from reelkiln.kiln.deliver import deliver, file_sha256, record
from reelkiln.kiln.deliver_reel import ReelMaker, board_of, record_reel
from reelkiln.kiln.dress import dress, settled
from reelkiln.kiln.edit import reel_from_json
from reelkiln.kiln.kept import keep_for_reel, kept_for_reel, read_rendered, scratch_of
from reelkiln.kiln.looks import Tools
from reelkiln.kiln.names import refused
from reelkiln.kiln.recipe import Recipe, recipe_from_json, recipe_from_text, take_note
from reelkiln.kiln.reel import check_files
from reelkiln.kiln.renderer import Rendered
from reelkiln.kiln.shoot import Footage
from reelkiln.kiln.standards import photo_for
from reelkiln.kiln.start import with_picture
from reelkiln.kiln.watch import PhaseClock, Progress, Watch
from reelkiln.kiln.work import ReelWork, work_from_text
from reelkiln.plan.card import Card
from reelkiln.store.ledger import Board
from reelkiln.store.reels import clips_of, recipe_of
from reelkiln.store.running import mark_phase, park
from reelkiln.store.segment import SegmentRow

if TYPE_CHECKING:
    from reelkiln.gate.product import Photo

__all__ = ["Finisher"]


@dataclass(frozen=True, slots=True)
class Finisher:
    """Finishes segments. `workspace` is what the rows' files are relative to; `tell` is given each
    step; `card` finds the card of a model, for its licence."""

    bench: Bench
    control: Control
    workspace: Path
    tell: Callable[[str, Progress], None]
    card: Callable[[str], Card | None]

    def clip(self, row: SegmentRow, recipe: Recipe, rendered: Rendered, *, private: bool) -> None:
        """Deliver the kept takes of a clip; where a take was refused, park it with the best ones.

        Raises:
            Cancelled, Held: as `Control.check`. DiskFull, LockHeld, FilmError, UsageError: nothing
                is delivered; what was rendered stays.
        """
        fired = rendered.fired()
        movie = self.workspace / row.movie
        good = not fired.refusals
        if not good and not fired.whole:
            self.park(row, _why(fired.refusals), rendered=rendered)
            return
        path = movie if good else refused(movie)
        with on_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        watch = self._watch(row, recipe.shot.model, recipe.chosen_because)
        delivery = deliver(
            fired.chosen,
            recipe,
            path,
            private=private,
            signer=self.bench.signer(),
            clock=PhaseClock(self.bench.clock, watch, before=fired.seconds),
            segment_id=row.id,
        )
        if not good:
            self.park(row, _why(fired.refusals), kept=self._said(path), rendered=rendered)
            return
        if row.reel_id:
            keep_for_reel(row, self.bench.scratch)
        failpoint("before row")
        record(replace(delivery, movie=movie), fired.takes, self.bench, row.id)
        failpoint("after row")

    def reel(self, row: SegmentRow, work: ReelWork) -> None:
        """Join the clips of a reel, which are all delivered, and deliver it.

        Raises:
            RenderFailed: takes are gone. Others as `clip`, and UsageError where a file that the
                reel was told with is another one by now.
        """
        edit, clips = work.edit, clips_of(self.bench.ledger, row.id)
        check_files(edit, self.workspace)
        footage = [self._footage(clip) for clip in clips]
        platform, movie = find_platform(edit.platform), self.workspace / row.movie
        clock = PhaseClock(self.bench.clock, self._watch(row, clips[0].model, work.because))
        clock.step("finish", 0, 1)
        with on_disk(movie):
            movie.parent.mkdir(parents=True, exist_ok=True)
        with self.bench.scratch_folder() as scratch:
            worn = dress(edit, self.workspace, platform, scratch / "sound.f32")
            found = {model: self.card(model) for model in {clip.model for clip in clips}}
            delivery = ReelMaker(
                edit=edit,
                movie=movie,
                platform=platform,
                worn=settled(worn, edit, self.workspace, platform, footage),
                footage=footage,
                cards={model: card for model, card in found.items() if card is not None},
                signer=self.bench.signer(),
                clock=clock,
                segment_id=row.id,
                tools=Tools(photo=self._photo(clips[0])),
            ).delivered()
        failpoint("before reel row")
        record_reel(delivery, footage, self.bench, row.id)
        failpoint("after reel row")

    def adopt(self, row: SegmentRow) -> bool:
        """Whether its film lies in its place already, whole: then only the row was missing."""
        movie = self.workspace / row.movie
        try:
            sidecar = json.loads(companions(movie).sidecar.read_text(encoding="utf-8"))
            if sidecar["segment"] != row.id or sidecar["sha256"] != file_sha256(movie):
                return False
            told, digest = sidecar["recipe"], str(sidecar["digest"])
            about = _about_reel(told) if row.kind == "reel" else _about_clip(told)
        except (OSError, ValueError, KeyError, TypeError, UsageError):
            return False
        if row.reel_id and not keep_for_reel(row, self.bench.scratch):
            return False  # its reel needs the takes: they are rendered again
        rendered = read_rendered(scratch_of(self.bench.scratch, row.id))
        self.bench.ledger.record_delivery(
            sha256=sidecar["sha256"],
            recipe_digest=digest,
            recipe=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
            path=str(movie.absolute()),
            takes=rendered.takes if rendered else (),
            now=self.bench.now(),
            segment_id=row.id,
            **about,
        )
        return True

    def park(
        self, row: SegmentRow, why: str, *, kept: str = "", rendered: Rendered | None = None
    ) -> None:
        """Leave it to a person."""
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

    def _footage(self, clip: SegmentRow) -> Footage:
        rendered = kept_for_reel(clip, self.bench.scratch)
        told = recipe_from_text(recipe_of(self.bench.ledger, clip.id))
        # As these takes were rendered: it may have been again, and on another computer.
        _, plan = with_picture(told.shot, rendered.plan, told.shot.image or "")
        recipe = replace(
            told,
            plan=plan,
            weights=rendered.weights,
            libraries=rendered.libraries,
            machine=rendered.machine,
            takes=tuple(map(take_note, rendered.takes)),
        )
        return Footage(recipe, rendered.chosen, rendered.takes)

    def _photo(self, clip: SegmentRow) -> Photo | None:
        photo = work_from_text(clip.work).photo
        return photo_for(self.workspace / photo if photo else None)

    def _watch(self, row: SegmentRow, model: str, because: str) -> Watch:
        def progress(now: Progress) -> None:
            self.control.check(row.id)
            if now.done == 0:
                mark_phase(self.bench.ledger, row.id, "finish", model=model, because=because)
            self.tell(row.id, now)

        return Watch(progress)

    def _said(self, path: Path) -> str:
        inside = path.is_relative_to(self.workspace)
        return path.relative_to(self.workspace).as_posix() if inside else str(path)


def _about_clip(told: Any) -> dict[str, Any]:
    recipe = recipe_from_json(told)
    return {"model": recipe.shot.model, "origin": recipe.origin, "seconds": recipe.seconds}


def _about_reel(told: Any) -> dict[str, Any]:
    recipe = reel_from_json(told)
    board: Board = board_of(recipe)
    return {"model": recipe.clips[0].shot.model, "board": board, "seconds": recipe.seconds}


def _why(refusals: tuple[str, ...]) -> str:
    return f"no take was good enough: {'; '.join(refusals)}"

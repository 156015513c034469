"""From the kept takes of several shots to a reel's files under their final names, and its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelkiln import __version__
from reelkiln.errors import FilmError
from reelkiln.failpoints import failpoint
from reelkiln.film.facts import Facts
from reelkiln.film.faults import on_disk
from reelkiln.film.label import Claim, Signer, label
from reelkiln.film.names import Companions, companions
from reelkiln.film.partfile import flush_folder, write_bytes
from reelkiln.film.platforms import house_rules
from reelkiln.film.reel import Delivery as Wish
from reelkiln.film.reel import finish_reel
from reelkiln.film.report import Report
from reelkiln.film.rules import Platform
from reelkiln.film.sheet import write_contact_sheet, write_poster
from reelkiln.film.sidecar import write_sidecar
from reelkiln.film.subtitles import to_srt
from reelkiln.film.survey import survey
from reelkiln.film.tags import COMMENT, RECIPE, TITLE
from reelkiln.film.validate import judge
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.deliver import MADE_BY, file_sha256
from reelkiln.kiln.disk import staging
from reelkiln.kiln.dress import Dressed, pieces_of
from reelkiln.kiln.edit import Edit, ReelRecipe, reel_digest, reel_to_json, reel_to_text
from reelkiln.kiln.known import scenes_of
from reelkiln.kiln.looks import Tools
from reelkiln.kiln.names import reel_family
from reelkiln.kiln.scenes import measured
from reelkiln.kiln.shoot import Footage
from reelkiln.kiln.watch import PhaseClock
from reelkiln.kiln.weights import licences
from reelkiln.plan.card import Card
from reelkiln.store.ledger import Board

__all__ = ["ReelDelivery", "ReelMaker", "board_of", "record_reel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelDelivery:
    """One finished reel: its files, what is in them, how it was made, what its platform says."""

    movie: Path
    beside: Companions
    sha256: str
    digest: str
    recipe: ReelRecipe
    facts: Facts
    report: Report


@dataclass(slots=True, kw_only=True)
class ReelMaker:
    """One reel: `edit` is done with `footage`, wearing what `worn` says, and put as `movie`.

    `cards` are those of the models that rendered, by their names. `embed` writes the whole recipe
    into the film, not only its hash. `segment_id` is the row of the queue that this is, None
    outside of it. `tools` look at each shot of the finished reel.
    """

    edit: Edit
    movie: Path
    platform: Platform
    worn: Dressed
    footage: Sequence[Footage]
    cards: Mapping[str, Card]
    signer: Signer
    clock: PhaseClock
    embed: bool = False
    segment_id: str | None = None
    tools: Tools = field(default_factory=Tools)

    def delivered(self) -> ReelDelivery:
        """All files of the reel in place, or none.

        Raises:
            FilmError: no film could be made, or its platform would not take it.
            DiskFull, UsageError: the folder does not take it.
        """
        movie = self.movie
        recipe = ReelRecipe(
            edit=self.edit,
            clips=tuple(one.recipe for one in self.footage),
            reelkiln=__version__,
        )
        with staging(movie.parent, self.segment_id) as place:
            staged = place / movie.name
            facts = self._finished(staged, recipe)
            labelled = label(staged, self._claim(recipe), self.signer)
            beside = companions(staged)
            write_poster(staged, beside.poster, made_by_ai=True)
            write_contact_sheet(staged, beside.sheet, made_by_ai=True)
            if self.worn.captions:
                write_bytes(beside.subtitles, to_srt(self.worn.captions).encode())
            made = replace(recipe, seconds=self.clock.seconds())
            sha256 = file_sha256(staged)
            shots = self._measured(staged, recipe)
            write_sidecar(staged, self._sidecar(made, sha256) | {"shots": shots})
            report = self._proved(staged)
            failpoint("reel staged")
            _put(place, movie)
        return ReelDelivery(
            movie=movie,
            beside=companions(movie),
            sha256=sha256,
            digest=reel_digest(made),
            recipe=made,
            facts=replace(facts, bytes=labelled.bytes),
            report=replace(report, path=movie),
        )

    def _finished(self, staged: Path, recipe: ReelRecipe) -> Facts:
        edit = self.edit
        self.clock.step("finish", 0, 1)
        return finish_reel(
            pieces_of(edit, self.footage),
            self.worn.laid.shown,
            staged,
            Wish(size=edit.size, fps=edit.fps, loop=edit.loop),
            self._tags(recipe),
            on_frame=lambda done, total: self.clock.step("finish", done, total),
            sound=self.worn.sound,
        )

    def _tags(self, recipe: ReelRecipe) -> dict[str, str]:
        if not self.embed:
            return {RECIPE: reel_digest(recipe), COMMENT: MADE_BY}
        title = self.edit.end.headline if self.edit.end else recipe.edit.storyboard
        return {RECIPE: reel_to_text(recipe), TITLE: title, COMMENT: MADE_BY}

    def _claim(self, recipe: ReelRecipe) -> Claim:
        words = "\n".join(clip.shot.prompt for clip in recipe.clips) if self.embed else ""
        return Claim(recipe=reel_digest(recipe), words=words)

    def _sidecar(self, recipe: ReelRecipe, sha256: str) -> dict[str, Any]:
        edit, heard = recipe.edit, self.worn.heard
        weights = {clip.shot.model: clip.weights for clip in recipe.clips}
        return {
            **({} if self.segment_id is None else {"segment": self.segment_id}),
            "file": self.movie.name,
            "sha256": sha256,
            "digest": reel_digest(recipe),
            "recipe": reel_to_json(recipe),
            "platform": edit.platform,
            "language": edit.language,
            "overlays": self.worn.laid.boxes(),
            "licences": [
                one
                for model, found in weights.items()
                if model in self.cards
                for one in licences(self.cards[model], found)
            ],
            "sound": {
                "music": self.worn.rights or "silent",
                "lufs": round(heard.lufs, 2) if heard and heard.lufs is not None else None,
            },
            "disclosure": {"note": edit.disclosure, "because": list(edit.disclosed_because)},
        }

    def _measured(self, staged: Path, recipe: ReelRecipe) -> list[dict[str, Any]]:
        """Each shot of the finished reel against its words, the product and the brand's colours."""
        scenes = measured(staged, scenes_of(recipe), self.edit.palette, self.tools)
        return [
            {"start": float(one.start), "end": float(one.end), "marks": dict(one.marks)}
            for one in scenes
        ]

    def _proved(self, staged: Path) -> Report:
        """What its platform says of the finished file, which is as its sidecar tells.

        Raises:
            FilmError: the platform would not take it.
        """
        report = judge(survey(staged), self.platform, house_rules())
        if report.ok:
            return report
        said = tuple(f"{one.name}: {one.found}; to do: {one.do}" for one in report.failed)
        raise FilmError(
            f"{self.movie.name} would not be taken by {self.platform.title}",
            hint="Change what is named in the storyboard, or take another platform.",
            details=said,
        )


def _put(place: Path, movie: Path) -> None:
    """Every file under its final name, the film last; an older reel's captions do not stay."""
    for path in reel_family(movie):
        with on_disk(path):
            if (place / path.name).exists():
                (place / path.name).replace(path)
            else:
                path.unlink(missing_ok=True)
        failpoint("reel file in place")
    with on_disk(movie):
        flush_folder(movie.parent)


def record_reel(
    delivery: ReelDelivery,
    footage: Sequence[Footage],
    bench: Bench,
    segment_id: str | None = None,
) -> None:
    """One row for the reel; its takes are those of all its shots, their segments counted on.

    Raises:
        LedgerError, LockHeld, DiskFull: no row was written; the files stay.
    """
    takes = []
    at = 0
    for one in footage:
        takes += [replace(take, segment=at + take.segment) for take in one.takes]
        at += len(one.recipe.plan.segments)
    bench.ledger.record_delivery(
        sha256=delivery.sha256,
        recipe_digest=delivery.digest,
        recipe=reel_to_text(delivery.recipe),
        path=str(delivery.movie.absolute()),
        takes=tuple(takes),
        now=bench.now(),
        model=delivery.recipe.clips[0].shot.model,
        segment_id=segment_id,
        seconds=delivery.recipe.seconds,
        board=board_of(delivery.recipe),
    )


def board_of(recipe: ReelRecipe) -> Board:
    """What a reel was told by, for its row."""
    origins = [clip.origin for clip in recipe.clips if clip.origin is not None]
    return Board(
        storyboard=recipe.edit.storyboard,
        product=recipe.edit.product,
        templates=tuple(origin.template for origin in origins),
    )

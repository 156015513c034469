"""Told storyboards become finished reels: shot, joined, dressed, labelled, proved, remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelkiln import __version__
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.facts import Facts
from reelkiln.film.faults import on_disk
from reelkiln.film.label import Claim, Signer, label
from reelkiln.film.names import Companions, companions
from reelkiln.film.partfile import write_bytes
from reelkiln.film.platforms import find_platform, house_rules
from reelkiln.film.reel import Delivery as Wish
from reelkiln.film.reel import finish_reel
from reelkiln.film.report import Report
from reelkiln.film.sheet import write_contact_sheet, write_poster
from reelkiln.film.sidecar import write_sidecar
from reelkiln.film.subtitles import to_srt
from reelkiln.film.survey import survey
from reelkiln.film.tags import COMMENT, RECIPE, TITLE
from reelkiln.film.validate import judge
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board import ReelOrder
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.deliver import MADE_BY, file_sha256
from reelkiln.kiln.disk import staging
from reelkiln.kiln.dress import Dressed, dress, pieces_of, settled
from reelkiln.kiln.edit import (
    Edit,
    FileNote,
    ReelRecipe,
    reel_digest,
    reel_to_json,
    reel_to_text,
)
from reelkiln.kiln.names import reel_family
from reelkiln.kiln.shelf import Shelf
from reelkiln.kiln.shoot import Footage, distinct, shoot
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.kiln.weights import licences

__all__ = ["ReelDelivery", "check_files", "make_reels"]


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


def make_reels(
    orders: Sequence[ReelOrder],
    choice: Choice,
    bench: Bench,
    watch: Watch,
    *,
    embed: bool = False,
    anew: bool = False,
) -> tuple[ReelDelivery, ...]:
    """Make every reel; shots that several of them show are rendered once.

    What lies over the pictures and is heard is made ready first, so that a mistake in it costs no
    rendering. Kept takes stay on the bench's shelf: made again, a reel goes on where it stopped.

    Args:
        orders: at least one, all for the same model.
        embed: write the whole recipe, words included, into the films, not only its hash.
        anew: render every shot, also those whose takes lie on the shelf.

    Raises:
        GateRefused: a shot was refused: no reel is made; the details name what was kept.
        UsageError: a text, logo, font or music that cannot be used, or a certificate.
        WeightsMissing, WeightsBroken, MissingLibrary: before anything is rendered.
        FilmError, DiskFull, LedgerError, LockHeld, RenderFailed: the reels made so far stay.
    """
    signer = bench.signer()
    shots = [shot for order in orders for shot in order.shots]
    first = distinct(shots)
    with bench.scratch_folder() as scratch:
        dressed = [
            dress(
                order.edit,
                order.folder,
                find_platform(order.edit.platform),
                scratch / f"sound-{number}.f32",
            )
            for number, order in enumerate(orders)
        ]
        shelf = Shelf(scratch / "takes" if anew else bench.shelf)
        footage = list(
            shoot(shots, choice, bench, watch, signer=signer, shelf=shelf, further=len(orders))
        )
        deliveries = []
        for number, (order, worn) in enumerate(zip(orders, dressed, strict=True), 1):
            mine, footage = footage[: len(order.shots)], footage[len(order.shots) :]
            clock = PhaseClock(bench.clock, watch, clip=first + number, clips=first + len(orders))
            platform = find_platform(order.edit.platform)
            fitted = settled(worn, order.edit, order.folder, platform, mine)
            maker = _Maker(order, fitted, mine, choice, signer, clock, embed)
            deliveries.append(maker.delivered())
            _record(deliveries[-1], mine, bench)
    return tuple(deliveries)


def check_files(edit: Edit, folder: Path) -> None:
    """Refuse to make a reel again whose files are others by now.

    Raises:
        UsageError: a logo, font or track is gone, or is not the file it was; all are named.
    """
    music = edit.music.track if edit.music else None
    notes = [note for note in (edit.logo, edit.heading, edit.body, music) if note]
    wrong = tuple(said for note in notes if (said := _changed(folder, note)))
    if wrong:
        raise UsageError(
            "files that the reel was made with are not here as they were",
            hint="Go into the reel's workspace and put them back, or make it anew with"
            " `reelkiln reel`.",
            details=wrong,
        )


def _changed(folder: Path, note: FileNote) -> str:
    try:
        same = file_sha256(folder / note.path) == note.sha256
    except OSError as error:
        return f"{note.path}: {error.strerror or error}"
    return "" if same else f"{note.path}: it is another file by now"


@dataclass(slots=True)
class _Maker:
    order: ReelOrder
    worn: Dressed
    footage: Sequence[Footage]
    choice: Choice
    signer: Signer
    clock: PhaseClock
    embed: bool

    def delivered(self) -> ReelDelivery:
        """All files of the reel in place, or none."""
        movie = self.order.movie
        recipe = ReelRecipe(
            edit=self.order.edit,
            clips=tuple(one.recipe for one in self.footage),
            reelkiln=__version__,
        )
        with staging(movie.parent) as place:
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
            write_sidecar(staged, self._sidecar(made, sha256))
            report = self._proved(staged)
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
        edit = self.order.edit
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
        title = self.order.edit.end.headline if self.order.edit.end else recipe.edit.storyboard
        return {RECIPE: reel_to_text(recipe), TITLE: title, COMMENT: MADE_BY}

    def _claim(self, recipe: ReelRecipe) -> Claim:
        words = "\n".join(clip.shot.prompt for clip in recipe.clips) if self.embed else ""
        return Claim(recipe=reel_digest(recipe), words=words)

    def _sidecar(self, recipe: ReelRecipe, sha256: str) -> dict[str, Any]:
        edit, heard = recipe.edit, self.worn.heard
        weights = recipe.clips[0].weights
        return {
            "file": self.order.movie.name,
            "sha256": sha256,
            "digest": reel_digest(recipe),
            "recipe": reel_to_json(recipe),
            "platform": edit.platform,
            "language": edit.language,
            "overlays": self.worn.laid.boxes(),
            "licences": licences(self.choice.card, weights),
            "sound": {
                "music": self.worn.rights or "silent",
                "lufs": round(heard.lufs, 2) if heard and heard.lufs is not None else None,
            },
            "disclosure": {"note": edit.disclosure, "because": list(edit.disclosed_because)},
        }

    def _proved(self, staged: Path) -> Report:
        """What its platform says of the finished file, which is as its sidecar tells.

        Raises:
            FilmError: the platform would not take it.
        """
        platform = find_platform(self.order.edit.platform)
        report = judge(survey(staged), platform, house_rules())
        if report.ok:
            return report
        said = tuple(f"{one.name}: {one.found}; to do: {one.do}" for one in report.failed)
        raise FilmError(
            f"{self.order.movie.name} would not be taken by {platform.title}",
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


def _record(delivery: ReelDelivery, footage: Sequence[Footage], bench: Bench) -> None:
    """One row for the reel; its takes are those of all its shots, their segments counted on."""
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
    )

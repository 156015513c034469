"""From kept takes to files under their final names, and a row in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelkiln.failpoints import failpoint
from reelkiln.film.facts import Facts
from reelkiln.film.faults import on_disk
from reelkiln.film.finish import Finish, finish
from reelkiln.film.label import Claim, Signer, label
from reelkiln.film.names import Companions, companions
from reelkiln.film.partfile import flush_folder
from reelkiln.film.sheet import write_contact_sheet, write_poster
from reelkiln.film.sidecar import write_sidecar
from reelkiln.film.tags import COMMENT, RECIPE, TITLE
from reelkiln.film.take import read_take
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.disk import staging
from reelkiln.kiln.names import family
from reelkiln.kiln.recipe import Recipe, digest, recipe_to_json, recipe_to_text
from reelkiln.kiln.watch import PhaseClock
from reelkiln.kiln.weights import licences
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Shot, Take

__all__ = ["FPS", "MADE_BY", "Delivery", "clips_of", "deliver", "file_sha256", "record"]

FPS = 24
"""Frames per second of every file: the least that all networks take."""
MADE_BY = "made with reelkiln"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One finished clip: its files, what is in them, and how it was made."""

    movie: Path
    beside: Companions
    sha256: str
    digest: str
    recipe: Recipe
    facts: Facts


def deliver(
    takes: tuple[Take, ...],
    recipe: Recipe,
    movie: Path,
    *,
    private: bool,
    signer: Signer,
    clock: PhaseClock,
    segment_id: str | None = None,
    card: Card | None = None,
) -> Delivery:
    """Join, finish, check and label the takes, and put the files in place: all of them or none.

    Every film is marked as made by AI, also a private one. The film comes last: whoever finds it
    after a power cut finds its companions too.

    Args:
        segment_id: the segment of the queue that this is, for its sidecar.
        recipe: how the takes were made; the seconds of finishing are added to it here.
        private: write the recipe's hash into the film, not the recipe.
        signer: who signs the label; it holds the recipe's hash, never its words.
        card: the model's, whose licence and its duties the sidecar then lists.

    Raises:
        FilmError: no film could be made of the takes.
        DiskFull, UsageError: the folder does not take it.
    """
    with staging(movie.parent, segment_id) as place:
        staged = place / movie.name
        tags = _tags(recipe, private=private)
        clock.step("finish", 0, 1)
        facts = finish(
            clips_of(takes, recipe.plan),
            staged,
            _wish(recipe.shot, recipe.plan),
            tags,
            lambda done, total: clock.step("finish", done, total),
        )
        labelled = label(staged, Claim(recipe=digest(recipe)), signer)
        write_poster(staged, companions(staged).poster, made_by_ai=True)
        write_contact_sheet(staged, companions(staged).sheet, made_by_ai=True)
        delivery = Delivery(
            movie=movie,
            beside=companions(movie),
            sha256=file_sha256(staged),
            digest=digest(recipe),
            recipe=recipe.with_seconds(clock.seconds()),
            facts=replace(facts, bytes=labelled.bytes),
        )
        write_sidecar(staged, _sidecar(delivery, segment_id, card))
        failpoint("film staged")
        for path in family(movie):
            with on_disk(path):
                (place / path.name).replace(path)
            failpoint("file in place")
        with on_disk(movie):
            flush_folder(movie.parent)
    failpoint("film in place")
    return delivery


def record(
    delivery: Delivery, takes: tuple[Take, ...], bench: Bench, segment_id: str | None = None
) -> None:
    """Write a delivery and the takes it was chosen from into the ledger; with it, where it has one,
    the end of its segment of the queue.

    Raises:
        LedgerError, LockHeld, DiskFull: no row was written; the files stay.
    """
    bench.ledger.record_delivery(
        sha256=delivery.sha256,
        recipe_digest=delivery.digest,
        recipe=recipe_to_text(delivery.recipe),
        path=str(delivery.movie.absolute()),
        takes=takes,
        now=bench.now(),
        model=delivery.recipe.shot.model,
        origin=delivery.recipe.origin,
        segment_id=segment_id,
        seconds=delivery.recipe.seconds,
    )


def file_sha256(path: Path) -> str:
    """The sha256 of a file, 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wish(shot: Shot, plan: Plan) -> Finish:
    return Finish(
        size=shot.size,
        seconds=shot.seconds,
        fps=Fraction(FPS),
        forth_and_back=plan.reach.kind == "forth-and-back",
    )


def clips_of(takes: tuple[Take, ...], plan: Plan) -> Iterator[Clip]:
    """The frames of kept takes, in the order they are seen, at most 64 at a time."""
    for take in takes:
        yield from read_take(Path(take.path), plan.fps)


def _tags(recipe: Recipe, *, private: bool) -> dict[str, str]:
    if private:
        return {RECIPE: digest(recipe), COMMENT: MADE_BY}
    return {RECIPE: recipe_to_text(recipe), TITLE: recipe.shot.prompt, COMMENT: MADE_BY}


def _sidecar(delivery: Delivery, segment_id: str | None, card: Card | None) -> dict[str, Any]:
    weights = delivery.recipe.weights
    return {
        **({} if segment_id is None else {"segment": segment_id}),
        **({"licences": licences(card, weights)} if card else {}),
        "file": delivery.movie.name,
        "sha256": delivery.sha256,
        "digest": delivery.digest,
        "recipe": recipe_to_json(delivery.recipe),
    }

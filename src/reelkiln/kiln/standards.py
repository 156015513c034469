"""What a take is held against: its template's limits, its colours, its words, its writing, a photo
of the product, and the frames that it continues."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.backends.align import open_aligner
from reelkiln.backends.score import open_scorer
from reelkiln.backends.seam import Folders
from reelkiln.errors import MissingLibrary
from reelkiln.film.picture import read_photo, small_png, unpack_png
from reelkiln.gate.join import join_marks
from reelkiln.gate.judge import judge, score_mark
from reelkiln.gate.learnt import robust_limits
from reelkiln.gate.limits import FIXED, Limits
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.nsfw import nsfw_marks, open_detector
from reelkiln.gate.product import open_photo, product_marks
from reelkiln.gate.text import open_reader, read_text, text_marks
from reelkiln.models.installed import is_installed, locate
from reelkiln.models.scorers import load_scorers
from reelkiln.plan.card import Card
from reelkiln.plan.scorer import ScorerCard
from reelkiln.reel import Clip, Marks, Origin, Segment, Verdict
from reelkiln.store.ledger import Ledger
from reelkiln.store.reviews import approved_marks

if TYPE_CHECKING:
    from reelkiln.backends.score import Scorer
    from reelkiln.gate.nsfw import Detector
    from reelkiln.gate.product import Photo
    from reelkiln.gate.text import Reader

__all__ = [
    "JUDGE",
    "Standards",
    "detector_for",
    "limits_for",
    "limits_from",
    "photo_for",
    "photo_from",
    "photo_text",
    "reader_for",
    "scorer_for",
    "scorer_here",
    "standards_for",
    "usual_for",
]

JUDGE = "judge"
"""The source of a card that holds a scorer."""


@dataclass(frozen=True, slots=True)
class Standards:
    """How takes are judged. What is absent is not measured, never made up.

    `palette` holds a brand's colours as `#rrggbb`, `photo` what a picture of the product shows: the
    distance to them is measured; how much of it is too much, only the approved takes of a template
    can say.
    """

    limits: Limits = FIXED
    palette: tuple[str, ...] = ()
    scorer: Scorer | None = None
    reader: Reader | None = None
    photo: Photo | None = None
    detector: Detector | None = None

    def verdict(self, clip: Clip, segment: Segment, before: Clip | None = None) -> Verdict:
        """Measure a take of a segment and judge it.

        Args:
            before: the kept take of the segment before, which this one continues.
        """
        marks = measure(clip, Wanted(palette=self.palette) if self.palette else None)
        marks |= score_mark(self.scorer, clip, segment.prompt)
        if self.reader is not None:
            marks |= text_marks(read_text(clip, self.reader))
        marks |= nsfw_marks(clip, self.detector)
        if self.photo is not None:
            marks |= product_marks(clip, self.photo)
        if before is not None:
            # A led segment begins with the frames that it continues.
            new = Clip(clip.frames[segment.lead_frames :], clip.fps)
            marks |= join_marks(before, new)
        return judge(marks, self.limits)


def standards_for(card: Card, folders: Folders, cache_folder: Path | None) -> Standards:
    """What takes of a model are held against whatever they show: all that is installed here."""
    return Standards(
        scorer=scorer_for(folders, cache_folder),
        reader=reader_for(card),
        detector=detector_for(card),
    )


def limits_for(origin: Origin | None, ledger: Ledger) -> Limits:
    """The fixed limits, and from 20 approved takes of its template on, what is usual for it.

    A brand's palette is no fixed limit: a template may want other colours around the product. The
    bundled model's score is one: its clips reach 0.6 to 0.99 with their own words, and are below 0
    with three wrong ones (docs/measured/spark.md).
    """
    return limits_from(usual_for(origin, ledger))


def usual_for(origin: Origin | None, ledger: Ledger) -> tuple[Marks, ...]:
    """The marks of the approved takes of a template, which say what is usual for it."""
    return () if origin is None else approved_marks(ledger, origin.template)


def limits_from(usual: Sequence[Marks]) -> Limits:
    """`limits_for`, where the ledger is on another computer and its marks came along."""
    return robust_limits(usual, FIXED.without("palette"))


@dataclass(frozen=True, slots=True)
class _Late:
    """A scorer that is loaded when the first clip comes: by then the backend has loaded torch, with
    the settings it wants."""

    mark: str
    load: Callable[[], Scorer]

    def __call__(self, clip: Clip, words: str) -> float | None:
        return self.load()(clip, words)


def scorer_for(folders: Folders, cache_folder: Path | None) -> Scorer | None:
    """What says how well takes of a model fit their words: the scorer that comes with the model,
    else one that was pulled, else None.

    Calling it raises WeightsBroken where its files cannot be read, MissingLibrary where torch is
    missing.
    """
    if JUDGE in folders:
        return _Late("score", cache(lambda: open_scorer(folders[JUDGE])))
    return scorer_here(cache_folder)


def scorer_here(cache_folder: Path | None) -> Scorer | None:
    """A scorer for any clip, where one was pulled. Loaded for each clip and let go: it takes as
    much memory as a small model, and a take takes a minute."""
    for card in load_scorers().values():
        if is_installed(card, card.default_preset, cache_folder):
            return _Late("alignment", partial(_open_pulled, card, cache_folder))
    return None


def _open_pulled(card: ScorerCard, cache_folder: Path | None) -> Scorer:
    folder = locate(card, card.default_preset, cache_folder)[card.sources[0].name]
    return open_aligner(card, folder)


def reader_for(card: Card) -> Reader | None:
    """What reads writing, where the extra `text` is installed.

    The bundled model draws labels with marks on them that are no letters: nobody reads those. The
    family without weights paints stripes.
    """
    if card.bundled or card.family == "null":
        return None
    try:
        return open_reader()
    except MissingLibrary:
        return None


def detector_for(card: Card) -> Detector | None:
    """What looks for nudity, where the extra `nsfw` is installed: who installs it wants it used.

    The bundled model draws nobody.
    """
    if card.bundled:
        return None
    try:
        return open_detector()
    except MissingLibrary:
        return None


def photo_for(path: Path | None) -> Photo | None:
    """What the photo of a product shows, where it has one.

    Raises:
        UsageError: the file cannot be read as a picture; it is named.
    """
    return photo_from(photo_text(path))


def photo_text(path: Path | None) -> str:
    """The photo of a product as text that goes to another computer; empty without one.

    Raises:
        UsageError: the file cannot be read as a picture; it is named.
    """
    if path is None:
        return ""
    return base64.b64encode(small_png(read_photo(path, "products.csv"))).decode()


def photo_from(text: str) -> Photo | None:
    """What the photo in `photo_text` shows; None for an empty one.

    Raises:
        UsageError: it is no such text.
    """
    if not text:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    return open_photo(unpack_png(data))

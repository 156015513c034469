"""What a take is held against: its template's limits, its colours, its words, its writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from reelkiln.backends.score import open_scorer
from reelkiln.backends.seam import Folders
from reelkiln.errors import MissingLibrary
from reelkiln.gate.judge import judge, score_mark
from reelkiln.gate.limits import FIXED, Limits, robust_limits
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.text import open_reader, read_text, text_marks
from reelkiln.plan.card import Card
from reelkiln.reel import Clip, Marks, Origin, Verdict
from reelkiln.store.ledger import Ledger
from reelkiln.store.reviews import approved_marks

if TYPE_CHECKING:
    from reelkiln.backends.score import Scorer
    from reelkiln.gate.text import Reader

__all__ = [
    "JUDGE",
    "Standards",
    "limits_for",
    "limits_from",
    "reader_for",
    "scorer_for",
    "usual_for",
]

JUDGE = "judge"
"""The source of a card that holds a scorer."""


@dataclass(frozen=True, slots=True)
class Standards:
    """How takes are judged. What is absent is not measured, never made up.

    `palette` holds a brand's colours as `#rrggbb`: the distance to them is measured; how much of it
    is too much, only the approved takes of a template can say.
    """

    limits: Limits = FIXED
    palette: tuple[str, ...] = ()
    scorer: Scorer | None = None
    reader: Reader | None = None

    def verdict(self, clip: Clip, words: str) -> Verdict:
        """Measure a take and judge it."""
        marks = measure(clip, Wanted(palette=self.palette) if self.palette else None)
        marks |= score_mark(self.scorer, clip, words)
        if self.reader is not None:
            marks |= text_marks(read_text(clip, self.reader))
        return judge(marks, self.limits)


def limits_for(origin: Origin | None, ledger: Ledger, card: Card) -> Limits:
    """The fixed limits, and from 20 approved takes of its template on, what is usual for it.

    A brand's palette is no fixed limit: a template may want other colours around the product. Nor
    is the score of the bundled model: it follows no motion yet (docs/measured/spark.md), and a
    model for trying things out shall show what it can.
    """
    return limits_from(usual_for(origin, ledger), card)


def usual_for(origin: Origin | None, ledger: Ledger) -> tuple[Marks, ...]:
    """The marks of the approved takes of a template, which say what is usual for it."""
    return () if origin is None else approved_marks(ledger, origin.template)


def limits_from(usual: Sequence[Marks], card: Card) -> Limits:
    """`limits_for`, where the ledger is on another computer and its marks came along."""
    base = FIXED.without("palette", "score") if card.bundled else FIXED.without("palette")
    return robust_limits(usual, base)


def scorer_for(folders: Folders) -> Scorer | None:
    """The scorer that comes with a model, where one does.

    It is loaded with the first take: by then the backend has loaded torch, with the settings it
    wants. Calling it raises WeightsBroken where its files cannot be read.
    """
    if JUDGE not in folders:
        return None
    opened = cache(open_scorer)

    def score(clip: Clip, words: str) -> float | None:
        return opened(folders[JUDGE])(clip, words)

    return score


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

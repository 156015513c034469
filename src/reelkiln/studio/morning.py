"""The morning report as a page: what the terminal says, with a small picture of every film."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from reelkiln.kiln.morning import Morning
from reelkiln.kiln.morning_words import blocks, headline
from reelkiln.store.segment import SegmentRow
from reelkiln.studio.reports import page

__all__ = ["morning_report"]

PICTURED = ("Reels", "Made", "Refused, for a person to look at")


def morning_report(morning: Morning, pictures: Mapping[str, bytes]) -> str:
    """The report as HTML text.

    Args:
        pictures: a PNG of each film that has one, by its segment's id.
    """
    reels = [_card(row, pictures) for row in morning.reels]
    made = [_card(row, pictures) for row in morning.clips]
    parked = [_card(row, pictures) for row in morning.parked]
    rest = [block for block in blocks(morning) if block[0] not in PICTURED]
    return page(
        "morning.html",
        headline=headline(morning),
        reels=reels,
        made=made,
        parked=parked,
        blocks=rest,
    )


def _card(row: SegmentRow, pictures: Mapping[str, bytes]) -> dict[str, str]:
    data = pictures.get(row.id)
    film = row.kept or row.movie
    return {
        "picture": base64.b64encode(data).decode() if data else "",
        "name": film.rsplit("/", 1)[-1],
        "about": " · ".join(filter(None, (row.product, row.template, row.model))),
        "said": row.because if "was taken because" in row.because else "",
        "reason": row.reason,
    }

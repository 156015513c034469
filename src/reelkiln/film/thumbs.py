"""Small pictures of chosen frames, for reports."""

import io
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from reelkiln.errors import FilmError
from reelkiln.film.read import read

__all__ = ["THUMB_SIDE", "thumbs"]

THUMB_SIDE = 200
"""The longer side of a small picture, in pixels."""


def thumbs(path: Path, places: Collection[int]) -> dict[int, bytes]:
    """PNG pictures of the frames at `places` (from 0), by place; frames that are not there, or lie
    behind a damage, are left out.

    Raises:
        UsageError: the file is missing or may not be read.
    """
    found: dict[int, bytes] = {}
    first, last = 0, max(places, default=-1)
    try:
        for clip in read(path):
            for at in sorted(places):
                if first <= at < first + len(clip.frames):
                    found[at] = _png(Image.fromarray(clip.frames[at - first]))
            first += len(clip.frames)
            if first > last:
                break
    except FilmError:
        # The verdict tells of the damage; the report shows what lies before it.
        return found
    return found


def _png(image: Image.Image) -> bytes:
    image.thumbnail((THUMB_SIDE, THUMB_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

"""Writing in the picture: what nobody asked for, what is misspelt, what is laid over everything.

Needs the extra `text` (rapidocr: PP-OCR detection and recognition; its weights travel in the
wheel). Three pictures are read, not every frame: what stays in its place while the scene moves (a
watermark), and two frames.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from reelkiln.errors import MissingLibrary
from reelkiln.gate.stays import staying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelkiln.gate.view import Plane
    from reelkiln.reel import Clip

__all__ = [
    "SURE",
    "Reader",
    "Word",
    "distance",
    "open_reader",
    "pictures",
    "read_text",
    "text_marks",
]

SURE = 0.8
"""Confidence under which a reading is taken for texture. Words drawn on purpose read at 0.95 to
1.0, texture taken for letters mostly under 0.7 (docs/measured/gate.md)."""

_LETTERS = 4
"""Letters and digits that a reading of unasked text needs: shorter ones are mostly texture."""

_LEAST_SIDE, _MOST_SIDE = 512, 1024
"""Longer side, in pixels, of the pictures that are read."""

_SETTINGS = {"Global.log_level": "critical", "Det.limit_side_len": 480}
"""The detector enlarges until the shorter side has so many pixels. Its own 736 takes twice the time
and misses faint watermarks that 480 finds."""


@dataclass(frozen=True, slots=True)
class Word:
    """A line of writing and how sure the reader is (0 to 1)."""

    text: str
    sure: float


class Reader(Protocol):
    """Reads one RGB picture, uint8 (height, width, 3)."""

    def __call__(self, picture: Plane) -> Sequence[Word]:
        """The lines of writing in it."""
        ...


@lru_cache(maxsize=1)
def open_reader() -> Reader:
    """The reader of the extra `text`. Loads 15 MB once; no network.

    Raises:
        MissingLibrary: the extra is not installed.
    """
    try:
        from rapidocr import RapidOCR  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingLibrary(
            "reading text in pictures needs the extra `text`",
            hint="Run `pip install reelkiln[text]`.",
        ) from error
    engine: Any = RapidOCR(params=_SETTINGS)

    def read(picture: Plane) -> list[Word]:
        found = engine(np.ascontiguousarray(picture[..., ::-1]), use_cls=False)
        if found.txts is None:
            return []
        return [
            Word(text, float(sure)) for text, sure in zip(found.txts, found.scores, strict=True)
        ]

    return read


def pictures(clip: Clip) -> list[Plane]:
    """The three pictures to read: what stays in at most 16 frames, and two of the frames.

    What stays is `gate.stays.staying`, or the mean of those frames where the scene stands still.
    uint8 RGB with a longer side of 512 to 1024 pixels: small writing is read better enlarged, and
    more pixels only take time.
    """
    count = len(clip.frames)
    if not count:
        return []
    chosen = np.unique(np.linspace(0, count - 1, min(count, 16)).astype(int))
    spread = [_shrunk(frame) for frame in clip.frames[chosen]]
    grey = staying(spread)
    stays = np.mean(spread, axis=0).round().astype(np.uint8) if grey is None else grey
    if stays.ndim == 2:
        stays = cv2.cvtColor(stays, cv2.COLOR_GRAY2RGB)
    seen = [stays, clip.frames[count // 2], clip.frames[count // 8]]
    return [_fitted(one) for one in seen[: 3 if count > 1 else 1]]


def _shrunk(picture: Plane) -> Plane:
    """A picture that is not too large to read."""
    return _fitted(picture) if max(picture.shape[:2]) > _MOST_SIDE else picture


def _fitted(picture: Plane) -> Plane:
    height, width = picture.shape[:2]
    longer = max(height, width)
    scale = min(max(longer, _LEAST_SIDE), _MOST_SIDE) / longer
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    fitted: Plane = cv2.resize(picture, size, interpolation=how)
    return fitted


def read_text(clip: Clip, reader: Reader) -> list[Word]:
    """Every line of writing that the reader is sure of, in any of the three pictures, once."""
    best: dict[str, Word] = {}
    for picture in pictures(clip):
        for word in reader(picture):
            key = plain(word.text)
            if key and word.sure >= SURE and word.sure > best.get(key, Word("", 0.0)).sure:
                best[key] = word
    return list(best.values())


def plain(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return re.sub(r"[\W_]+", "", text.casefold())


def distance(one: str, other: str) -> int:
    """The least number of letters put in, left out or changed (Levenshtein, 1966).

    >>> distance("stock", "sock"), distance("", "abc")
    (1, 3)
    """
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        corner, row[0] = row[0], at
        for to, target in enumerate(other, 1):
            change = corner + (letter != target)
            corner, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, change)
    return row[-1]


def text_marks(found: Sequence[Word], asked: Sequence[str] = ()) -> dict[str, float]:
    """What the writing found means, given the words that were asked for.

    `text_unasked` counts lines of at least 4 letters or digits that lie in no asked text and are
    not nearly one; `text_wrong` counts asked texts of which no reading is right.
    `text_misspelling` is the worst share (0 to 1) of letters wrong in an asked text.
    """
    wanted = [plain(text) for text in asked if plain(text)]
    readings = [plain(word.text) for word in found]
    whole = "".join(readings)
    misses = [
        0.0 if text in whole else min([_share(text, one) for one in readings], default=1.0)
        for text in wanted
    ]
    unasked = [
        one
        for one in readings
        if len(one) >= _LETTERS
        and not any(one in text or _share(text, one) <= 0.5 for text in wanted)
    ]
    marks = {"text_unasked": float(len(unasked))}
    if wanted:
        marks["text_wrong"] = float(sum(miss > 0 for miss in misses))
        marks["text_misspelling"] = max(misses)
    return marks


def _share(text: str, reading: str) -> float:
    return min(1.0, distance(text, reading) / len(text))

"""Two pictures beside a film: one that stands for it, and one that shows all of it at a glance."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from reelkiln.errors import FilmError
from reelkiln.film.container import frames_of, opened, picture
from reelkiln.film.partfile import write_bytes
from reelkiln.film.read import oblong, to_rgb
from reelkiln.film.xmp import PACKET

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["moments", "write_contact_sheet", "write_grid", "write_poster"]

POSTER_CANDIDATES = 8
CELL_MAX = 240
"""The longest side of a picture on the contact sheet, in pixels."""
GRID_CELL = 480
"""The same of a grid to choose from: as wide as its labels."""
GAP, LABEL = 8, 18
PAPER, INK = (24, 24, 26), (225, 225, 225)
DARK, BRIGHT = 20.0, 240.0
"""A mean luma outside these (0 to 255) is a fade or a flash, and stands for nothing."""


@dataclass(frozen=True, slots=True)
class _Still:
    seconds: Fraction
    pixels: "NDArray[np.uint8]"


def write_poster(movie: Path, target: Path, *, made_by_ai: bool = False) -> None:
    """Write a PNG of the frame that shows most: the sharpest that is neither dark nor washed out.

    With `made_by_ai` it says so in its XMP packet, unsigned.

    Raises:
        UsageError: the film is missing, or the folder of `target` cannot be written.
        FilmError: the film cannot be read.
        DiskFull: there is no room.
    """
    stills = list(_stills(movie, POSTER_CANDIDATES))
    best = max(stills, key=lambda still: _appeal(still.pixels))
    write_bytes(target, _png(Image.fromarray(best.pixels), made_by_ai=made_by_ai))


def write_contact_sheet(movie: Path, target: Path, *, made_by_ai: bool = False) -> None:
    """Write a PNG with 8 to 24 frames of the film, evenly spread, each with its time.

    With `made_by_ai` it says so in its XMP packet, unsigned.

    Raises:
        UsageError, FilmError, DiskFull: as `write_poster`.
    """
    with opened(movie) as film:
        seconds = _length(movie, film.duration)
    stills = list(_stills(movie, min(24, max(8, ceil(seconds / 2)))))
    labelled = [(f"{float(still.seconds):.2f} s", still.pixels) for still in stills]
    shrink = min(1.0, CELL_MAX / max(labelled[0][1].shape))
    write_bytes(target, _png(_sheet(labelled, shrink), made_by_ai=made_by_ai))


def write_grid(cells: "Sequence[tuple[str, NDArray[np.uint8]]]", target: Path) -> None:
    """Write a PNG of pictures with a label below each, 480 pixels on the long side, to choose from.

    Args:
        cells: label and picture (uint8, height x width x 3), all of one size, at least one.

    Raises:
        UsageError: the folder of `target` cannot be written.
        DiskFull: there is no room.
    """
    write_bytes(target, _png(_sheet(cells, GRID_CELL / max(cells[0][1].shape))))


def moments(seconds: Fraction, count: int) -> tuple[Fraction, ...]:
    """The middles of `count` equal parts of a film, in seconds.

    >>> [float(at) for at in moments(Fraction(4), 4)]
    [0.5, 1.5, 2.5, 3.5]
    """
    return tuple(seconds * (2 * index + 1) / (2 * count) for index in range(count))


def _stills(movie: Path, count: int) -> Iterator[_Still]:
    """The frames nearest before each moment, found by seeking; in a short film fewer than asked."""
    with opened(movie) as film:
        stream = picture(film, movie)
        base = Fraction(stream.time_base or 1)
        start = Fraction(stream.start_time or 0) * base
        shown: Fraction | None = None
        for moment in moments(_length(movie, film.duration), count):
            film.seek(int((start + moment) / base), stream=stream)
            found = None
            for frame in frames_of(film, stream):
                at = (frame.pts or 0) * base
                if found is not None and at > start + moment:
                    break
                found = frame
            if found is not None and (found.pts or 0) * base != shown:
                shown = (found.pts or 0) * base
                yield _Still(shown - start, to_rgb(found, movie, oblong(stream)))
        if shown is None:
            raise FilmError(f"{movie} shows no picture", hint="make or copy the file again")


def _length(movie: Path, duration: int | None) -> Fraction:
    if not duration or duration <= 0:
        raise FilmError(f"{movie} does not say how long it is", hint="convert it to MP4")
    return Fraction(duration, 1_000_000)


def _appeal(pixels: "NDArray[np.uint8]") -> float:
    """How much a frame shows: the mean step between neighbouring pixels of its luma (BT.709).

    Negative for frames that are nearly black or white, the less so the more they show.
    """
    luma = pixels[::2, ::2].astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    detail = float(np.abs(np.diff(luma, axis=0)).mean() + np.abs(np.diff(luma, axis=1)).mean())
    return detail if DARK <= float(luma.mean()) <= BRIGHT else detail - 1000.0


def _sheet(cells: "Sequence[tuple[str, NDArray[np.uint8]]]", scale: float) -> Image.Image:
    height, width = cells[0][1].shape[:2]
    cell = (max(1, round(width * scale)), max(1, round(height * scale)))
    columns = _columns(len(cells), cell[0], cell[1] + LABEL)
    rows = ceil(len(cells) / columns)
    across, down = cell[0] + GAP, cell[1] + LABEL + GAP
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for index, (label, pixels) in enumerate(cells):
        left, top = GAP + index % columns * across, GAP + index // columns * down
        small = Image.fromarray(pixels).resize(cell, Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        pen.text((left, top + cell[1] + 2), label, INK, font)
    return sheet


def _columns(count: int, width: int, height: int) -> int:
    """The number of columns that leaves the fewest holes, then makes the sheet most like 4:3."""

    def cost(columns: int) -> tuple[int, float]:
        rows = ceil(count / columns)
        aspect = columns * width / (rows * height)
        return rows * columns - count, max(aspect / (4 / 3), (4 / 3) / aspect)

    return min(range(1, count + 1), key=cost)


def _png(image: Image.Image, *, made_by_ai: bool = False) -> bytes:
    buffer, notes = io.BytesIO(), PngInfo()
    if made_by_ai:  # the keyword that Adobe's XMP Specification Part 3, "PNG", names
        notes.add_itxt("XML:com.adobe.xmp", PACKET)
    image.save(buffer, "PNG", compress_level=4, pnginfo=notes)
    return buffer.getvalue()

"""How an MP4 or MOV lies on the disk: its brand, the length it claims, samples beyond its end."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.boxes import Box, BrokenBoxes, furthest_sample, scan

__all__ = ["Layout", "head_of", "is_boxes", "kind_of", "read_layout"]

_FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
_UNKNOWN = (2**32 - 1, 2**64 - 1)
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the boxes say.

    `container` is "mp4" or "mov". `claimed` is the length that the movie's header claims, in
    seconds, or None where it claims none. `beyond` is how many bytes the samples reach beyond the
    end of the file, 0 in a whole one.
    """

    container: str
    claimed: Fraction | None
    beyond: int


def head_of(path: Path) -> bytes:
    """The first 4 KiB of a file.

    Raises:
        UsageError: the file is missing, a folder, or may not be read.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file", hint="name a film")
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise UsageError(f"{path} {why}", hint="check the path and its rights") from error


def is_boxes(head: bytes) -> bool:
    """Whether a file that begins like this is made of boxes (ISO/IEC 14496-12, QuickTime)."""
    return head[4:8] in _FIRST


def kind_of(head: bytes, demuxer: str) -> str:
    """What to call a container that is not made of boxes; `demuxer` is FFmpeg's name for it.

    >>> kind_of(b"....webm", "matroska,webm"), kind_of(b"RIFF", "avi")
    ('webm', 'avi')
    """
    if "matroska" in demuxer:
        return "webm" if b"webm" in head else "matroska"
    return demuxer.partition(",")[0]


def read_layout(path: Path) -> Layout:
    """Read the boxes of an MP4 or MOV.

    Raises:
        BrokenBoxes: they are damaged or the file is cut short.
        FilmError: the disk failed.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            boxes = scan(file, size)
            return Layout(
                container=_brand(file, boxes),
                claimed=_claimed(file, boxes),
                beyond=max(0, furthest_sample(file, boxes) - size),
            )
    except OSError as error:
        raise FilmError(f"{path} could not be read", hint="check the disk") from error


def _brand(file: BinaryIO, boxes: tuple[Box, ...]) -> str:
    ftyp = next((box for box in boxes if box.path == "ftyp"), None)
    if ftyp is None:
        return "mov"  # older than brands
    file.seek(ftyp.body)
    return "mov" if file.read(4) == b"qt  " else "mp4"


def _claimed(file: BinaryIO, boxes: tuple[Box, ...]) -> Fraction | None:
    """Timescale and duration of the movie header (ISO/IEC 14496-12, 8.2.2)."""
    header = next((box for box in boxes if box.path == "moov/mvhd"), None)
    if header is None:
        return None
    file.seek(header.body)
    data = file.read(min(32, header.end - header.body))
    form, at = (">IQ", 20) if data[:1] == b"\1" else (">II", 12)
    if len(data) < at + struct.calcsize(form):
        raise BrokenBoxes("the movie header is cut short")
    scale, length = struct.unpack_from(form, data, at)
    return Fraction(length, scale) if scale and length and length not in _UNKNOWN else None

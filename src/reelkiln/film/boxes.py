"""The boxes of an MP4, read by ourselves: what players see first and libraries hide.

ISO/IEC 14496-12: a file is a row of boxes, each a 32-bit size, a four-letter kind and a body; some
bodies are boxes again. Nothing here trusts a size: every read lies inside the box around it, and
there is a limit to how many boxes are looked at.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "BrokenBoxes", "furthest_sample", "scan"]

BOXES_MAX = 20_000
DEPTH_MAX = 8
TABLE_MAX = 256 * 2**20
"""The largest sample table that is read: 64 million entries, a month of video."""

_HOLDERS = frozenset({"moov", "trak", "edts", "mdia", "minf", "stbl", "moof", "traf"})


class BrokenBoxes(ValueError):
    """The bytes are not a row of boxes, or a table inside them contradicts itself."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, its place in the tree ("moov/trak/edts"), and the bytes of its body."""

    kind: str
    path: str
    start: int
    body: int
    end: int


def scan(file: BinaryIO, size: int) -> tuple[Box, ...]:
    """All boxes of a file of `size` bytes that tell how it is laid out, in the order they lie.

    Raises:
        BrokenBoxes: a box is longer than what surrounds it, or there are over 20,000.
    """
    found: list[Box] = []
    _scan(file, 0, size, "", found)
    return tuple(found)


def _scan(file: BinaryIO, start: int, end: int, path: str, found: list[Box]) -> None:
    for box in _row(file, start, end, path):
        if len(found) >= BOXES_MAX:
            raise BrokenBoxes(f"over {BOXES_MAX} boxes")
        found.append(box)
        if box.kind in _HOLDERS and box.path.count("/") < DEPTH_MAX:
            _scan(file, box.body, box.end, box.path, found)


def _row(file: BinaryIO, start: int, end: int, path: str) -> Iterator[Box]:
    at = start
    while end - at >= 8:
        file.seek(at)
        size, raw = struct.unpack(">I4s", _exactly(file, 8))
        kind, header = raw.decode("latin-1"), 8
        if size == 1:
            if end - at < 16:
                raise BrokenBoxes(f"box {kind!r} at {at} is cut short")
            (size,), header = struct.unpack(">Q", _exactly(file, 8)), 16
        elif size == 0:
            size = end - at
        if size < header or size > end - at:
            raise BrokenBoxes(f"box {kind!r} at {at} claims {size} bytes of {end - at}")
        yield Box(kind, f"{path}/{kind}".lstrip("/"), at, at + header, at + size)
        at += size
    if at != end and not path:
        raise BrokenBoxes(f"{end - at} bytes after the last box")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise BrokenBoxes("the file ends inside a box")
    return data


def furthest_sample(file: BinaryIO, boxes: tuple[Box, ...]) -> int:
    """Where the last byte of any track's samples lies, as its index + 1 (0: there are no samples).

    A file that was cut after its moov opens without complaint; only this number tells.

    Raises:
        BrokenBoxes: a sample table is damaged.
    """
    tables = [box for box in boxes if box.path == "moov/trak/mdia/minf/stbl"]
    return max((_track_end(file, _inside(boxes, table)) for table in tables), default=0)


def _inside(boxes: tuple[Box, ...], outer: Box) -> dict[str, Box]:
    return {box.kind: box for box in boxes if outer.body <= box.start and box.end <= outer.end}


def _track_end(file: BinaryIO, table: dict[str, Box]) -> int:
    wide = "co64" in table
    chunks = _entries(file, table.get("co64") or table.get("stco"), ">u8" if wide else ">u4", 1)
    runs = _entries(file, table.get("stsc"), ">u4", 3).reshape(-1, 3)
    if not len(chunks):
        return 0
    firsts = runs[:, 0]
    if not len(runs) or firsts[0] != 1 or (np.diff(firsts.astype(np.int64)) <= 0).any():
        raise BrokenBoxes("the chunk table is damaged")
    numbers = np.arange(1, len(chunks) + 1)
    held = runs[np.searchsorted(firsts, numbers, side="right") - 1, 1].astype(np.int64)
    lengths = _chunk_lengths(file, table.get("stsz"), held)
    return int((chunks.astype(np.float64) + lengths).max())


def _chunk_lengths(file: BinaryIO, box: Box | None, held: NDArray[np.int64]) -> NDArray[np.int64]:
    if box is None or box.end - box.body < 12:
        raise BrokenBoxes("there is no table of sample sizes")
    file.seek(box.body + 4)
    same, count = struct.unpack(">II", _exactly(file, 8))
    if int(held.sum()) != count:
        raise BrokenBoxes("the tables of chunks and samples contradict each other")
    if same:
        return np.asarray(held * same, np.int64)
    sizes = _array(file, box, box.body + 12, count, ">u4").astype(np.int64)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(held)])
    return np.asarray(ends[bounds[1:]] - ends[bounds[:-1]], np.int64)


def _entries(file: BinaryIO, box: Box | None, dtype: str, per_row: int) -> NDArray[np.generic]:
    if box is None or box.end - box.body < 8:
        raise BrokenBoxes("a sample table is missing")
    file.seek(box.body + 4)
    (rows,) = struct.unpack(">I", _exactly(file, 4))
    return _array(file, box, box.body + 8, rows * per_row, dtype)


def _array(file: BinaryIO, box: Box, at: int, count: int, dtype: str) -> NDArray[np.generic]:
    length = count * np.dtype(dtype).itemsize
    if length > box.end - at or length > TABLE_MAX:
        raise BrokenBoxes(f"the table {box.kind!r} claims {count} entries")
    file.seek(at)
    return np.frombuffer(_exactly(file, length), dtype)

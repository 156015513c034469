"""Sound between its makers and its users: blocks of 48 kHz stereo, and raw files of them."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from reelkiln.film.faults import on_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Wave: TypeAlias = NDArray[np.float32]

__all__ = ["BLOCK_SAMPLES", "RATE", "read_raw", "samples_of", "write_raw"]

RATE = 48_000
"""Samples per second and channel; what every platform takes."""

BLOCK_SAMPLES = RATE
"""The most samples per channel in one block."""

CHANNELS = 2
BYTES = 4 * CHANNELS


def samples_of(seconds: Fraction) -> int:
    """Whole samples per channel in so many seconds, rounded to the nearest.

    >>> samples_of(Fraction(1, 3))
    16000
    """
    return round(seconds * RATE)


def write_raw(blocks: "Iterable[Wave]", target: Path) -> int:
    """Write blocks (float32, samples x 2) as raw little-endian floats; the samples per channel.

    Raises:
        DiskFull, UsageError, FilmError: the system refused; the message names `target`.
    """
    count = 0
    with on_disk(target), target.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f4").data)
            count += len(block)
    return count


def read_raw(path: Path) -> "Iterator[Wave]":
    """The blocks of a raw file (float32, samples x 2, at most a second each).

    Raises:
        DiskFull, UsageError, FilmError: the system refused; the message names `path`.
    """
    with on_disk(path), path.open("rb") as file:
        while data := file.read(BLOCK_SAMPLES * BYTES):
            yield np.frombuffer(data, "<f4").reshape(-1, CHANNELS).astype(np.float32)

"""Takes between rendering and finishing: frames on the disk, exactly as they were rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.errors import FilmError
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["is_whole", "read_take", "write_take"]

FRAMES_AT_ONCE = 64


def write_take(clip: Clip, path: Path) -> str:
    """Write a clip's frames to `path` (.npy) and return the sha256 of the pixels.

    Raises:
        OSError: the system refused; the caller knows what the file is for.
    """
    frames = np.ascontiguousarray(clip.frames)
    with path.open("wb") as file:
        # Not by `np.save`: of a disk that is full half way it says how much was written, not why.
        header = np.lib.format.header_data_from_array_1_0(frames)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(frames.data)
    return hashlib.sha256(frames.data).hexdigest()


def read_take(path: Path, fps: Fraction) -> Iterator[Clip]:
    """The frames of a take, at most 64 at a time, without holding all of them in memory.

    Raises:
        FilmError: the file is not a take.
    """
    frames = _open(path)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        yield Clip(np.array(frames[start : start + FRAMES_AT_ONCE]), fps)


def is_whole(path: Path, sha256: str) -> bool:
    """Whether a take lies on the disk with exactly these pixels (`write_take`'s hash)."""
    digest = hashlib.sha256()
    try:
        for clip in read_take(path, Fraction(1)):
            digest.update(np.ascontiguousarray(clip.frames).data)
    except FilmError:
        return False
    return digest.hexdigest() == sha256


def _open(path: Path) -> Frames:
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FilmError(f"the take {path} cannot be read", hint="Render the clip again.") from error
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise FilmError(f"the take {path} holds no frames", hint="Render the clip again.")
    return frames  # type: ignore[no-any-return] # numpy.load is Any

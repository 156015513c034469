"""A place for files in the making."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelkiln.film.faults import on_disk

__all__ = ["staging", "staging_of"]


@contextmanager
def staging(folder: Path, name: str | None = None) -> Iterator[Path]:
    """A folder inside `folder` for files in the making; it is gone afterwards, come what may.

    Args:
        name: whose it is: what a power cut left in it is thrown away first. None: nobody else's.

    Raises:
        UsageError, DiskFull, FilmError: the system refused.
    """
    with on_disk(folder):
        if name is None:
            place = Path(tempfile.mkdtemp(prefix=".reelkiln-", dir=folder))
        else:
            place = staging_of(folder, name)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(exist_ok=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def staging_of(folder: Path, name: str) -> Path:
    """Where `staging` with a name makes its folder."""
    return folder / f".reelkiln-{name}"

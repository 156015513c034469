"""A place for files in the making."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelkiln.film.faults import on_disk

__all__ = ["staging"]


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder inside `folder` for files in the making; it is gone afterwards, come what may.

    Raises:
        UsageError, DiskFull, FilmError: the system refused.
    """
    with on_disk(folder):
        place = Path(tempfile.mkdtemp(prefix=".reelkiln-", dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)

"""A stdout that a library's own threads cannot write to.

Ray tells of dead computers on stdout, from a thread of its own, and has no switch for it (2.60,
`listen_error_messages`). Our stdout holds results, often one JSON object that a program reads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["hushed"]


@contextmanager
def hushed(prefix: str) -> Iterator[None]:
    """Leave out what threads whose names begin with `prefix` write to `sys.stdout`."""
    real = sys.stdout
    sys.stdout = _Without(real, prefix)
    try:
        yield
    finally:
        sys.stdout = real


class _Without:
    """The stream behind it, for all but some threads."""

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self._stream, self._prefix = stream, prefix

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith(self._prefix):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

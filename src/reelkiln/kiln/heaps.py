"""The C library's heaps in a process that works for days: few of them, and trimmed now and then.

glibc gives threads heaps of their own, up to eight for each processor, and keeps what was freed
between small pieces that stay: a shift that finishes films in several threads grew by steps of some
MiB (docs/measured/faults.md). Other long-lived services set `MALLOC_ARENA_MAX`, and Dask's workers
call `malloc_trim`; a process that runs already has `mallopt`. Elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["few_heaps", "trim"]

HEAPS = 2
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def few_heaps() -> bool:
    """Let the threads of this process share two heaps; returns whether that was done. To be called
    before threads begin: heaps that are there stay."""
    return _call("mallopt", _M_ARENA_MAX, HEAPS)


def trim() -> bool:
    """Give whole pages that are free in the heaps back to the system; returns whether any were."""
    return _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        asked = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):  # another C library
        return False
    return bool(asked(*numbers))

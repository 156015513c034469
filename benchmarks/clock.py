"""What work costs: wall and processor seconds."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable


def spent() -> float:
    """Processor seconds of this process and of the children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def timed(action: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The least wall and the least processor seconds of so many rounds."""
    walls, works = [], []
    for _ in range(rounds):
        begin, before = time.perf_counter(), spent()
        action()
        walls.append(time.perf_counter() - begin)
        works.append(spent() - before)
    return min(walls), min(works)

"""Where a network's weights lie on the device: what stays, then a ring gone round once per call.

Pure arithmetic. Every unit has one place in the memory for good, so that a parameter points there
once and is never touched again. A unit may be copied in as soon as the last one that lay in its
place has computed: that one's number is its `after`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

__all__ = ["ALIGN", "Ring", "lay_out"]

ALIGN = 256
"""Bytes: kernels want weights to begin at such addresses."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Places of units in memory of `capacity` bytes.

    Unit i lies at `offsets[i]`. `after[i]` is the unit whose computing frees that place: the last
    one before i, in the order of the call and over its end, that shares a byte with it; i itself
    where nobody does, and then it need never be copied again.
    """

    capacity: int
    offsets: tuple[int, ...]
    after: tuple[int, ...]
    sizes: tuple[int, ...]

    def shares(self, one: int, other: int) -> bool:
        """Whether two units share a byte."""
        start, begin = self.offsets[one], self.offsets[other]
        return start < begin + self.sizes[other] and begin < start + self.sizes[one]


def lay_out(sizes: Sequence[int], capacity: int, stays: Set[int] = frozenset()) -> Ring:
    """Give each unit its place: those that stay in front, the others behind, one after the other,
    beginning anew where the ring ends.

    The ring is as small as it can be without losing anything: of its units together where they
    fit, else `capacity`, and never smaller than the largest.
    """
    padded = tuple(-(-size // ALIGN) * ALIGN for size in sizes)
    passing = [size for unit, size in enumerate(padded) if unit not in stays]
    ring = min(sum(passing), max(capacity, *passing)) if passing else 0
    start = sum(padded) - sum(passing)
    offsets: list[int] = []
    front, at = 0, start
    for unit, size in enumerate(padded):
        if unit in stays:
            offsets.append(front)
            front += size
            continue
        at = start if at + size > start + ring else at
        offsets.append(at)
        at += size
    placed = Ring(start + ring, tuple(offsets), (), padded)
    after = tuple(
        unit if unit in stays else _last_before(placed, unit) for unit in range(len(padded))
    )
    return Ring(placed.capacity, placed.offsets, after, padded)


def _last_before(ring: Ring, unit: int) -> int:
    count = len(ring.offsets)
    before = ((unit - back) % count for back in range(1, count))
    return next((other for other in before if ring.shares(unit, other)), unit)

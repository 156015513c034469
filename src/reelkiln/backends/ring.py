"""Where streamed weights lie on the device: one buffer, gone round once per call of the network.

Pure arithmetic. Every unit has one place in the buffer for good, so that a parameter points there
once and is never touched again. A unit may be copied in as soon as the last one that lay in its
place has computed: that one's number is its `after`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ALIGN", "Ring", "lay_out"]

ALIGN = 256
"""Bytes: kernels want weights to begin at such addresses."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Places of units in a buffer of `capacity` bytes.

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


def lay_out(sizes: Sequence[int], capacity: int) -> Ring:
    """Give each unit its place, one after the other, beginning anew where the buffer ends.

    The buffer is as small as it can be without losing anything: of the units together where they
    fit, else `capacity`, and never smaller than the largest.
    """
    padded = tuple(-(-size // ALIGN) * ALIGN for size in sizes)
    capacity = min(sum(padded), max(capacity, *padded, 0)) if padded else 0
    offsets: list[int] = []
    at = 0
    for size in padded:
        at = 0 if at + size > capacity else at
        offsets.append(at)
        at += size
    ring = Ring(capacity, tuple(offsets), (), padded)
    after = tuple(_last_before(ring, unit) for unit in range(len(padded)))
    return Ring(capacity, tuple(offsets), after, padded)


def _last_before(ring: Ring, unit: int) -> int:
    count = len(ring.offsets)
    before = ((unit - back) % count for back in range(1, count))
    return next((other for other in before if ring.shares(unit, other)), unit)

"""A template's record: what its takes came to. Proven is a word that has to be earned."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

__all__ = ["PROVEN_SHARE", "PROVEN_TAKES", "Outcome", "Record", "record_of"]

PROVEN_TAKES, PROVEN_SHARE = 20, 0.8
"""A template is proven after so many takes with this share approved by a person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One delivered take: attempts it needed (1 to 3), and whether a person approved it."""

    attempts: int
    approved: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Takes made, how many a person approved, and the median of the attempts they needed."""

    takes: int = 0
    approved: int = 0
    median_attempts: float = 0.0

    @property
    def proven(self) -> bool:
        """After 20 takes with 80 % approved, not before.

        >>> Record(20, 16, 1.0).proven, Record(19, 19, 1.0).proven, Record(20, 15, 1.0).proven
        (True, False, False)
        """
        return self.takes >= PROVEN_TAKES and self.approved >= PROVEN_SHARE * self.takes


def record_of(outcomes: Iterable[Outcome]) -> Record:
    """The record that some outcomes add up to.

    >>> record_of([Outcome(1, True), Outcome(3, False)])
    Record(takes=2, approved=1, median_attempts=2.0)
    """
    found = list(outcomes)
    if not found:
        return Record()
    attempts = float(median(outcome.attempts for outcome in found))
    return Record(len(found), sum(outcome.approved for outcome in found), attempts)

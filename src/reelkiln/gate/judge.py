"""Numbers to a verdict: keep it, try again another way, or let a person look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reelkiln.gate.limits import FIXED, Limits
from reelkiln.reel import Verdict

if TYPE_CHECKING:
    from reelkiln.gate.limits import Limit
    from reelkiln.reel import Clip, Marks

__all__ = ["FIXED", "Limits", "Scorer", "broken", "judge", "score_mark"]


class Scorer(Protocol):
    """How well a picture fits words. None: this scorer cannot tell."""

    @property
    def mark(self) -> str:
        """The name of its figure: "score", whose limit is 0, or another that only a template's
        approved takes give a limit."""
        ...

    def __call__(self, clip: Clip, words: str) -> float | None:
        """Score a clip: more is better."""
        ...


def score_mark(scorer: Scorer | None, clip: Clip, words: str) -> dict[str, float]:
    """A scorer's figure under its name; empty: not measured."""
    score = None if scorer is None else scorer(clip, words)
    return {} if scorer is None or score is None else {scorer.mark: float(score)}


def broken(marks: Marks, limits: Limits = FIXED) -> tuple[Limit, ...]:
    """The rules that the marks break, gravest first. What was not measured breaks none."""
    return tuple(
        rule for rule in limits.rules if rule.mark in marks and not rule.holds(marks[rule.mark])
    )


def judge(marks: Marks, limits: Limits = FIXED) -> Verdict:
    """Judge what was measured.

    Returns:
        a Verdict that keeps the clip where every mark is inside its limit. Otherwise `reasons`
        holds a sentence for each rule broken, gravest first, and `action` what the gravest asks
        for. `marks` are passed on as they are.
    """
    faults = broken(marks, limits)
    reasons = tuple(rule.says.format(marks[rule.mark]) for rule in faults)
    return Verdict(not faults, reasons, dict(marks), faults[0].action if faults else None)

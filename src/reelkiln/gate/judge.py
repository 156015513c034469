"""Numbers to a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelkiln.reel import Verdict

if TYPE_CHECKING:
    from reelkiln.reel import Marks

__all__ = ["FIXED", "Limits", "judge"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a clip may measure."""

    finite_min: float = 1.0
    luma_max_min: float = 8.0
    frozen_share_max: float = 0.9


FIXED = Limits()


def judge(marks: Marks, limits: Limits = FIXED) -> Verdict:
    """Judge marks: NaN asks for a safer dtype, black and frozen for another seed."""
    if marks.get("finite", 1.0) < limits.finite_min:
        return Verdict(False, ("some values were not finite",), dict(marks), "safer_dtype")
    if marks.get("luma_max", 255.0) < limits.luma_max_min:
        return Verdict(False, ("the picture is black",), dict(marks), "other_seed")
    if marks.get("frozen_share", 0.0) > limits.frozen_share_max:
        return Verdict(False, ("the picture does not move",), dict(marks), "other_seed")
    return Verdict(True, (), dict(marks))

"""What a template's approved takes teach: the usual of each mark, and how far is too far."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reelkiln.gate.limits import FIXED, Limit, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelkiln.reel import Action, Marks

__all__ = ["APPROVED_MIN", "robust_limits", "spans"]

APPROVED_MIN = 20
"""Approved takes of one template from which their spread says something."""

_SPREADS = 3.5
"""Robust standard deviations beyond which a value is an outlier (Iglewicz and Hoaglin, "How to
detect and handle outliers", 1993)."""

_MAD_TO_SIGMA = 1.4826
"""The factor from MAD to the standard deviation of a normal distribution (same source)."""


@dataclass(frozen=True, slots=True)
class _Usual:
    """How a mark is learnt: the least spread that counts, on which side of the usual a value is a
    fault, what to try then, and the mark in words."""

    mark: str
    least: float
    side: Literal["low", "high", "both"]
    action: Action
    says: str


_LEARNT = (
    _Usual("luma", 3.0, "both", "other_seed", "brightness"),
    _Usual("contrast", 2.0, "both", "other_seed", "contrast"),
    _Usual("sharpness", 2.0, "both", "other_seed", "sharpness"),
    _Usual("softness", 0.02, "high", "other_seed", "softness"),
    _Usual("burnt", 0.01, "high", "other_seed", "share of burnt white"),
    _Usual("luma_jitter", 0.3, "high", "other_seed", "trembling of the light"),
    _Usual("speed", 0.3, "low", "other_seed", "speed"),
    _Usual("speed", 0.3, "high", "smaller_motion", "speed"),
    _Usual("warp_error", 0.5, "high", "smaller_motion", "change that no motion explains"),
    _Usual("tile_seam", 2.0, "high", "other_tile", "strength of a straight seam"),
    _Usual("palette", 1.0, "high", "other_seed", "distance from the palette"),
    _Usual("product_colour", 0.05, "low", "other_seed", "share of the photo's colours"),
    _Usual("product_shape", 0.02, "low", "other_seed", "share of the photo's shapes"),
    _Usual("score", 0.05, "low", "other_seed", "fit to the words"),
    _Usual("alignment", 0.01, "low", "other_seed", "nearness to the words"),
)


def robust_limits(history: Sequence[Marks], base: Limits = FIXED) -> Limits:
    """The base limits and, from 20 approved takes on, what is usual for their template.

    Each learnt limit is median +- 3.5 * 1.4826 * MAD of the approved takes' marks, on the side
    where a value is a fault, with a least spread per mark so that takes that are all alike do not
    refuse the next one. A mark that fewer than 20 takes have, or with values that are not finite,
    teaches nothing. The order of the history does not matter.
    """
    learnt = []
    for usual in _LEARNT:
        values = [
            take[usual.mark] for take in history if math.isfinite(take.get(usual.mark, math.nan))
        ]
        if len(values) >= APPROVED_MIN:
            learnt.append(_learnt(usual, values))
    return Limits(base.rules + tuple(learnt))


def spans(history: Sequence[Marks]) -> dict[str, tuple[float, float]]:
    """What approved takes teach, for a person: each mark in words, with the least and the greatest
    value that passes (infinite: on that side nothing is a fault). Empty for too few takes."""
    found: dict[str, tuple[float, float]] = {}
    for rule in robust_limits(history, Limits(())).rules:
        name = rule.says.partition(" {")[0]
        low, high = found.get(name, (-math.inf, math.inf))
        found[name] = max(low, rule.low), min(high, rule.high)
    return found


def _learnt(usual: _Usual, values: Sequence[float]) -> Limit:
    middle = statistics.median(values)
    mad = statistics.median(abs(value - middle) for value in values)
    reach = _SPREADS * max(_MAD_TO_SIGMA * mad, usual.least)
    return Limit(
        mark=usual.mark,
        low=-math.inf if usual.side == "high" else middle - reach,
        high=math.inf if usual.side == "low" else middle + reach,
        says=f"{usual.says} {{:.3g}}, unusual for this template (usual: about {middle:.3g})",
        action=usual.action,
        because=f"median and spread of {len(values)} approved takes",
        trace=usual.mark if usual.mark in ("luma", "contrast", "softness", "speed") else "",
    )

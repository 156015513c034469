"""What a clip may measure, why, and what a refusal asks for.

Fixed limits hold for everybody from the first clip on. They were set between the clean clips and
the defects of `benchmarks/gate_defects.py` (docs/measured/gate.md), so that none of the clean ones
is refused. Once 20 takes of a template are approved, `gate.learnt` adds what is usual for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelkiln.reel import Action

__all__ = ["FIXED", "Limit", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One rule: `low` <= marks[`mark`] <= `high`, or the clip is refused.

    `says` is the reason in plain words; `{}` in it is replaced by the value. `action` is what the
    refusal asks for next, `because` why the figure is what it is, and `trace` the name of what was
    measured over time, whose extreme shows where the fault lies (empty: it has no place in time).
    """

    mark: str
    low: float = -math.inf
    high: float = math.inf
    says: str
    action: Action
    because: str
    trace: str = ""

    def holds(self, value: float) -> bool:
        """Whether a value is inside. What is not a number never is."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Limits:
    """Rules, gravest first: the first one broken decides what is tried next."""

    rules: tuple[Limit, ...]

    def without(self, *marks: str) -> Limits:
        """The same rules but those on the given marks."""
        return Limits(tuple(rule for rule in self.rules if rule.mark not in marks))


FIXED = Limits(
    (
        Limit(
            mark="frames",
            low=2,
            says="this is no film (frames: {:.0f})",
            action="person",
            because="an empty file or a single picture: no seed mends it, no platform plays it",
        ),
        Limit(
            mark="finite",
            low=1.0,
            says="some of the model's numbers were not finite (share that was: {:.6f})",
            action="safer_dtype",
            because="one NaN spreads to a black picture; half precision overflows, bfloat16 and"
            " float32 do not",
        ),
        Limit(
            mark="black_share",
            high=0.2,
            says="{:.0%} of the frames are black",
            action="other_seed",
            because="a short fade is meant, a fifth of the clip is not; black that came from NaN"
            " is refused by the rule before",
            trace="black",
        ),
        Limit(
            mark="contrast",
            low=2.0,
            says="the picture is one flat colour (contrast {:.1f} levels)",
            action="other_seed",
            because="the quietest clean clip of the bench has over 5 levels",
            trace="contrast",
        ),
        Limit(
            mark="frozen_run",
            high=0.4,
            says="the picture stands still for {:.0%} of the clip",
            action="other_seed",
            because="a hold at the end is meant, half of the clip is not",
            trace="stir",
        ),
        Limit(
            mark="burnt",
            high=0.4,
            says="{:.0%} of the picture is burnt to white",
            action="other_seed",
            because="a ground that is white up to the frame's edge is not counted, and clean clips"
            " stay under 0.1",
            trace="burnt",
        ),
        Limit(
            mark="flicker",
            high=1.5,
            says="the picture flickers by {:.1f} % from frame to frame",
            action="other_seed",
            because="clean clips stay under 0.5 %; from 2 % on it is seen",
            trace="pulse",
        ),
        Limit(
            mark="flicker_max",
            high=5.0,
            says="one frame flashes by {:.1f} %",
            action="other_seed",
            because="clean clips stay under 2.5 %",
            trace="pulse",
        ),
        Limit(
            mark="overlap_min",
            low=0.6,
            says="the picture is suddenly another one (colours in common: {:.0%})",
            action="other_seed",
            because="neighbours in clean clips share over 0.8 of their colours",
            trace="overlap",
        ),
        Limit(
            mark="jump",
            high=3.3,
            says="the picture jumps: one step is {:.1f} times as far from any motion as the others",
            action="smaller_motion",
            because="clean clips stay under 3",
            trace="jump",
        ),
        Limit(
            mark="leap",
            high=3.3,
            says="the picture leaps: one step is {:.1f} times as long as the others",
            action="smaller_motion",
            because="the clean clips that it was set with stay under 3",
            trace="leap",
        ),
        Limit(
            mark="join",
            high=3.5,
            says="the light changes by {:.1f} % where two segments meet",
            action="other_seed",
            because="from 4 % on a step is seen",
            trace="gain",
        ),
        Limit(
            mark="join_common",
            low=0.6,
            says="another picture begins where two segments meet (colours in common: {:.0%})",
            action="other_seed",
            because="neighbours in clean clips share over 0.8 of their colours",
        ),
        Limit(
            mark="join_jump",
            high=3.3,
            says="the picture jumps where two segments meet ({:.1f} times the steps around it)",
            action="other_seed",
            because="as for jumps inside a clip",
        ),
        Limit(
            mark="join_leap",
            high=3.3,
            says="the picture leaps where two segments meet ({:.1f} times the steps around it)",
            action="other_seed",
            because="as for leaps inside a clip",
        ),
        Limit(
            mark="bars",
            high=0.04,
            says="bars take up {:.0%} of the frame",
            action="other_seed",
            because="clean clips have none; lines of a pixel or two at the edges come from scaling",
        ),
        Limit(
            mark="softness",
            high=0.5,
            says="nothing in the picture is sharp (softness {:.2f} of 1)",
            action="other_seed",
            because="the sharpest places of clean clips stay under 0.42, those of the bundled"
            " model's enlarged films under 0.47; blurred by 2 % of the longer side: over 0.53",
            trace="softness",
        ),
        Limit(
            mark="palette",
            high=7.0,
            says="the colours are off the palette (distance {:.1f}, 1 is just noticeable)",
            action="other_seed",
            because="the same scene measured against its own first frame stays under 6",
        ),
        Limit(
            mark="text_unasked",
            high=0,
            says="there is writing that nobody asked for ({:.0f} words)",
            action="other_seed",
            because="models write nonsense and copy the watermarks of what they learnt from",
        ),
        Limit(
            mark="text_wrong",
            high=0,
            says="the writing that was asked for is missing or misspelt ({:.0f} words)",
            action="other_seed",
            because="a name is right or wrong",
        ),
        Limit(
            mark="ghost_repeats",
            high=0.1,
            says="a faint pattern lies over the whole picture, like a stock library's mark"
            " (repetition {:.2f} of 1)",
            action="other_seed",
            because="clean clips stay under 0.09; AnimateDiff's motion modules copy the"
            " marks of the previews that they were trained on",
        ),
        Limit(
            mark="nsfw",
            high=0.5,
            says="there may be nudity (certainty {:.0%})",
            action="person",
            because="the detector errs both ways: only a person can tell",
        ),
        Limit(
            mark="score",
            low=0.0,
            says="the picture does not show what the words say (score {:.2f})",
            action="other_seed",
            because="a scorer's own zero lies between what fits and what does not",
        ),
    )
)
"""The limits that hold without any history."""

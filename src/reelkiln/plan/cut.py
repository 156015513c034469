"""Cutting a shot into segments, for each way a model reaches more seconds."""

from fractions import Fraction
from math import ceil

from reelkiln.errors import UsageError
from reelkiln.plan.card import Card
from reelkiln.plan.fit import fit_frames
from reelkiln.reel import Segment, Shot

__all__ = ["cut", "segment_seed"]

_STRIDE = 0x9E3779B1
"""An odd number near 2**32 divided by the golden ratio: multiples of it visit every 32-bit value
once, far apart (Knuth, The Art of Computer Programming, volume 3, section 6.4)."""


def segment_seed(seed: int, index: int) -> int:
    """The seed of segment `index` of a shot: the shot's own for the first, no two of them alike.

    `(seed + index * 0x9E3779B1) mod 2**32`.

    >>> segment_seed(7, 0), segment_seed(7, 1)
    (7, 2654435768)
    """
    return (seed + index * _STRIDE) % 2**32


def cut(shot: Shot, card: Card) -> tuple[Segment, ...]:
    """Cut a shot into the segments that one backend renders one after another.

    "windows" and "forth-and-back" need one segment, the second always of `frames_max` frames.
    "lead" makes as many as the time takes; of a led segment, the first `lead_frames` frames repeat
    the end of the one before, so that it adds the rest.

    Raises:
        UsageError: the model cannot reach that many seconds in the way its card says.
    """
    needed = ceil(shot.seconds * card.fps)
    match card.reach.kind:
        case "forth-and-back":
            counts = [card.frames_max]
        case "windows":
            if needed > card.frames_max:
                raise _too_long(shot, card)
            counts = [fit_frames(card, needed)]
        case "lead":
            counts = _led(needed, card)
    return tuple(_segment(shot, card, index, count) for index, count in enumerate(counts))


def _led(needed: int, card: Card) -> list[int]:
    counts = [fit_frames(card, needed)]
    covered = counts[0]
    while covered < needed:
        count = fit_frames(card, needed - covered + card.reach.lead)
        counts.append(count)
        covered += count - card.reach.lead
    return counts


def _segment(shot: Shot, card: Card, index: int, frames: int) -> Segment:
    return Segment(
        index=index,
        frames=frames,
        seed=segment_seed(shot.seed, index),
        prompt=shot.prompt,
        negative=shot.negative,
        image=shot.image if index == 0 else None,
        lead_frames=card.reach.lead if index else 0,
    )


def _too_long(shot: Shot, card: Card) -> UsageError:
    most = Fraction(card.frames_max) / card.fps
    return UsageError(
        f"{card.name} cannot reach {float(shot.seconds):g} seconds",
        hint=f"Ask for at most {float(most):g} seconds, or choose another model with --model.",
    )

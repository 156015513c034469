"""What is to be rendered, before any machine is looked at."""

from dataclasses import dataclass

from reelkiln.plan.card import Card, Preset
from reelkiln.plan.cut import cut
from reelkiln.plan.fit import fit_size
from reelkiln.plan.wish import check_shot, find_preset
from reelkiln.reel import Segment, Shot, Size

__all__ = ["Outline", "outline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Which network calls a shot comes to: at what size, how many frames, how many steps."""

    card: Card
    preset: Preset
    size: Size
    segments: tuple[Segment, ...]


def outline(shot: Shot, card: Card) -> Outline:
    """What this model renders for this shot.

    Raises:
        UnknownName: the card has no such preset.
        UsageError: the prompt, seconds, size or seed is out of bounds, for everybody or for
            this model.
    """
    check_shot(shot, card)
    return Outline(
        card=card,
        preset=find_preset(card, shot.preset),
        size=fit_size(card, shot.size),
        segments=cut(shot, card),
    )

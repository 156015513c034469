"""The end card: what a viewer shall remember and do, on the brand's main colour."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from reelkiln.errors import UsageError
from reelkiln.film.colour import BLACK, WHITE, Colour, Plate, contrast
from reelkiln.film.logo import read_logo
from reelkiln.film.look import Look, ink_on
from reelkiln.film.plates import Picture, centred, inked, on_plate, rounded
from reelkiln.film.stage import Stage
from reelkiln.film.typeset import Room, typeset

__all__ = ["EndCard", "end_card"]

HEADLINE, HEADLINE_LEAST, HEADLINE_LINES = 0.1, 0.052, 4
ACTION, ACTION_LEAST = 0.055, 0.036
TAGS, TAGS_LEAST = 0.04, 0.028

SQUEEZES = (1.0, 0.75, 0.5)
"""How much of its usual size an end card's logo and gaps have, tried in order."""

LOST, ALIKE = 0.05, 40
"""A logo stands on its own ground where more of it than this share is as near to the card's ground
as so many levels of 255 in every channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCard:
    """The last picture: logo, headline and the call to action on the brand's main colour.

    `tags` are hashtags, small below them.
    """

    headline: str
    action: str = ""
    tags: str = ""
    logo: Path | None = None
    language: str = ""


def end_card(card: EndCard, stage: Stage, look: Look, what: str) -> Picture:
    """The card as roomy as the stage allows: what is not text gives way first.

    Raises:
        UsageError: as `reelkiln.film.overlay.draw`.
    """
    for squeeze in SQUEEZES[:-1]:
        try:
            return _squeezed(card, stage, look, what, squeeze)
        except UsageError:
            continue
    return _squeezed(card, stage, look, what, SQUEEZES[-1])


def _squeezed(card: EndCard, stage: Stage, look: Look, what: str, squeeze: float) -> Picture:
    ground = Image.new("RGBA", (stage.size.width, stage.size.height), (*look.main, 255))
    gap = stage.share(0.07 * squeeze)
    logo = None
    if card.logo:
        size = (stage.width * 6 // 10, stage.share(0.24 * squeeze))
        logo = _on_ground(read_logo(card.logo, *size), look)
    action = _button(card, stage, look, what) if card.action else None
    tags = _tags(card, stage, look, what) if card.tags else None
    taken = sum(part.height + gap for part in (logo, action, tags) if part)
    room = Room(
        width=stage.width,
        height=max(1, stage.height - taken),
        size=stage.share(HEADLINE),
        least=stage.share(HEADLINE_LEAST),
        lines=HEADLINE_LINES,
    )
    block = typeset(card.headline, look.heading, room, f"{what}: headline", card.language)
    words = inked(block, ink_on(look.main, look))
    parts = [part for part in (logo, words, action, tags) if part]
    first = top = stage.box[1] + (stage.height - words.height - taken) // 2
    for part in parts:
        ground.alpha_composite(part, (centred(stage, part), top))
        top += part.height + gap
    left = min(centred(stage, part) for part in parts)
    right = max(centred(stage, part) + part.width for part in parts)
    return Picture(ground, 0, 0, stage.size, (left, first, right, top - gap))


def _on_ground(logo: Image.Image, look: Look) -> Image.Image:
    """The logo as it is, or, where parts of it would vanish on the ground, on a plate of another
    colour of the brand."""
    if _lost(logo, look.main) <= LOST:
        return logo
    colours = (*look.accents, WHITE, BLACK)
    lost = [_lost(logo, colour) for colour in colours]
    first = next((at for at, share in enumerate(lost) if share <= LOST), lost.index(min(lost)))
    pad = round(0.14 * max(logo.size))
    width, height = logo.width + 2 * pad, logo.height + 2 * pad
    plate = Image.new("RGBA", (width, height), (*colours[first], 0))
    plate.putalpha(rounded(width, height, 0.22 * min(width, height), 1.0))
    plate.alpha_composite(logo, (pad, pad))
    return plate


def _lost(logo: Image.Image, ground: Colour) -> float:
    """The share of a logo's solid pixels that can hardly be told from the ground, 0 to 1."""
    pixels = np.asarray(logo).astype(np.int16)
    solid = pixels[..., 3] > 127
    apart = np.abs(pixels[..., :3] - np.array(ground, np.int16)).max(axis=-1)
    return float((apart[solid] < ALIKE).mean()) if solid.any() else 0.0


def _tags(card: EndCard, stage: Stage, look: Look, what: str) -> Image.Image:
    room = Room(
        width=stage.width,
        height=stage.height // 4,
        size=stage.share(TAGS),
        least=stage.share(TAGS_LEAST),
        lines=2,
    )
    block = typeset(card.tags, look.body, room, f"{what}: hashtags", card.language)
    return inked(block, ink_on(look.main, look))


def _button(card: EndCard, stage: Stage, look: Look, what: str) -> Image.Image:
    size = stage.share(ACTION)
    pad = (round(size * 0.9), round(size * 0.42))
    room = Room(
        width=stage.width - 2 * pad[0],
        height=stage.height // 3,
        size=size,
        least=stage.share(ACTION_LEAST),
        lines=2,
    )
    block = typeset(card.action, look.heading, room, f"{what}: call to action", card.language)
    seen = [accent for accent in look.accents if contrast(accent, look.main) >= 3]
    colour = seen[0] if seen else ink_on(look.main, look)
    return on_plate(block, Plate(colour, 1.0, ink_on(colour, look), 0), pad, round_share=0.5)

"""What lies over a film, as frozen values, and each drawn as a picture: never text in a filter.

Sizes are shares of the delivery's shorter side. Everything stays inside the platform's safe zone;
only the ground of an end card fills the frame. Top left of the zone is the disclosure's place, top
right the logo's; captions keep below both.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from reelkiln.film.colour import BLACK, WHITE, Colour, Plate, contrast, plate
from reelkiln.film.ink import coverage
from reelkiln.film.logo import read_logo
from reelkiln.film.look import Look, ink_on, strong_inks
from reelkiln.film.stage import Stage
from reelkiln.film.typeset import Block, Room, typeset
from reelkiln.reel import Size

__all__ = [
    "Caption",
    "Disclosure",
    "EndCard",
    "Logo",
    "Overlay",
    "Picture",
    "draw",
]

CAPTION, CAPTION_LEAST, CAPTION_LINES = 0.058, 0.036, 3
HEADLINE, HEADLINE_LEAST, HEADLINE_LINES = 0.1, 0.052, 4
ACTION, ACTION_LEAST = 0.055, 0.036
TAGS, TAGS_LEAST = 0.04, 0.028
NOTE, NOTE_LEAST, NOTE_LINES = 0.028, 0.022, 2
"""The disclosure: small, and never so small that a phone cannot show it."""

LOST, ALIKE = 0.05, 40
"""A logo stands on its own ground where more of it than this share is as near to the card's ground
as so many levels of 255 in every channel."""

HEADER = 0.12
"""The height of the strip that disclosure and logo share."""

NOTE_WIDTH, LOGO_WIDTH = 0.62, 0.32
"""Their shares of the safe zone's width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """Words on a plate. `language` is a BCP 47 tag."""

    text: str
    language: str = ""
    where: Literal["lower", "middle", "upper"] = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """The brand's logo, top right."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The visible note that the film is made by AI, top left."""

    text: str
    language: str = ""


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


Overlay: TypeAlias = Caption | Logo | Disclosure | EndCard


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An RGBA picture, straight alpha, and where its top left lies in a frame of `size`.

    `inner` is the part of the frame that must stay visible (left, top, right, bottom), where that
    is less than the whole picture: an end card's ground may be covered, its words may not.
    """

    image: Image.Image
    left: int
    top: int
    size: Size
    inner: tuple[int, int, int, int] | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in the frame of what must stay visible."""
        right, bottom = self.left + self.image.width, self.top + self.image.height
        return self.inner or (self.left, self.top, right, bottom)

    def whole(self) -> Image.Image:
        """The picture in a clear frame of the delivery's size."""
        frame = Image.new("RGBA", (self.size.width, self.size.height))
        frame.paste(self.image, (self.left, self.top))
        return frame


def draw(overlay: Overlay, stage: Stage, look: Look, what: str = "") -> Picture:
    """The overlay as a picture for that stage. `what` is how messages call it ("caption 2").

    Raises:
        UsageError: text is empty, too long, has characters that no font draws or does not fit; a
            logo is missing, damaged or too large. The message names it.
    """
    match overlay:
        case Caption():
            return _caption(overlay, stage, look, what or "caption")
        case Disclosure():
            return _disclosure(overlay, stage, look, what or "disclosure")
        case Logo(path=path):
            size = (round(stage.width * LOGO_WIDTH), stage.share(HEADER))
            image = read_logo(path, *size)
            return Picture(image, stage.box[2] - image.width, stage.box[1], stage.size)
        case EndCard():
            return _end_card(overlay, stage, look, what or "end card")


def _caption(caption: Caption, stage: Stage, look: Look, what: str) -> Picture:
    size, header = stage.share(CAPTION), stage.share(HEADER + 0.02)
    pad = (round(size * 0.6), round(size * 0.3))
    room = Room(
        width=min(stage.width, stage.share(1.3)) - 2 * pad[0],
        height=stage.height - header - 2 * pad[1],
        size=size,
        least=stage.share(CAPTION_LEAST),
        lines=CAPTION_LINES,
    )
    block = typeset(caption.text, look.body, room, what, caption.language)
    image = _on_plate(block, plate(look.main, strong_inks(look)), pad)
    low = stage.box[3] - image.height
    high = stage.box[1] + header
    top = {"lower": low, "upper": high, "middle": (low + high) // 2}[caption.where]
    return Picture(image, _centred(stage, image), top, stage.size)


def _disclosure(note: Disclosure, stage: Stage, look: Look, what: str) -> Picture:
    size = stage.share(NOTE)
    pad = (round(size * 0.6), round(size * 0.28))
    room = Room(
        width=round(stage.width * NOTE_WIDTH) - 2 * pad[0],
        height=stage.share(HEADER) - 2 * pad[1],
        size=size,
        least=stage.share(NOTE_LEAST),
        lines=NOTE_LINES,
    )
    block = typeset(note.text, look.body, room, what, note.language)
    image = _on_plate(block, plate(BLACK), pad)
    return Picture(image, stage.box[0], stage.box[1], stage.size)


def _end_card(card: EndCard, stage: Stage, look: Look, what: str) -> Picture:
    ground = Image.new("RGBA", (stage.size.width, stage.size.height), (*look.main, 255))
    gap = stage.share(0.07)
    logo = None
    if card.logo:
        size = (stage.width * 6 // 10, stage.share(0.24))
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
    words = _inked(block, ink_on(look.main, look))
    parts = [part for part in (logo, words, action, tags) if part]
    first = top = stage.box[1] + (stage.height - words.height - taken) // 2
    for part in parts:
        ground.alpha_composite(part, (_centred(stage, part), top))
        top += part.height + gap
    left = min(_centred(stage, part) for part in parts)
    right = max(_centred(stage, part) + part.width for part in parts)
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
    plate.putalpha(_rounded(width, height, 0.22 * min(width, height), 1.0))
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
    return _inked(block, ink_on(look.main, look))


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
    return _on_plate(block, Plate(colour, 1.0, ink_on(colour, look), 0), pad, round_share=0.5)


def _centred(stage: Stage, image: Image.Image) -> int:
    return (stage.box[0] + stage.box[2] - image.width) // 2


def _inked(block: Block, ink: Colour) -> Image.Image:
    image = Image.new("RGBA", (block.width, block.height), (*ink, 0))
    image.putalpha(Image.fromarray(coverage(block)))
    return image


def _on_plate(
    block: Block, plate: Plate, pad: tuple[int, int], round_share: float = 0.0
) -> Image.Image:
    """Words on a plate with round corners: of half an em, or of that share of its height."""
    width, height = block.width + 2 * pad[0], block.height + 2 * pad[1]
    radius = round_share * height if round_share else 0.4 * block.size
    image = Image.new("RGBA", (width, height), (*plate.colour, 0))
    image.putalpha(_rounded(width, height, min(radius, height / 2), plate.opacity))
    image.alpha_composite(_inked(block, plate.ink), pad)
    return image


def _rounded(width: int, height: int, radius: float, opacity: float) -> Image.Image:
    """The coverage of a rectangle with round corners, by each pixel's distance to its edge."""
    across = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
    down = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(across, 0)[None], np.maximum(down, 0)[:, None])
    cover = np.clip(radius + 0.5 - outside, 0, 1)
    return Image.fromarray(np.round(cover * opacity * 255).astype(np.uint8))

"""What lies over a film, as frozen values, and each drawn as a picture: never text in a filter.

Sizes are shares of the delivery's shorter side. Everything stays inside the platform's safe zone;
only the ground of an end card fills the frame. Top left of the zone is the disclosure's place, top
right the logo's; captions keep below both.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reelkiln.film.colour import BLACK, plate
from reelkiln.film.endcard import EndCard, end_card
from reelkiln.film.logo import read_logo
from reelkiln.film.look import Look, strong_inks
from reelkiln.film.plates import Picture, centred, on_plate
from reelkiln.film.stage import Stage
from reelkiln.film.typeset import Room, typeset

__all__ = [
    "Caption",
    "Disclosure",
    "EndCard",
    "Logo",
    "Overlay",
    "Picture",
    "Where",
    "draw",
]

Where: TypeAlias = Literal["lower", "middle", "upper", "top"]
"""A caption's place. "upper" lies below disclosure and logo whatever their size; "top" as high as
they leave room, smaller and often narrower (`titles.lay` makes the room)."""

CAPTION, CAPTION_LEAST, CAPTION_LINES = 0.058, 0.036, 3
CROWN, CROWN_LINES = 0.043, 2
"""A caption at the top: flat, so that it ends above what stands in the middle."""
NOTE, NOTE_LEAST, NOTE_LINES = 0.028, 0.022, 2
"""The disclosure: small, and never so small that a phone cannot show it."""

HEADER = 0.12
"""The height of the strip that disclosure and logo share."""

NOTE_WIDTH, LOGO_WIDTH = 0.62, 0.32
"""Their shares of the safe zone's width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """Words on a plate. `language` is a BCP 47 tag."""

    text: str
    language: str = ""
    where: Where = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """The brand's logo, top right."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The visible note that the film is made by AI, top left."""

    text: str
    language: str = ""


Overlay: TypeAlias = Caption | Logo | Disclosure | EndCard


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
            return end_card(overlay, stage, look, what or "end card")


def _caption(caption: Caption, stage: Stage, look: Look, what: str) -> Picture:
    crown = caption.where == "top"
    size = stage.share(CROWN if crown else CAPTION)
    header = 0 if crown else stage.share(HEADER + 0.02)
    pad = (round(size * 0.6), round(size * 0.3))
    room = Room(
        width=min(stage.width, stage.share(1.3)) - 2 * pad[0],
        height=stage.height - header - 2 * pad[1],
        size=size,
        least=stage.share(CAPTION_LEAST),
        lines=CROWN_LINES if crown else CAPTION_LINES,
    )
    block = typeset(caption.text, look.body, room, what, caption.language)
    image = on_plate(block, plate(look.main, strong_inks(look)), pad)
    low = stage.box[3] - image.height
    high = stage.box[1] + header
    top = {"lower": low, "middle": (low + high) // 2}.get(caption.where, high)
    return Picture(image, centred(stage, image), top, stage.size)


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
    image = on_plate(block, plate(BLACK), pad)
    return Picture(image, stage.box[0], stage.box[1], stage.size)

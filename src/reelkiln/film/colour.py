"""Colours, and whether words on them can be read. Pure.

Contrast is WCAG 2.2's: (lighter + 0.05) / (darker + 0.05) of relative luminances, 1 to 21
(https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). 4.5 is what it asks of text (criterion 1.4.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reelkiln.errors import UsageError

__all__ = ["BLACK", "ENOUGH", "WHITE", "Colour", "Plate", "contrast", "parse", "plate"]

Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, 0 to 255, sRGB."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (17, 17, 17)
ENOUGH = 4.5
OPACITIES = (0.86, 0.92, 1.0)
"""How much of a plate covers the film, the least that can be read on first."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate's colour and opacity (0 to 1), the colour of words on it, and the least contrast that
    they have on it, whatever film lies behind."""

    colour: Colour
    opacity: float
    ink: Colour
    ratio: float


def parse(text: str) -> Colour:
    """A colour like "#c0ffee" or "#fab".

    >>> parse("#fab")
    (255, 170, 187)

    Raises:
        UsageError: it is none.
    """
    digits = text.removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        raise UsageError(f"{text!r} is no colour", hint="Write it like #c0ffee.")
    if len(digits) == 3:
        digits = "".join(one * 2 for one in digits)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours, 1 to 21.

    >>> round(contrast((255, 255, 255), (0, 0, 0)), 1)
    21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def plate(colour: Colour, inks: Sequence[Colour] = ()) -> Plate:
    """The thinnest plate of that colour on which words reach 4.5 on any film, and their colour.

    `inks` are tried in order, then the better of white and near-black. An opaque plate always
    suffices: no colour is closer than 4.5 to both.
    """
    neutral = sorted((WHITE, BLACK), key=lambda ink: -contrast(ink, colour))
    for opacity in OPACITIES:
        for ink in (*inks, *neutral):
            ratio = _worst(colour, opacity, ink)
            if ratio >= ENOUGH:
                return Plate(colour, opacity, ink, ratio)
    pure: Colour = (0, 0, 0)
    return Plate(colour, 1.0, pure, contrast(pure, colour))


def _worst(colour: Colour, opacity: float, ink: Colour) -> float:
    """The least contrast on the plate over any film: luminance rises with each channel, so the
    extremes are a black and a white film, and an ink between the two has none."""
    ends = [_over(colour, opacity, film) for film in ((0, 0, 0), WHITE)]
    low, high = (_luminance(end) for end in ends)
    if low < _luminance(ink) < high:
        return 1.0
    return min(contrast(ink, end) for end in ends)


def _over(colour: Colour, opacity: float, film: Colour) -> Colour:
    red, green, blue = (
        round(opacity * mine + (1 - opacity) * theirs)
        for mine, theirs in zip(colour, film, strict=True)
    )
    return red, green, blue


def _luminance(colour: Colour) -> float:
    parts = (channel / 255 for channel in colour)
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

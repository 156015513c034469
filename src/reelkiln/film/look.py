"""How a brand looks: its colours and its faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelkiln.film.colour import BLACK, WHITE, Colour, contrast, parse
from reelkiln.film.fonts import Typeface, bundled, open_font

__all__ = ["Look", "ink_on", "look", "strong_inks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a brand looks: main colour, further ones, faces for headings and for body text."""

    main: Colour
    accents: tuple[Colour, ...]
    heading: tuple[Typeface, ...]
    body: tuple[Typeface, ...]


def look(palette: Sequence[str], heading: Path | None = None, body: Path | None = None) -> Look:
    """A brand's look: its own fonts first, then those that come along, for what it lacks.

    Args:
        palette: colours like "#c0ffee", the main one first, at least one.
        heading, body: font files.

    Raises:
        UsageError: a colour or a font file is none.
    """
    main, *accents = (parse(colour) for colour in palette)
    own_heading = (open_font(heading),) if heading else ()
    own_body = (open_font(body),) if body else ()
    return Look(
        main=main,
        accents=tuple(accents),
        heading=(*own_heading, *bundled(bold=True)),
        body=(*own_body, *bundled(bold=not own_body)),
    )


def strong_inks(look: Look) -> tuple[Colour, ...]:
    """Colours of the brand that words on its main colour can have without effort for the eye."""
    return tuple(accent for accent in look.accents if contrast(accent, look.main) >= 7)


def ink_on(ground: Colour, look: Look) -> Colour:
    """The colour for words on an opaque ground."""
    brand = [one for one in (*look.accents, look.main) if contrast(one, ground) >= 7]
    return brand[0] if brand else max((WHITE, BLACK), key=lambda ink: contrast(ink, ground))

"""A brand: who speaks, in which colours, and what must never be claimed."""

from collections.abc import Mapping

from pydantic import Field

from reelkiln.script.form import Form
from reelkiln.script.wishes import Colour, Language, Line, Market, Path, Text

__all__ = ["Brand", "Fonts"]


class Fonts(Form):
    """Font files for headings and body text."""

    heading: Path | None = None
    body: Path | None = None


class Brand(Form):
    """The content of `brand.yaml`.

    `palette` holds 1 to 8 colours, the main one first. `banned_claims` are phrases that must not
    stand in any shown word. `disclosure` is the visible AI label by language.
    """

    name: Line
    palette: tuple[Colour, ...] = Field(min_length=1, max_length=8)
    logo: Path | None = None
    fonts: Fonts = Fonts()
    tone: Text
    languages: tuple[Language, ...] = Field(default=("en",), min_length=1, max_length=20)
    markets: tuple[Market, ...] = Field(default=(), max_length=40)
    banned_claims: tuple[Line, ...] = Field(default=(), max_length=500)
    disclosure: Mapping[Language, Line] = Field(default_factory=dict)

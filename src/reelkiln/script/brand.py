"""A brand: who speaks, in which colours, and what must never be claimed."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from reelkiln.script.form import Form
from reelkiln.script.wishes import (
    Clock,
    ClockSpan,
    Colour,
    Currency,
    Language,
    Line,
    Market,
    Path,
    Slug,
    Text,
    Zone,
)

__all__ = ["Brand", "Costs", "Fonts", "Night"]

Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Fonts(Form):
    """Font files for headings and body text."""

    heading: Path | None = None
    body: Path | None = None


class Night(Form):
    """When the machine works by itself: by `reelkiln work` where its options say nothing else.

    `quiet` are hours of every day without work. `zone` is the IANA name of the place where the
    clock on the wall hangs, for daily shifts.
    """

    start: Clock | None = None
    until: Clock | None = None
    quiet: tuple[ClockSpan, ...] = Field(default=(), max_length=10)
    on_battery: bool = False
    zone: Zone | None = None


class Costs(Form):
    """What the morning report reckons with, in `currency`.

    `watts` is what the machine draws while it renders, read from a meter at the plug.
    `former_cost_per_clip` and `former_clips_per_month` are how it was before reelkiln.
    """

    currency: Currency
    price_per_kwh: Amount | None = None
    watts: Amount | None = None
    former_cost_per_clip: Amount | None = None
    former_clips_per_month: Amount | None = None


class Brand(Form):
    """The content of `brand.yaml`.

    `models` are the models that may render, in the order of preference: where one cannot, the next
    one is taken, and that is said.

    `palette` holds 1 to 8 colours, the main one first. `banned_claims` are phrases that must not
    stand in any shown word. `disclosure` is the visible AI label by language. `night` and `costs`
    are for shifts and their report.
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
    models: tuple[Slug, ...] = Field(default=(), max_length=20)
    night: Night = Night()
    costs: Costs | None = None

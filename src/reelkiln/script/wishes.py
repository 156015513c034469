"""The small values that forms share: names, texts, colours, languages, paths."""

import re
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from reelkiln.names import wrong_path, wrong_slug

__all__ = [
    "Clock",
    "ClockSpan",
    "Colour",
    "Currency",
    "Language",
    "Line",
    "Market",
    "Path",
    "Seconds",
    "Slug",
    "Text",
    "Zone",
]

_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5][0-9]"


def _slug(name: str) -> str:
    if wrong := wrong_slug(name):
        raise ValueError(wrong)
    return name


def _path(path: str) -> str:
    if wrong := wrong_path(path):
        raise ValueError(wrong)
    return path


def _printable(text: str) -> str:
    """Text that can be shown and sent to a text encoder: no control characters, no surrogates."""
    if bad := next((c for c in text if not c.isprintable() and c != "\n"), None):
        raise ValueError(f"has a character that cannot be shown (U+{ord(bad):04X})")
    return text


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError("must be a colour like #f4c2c2, in quotes")
    return text.lower()


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", text):
        raise ValueError("must be a language code like en, hi or pt-BR")
    return text


def _market(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("must be a country code like DE or IN, or EU")
    return text


def _clock(text: str) -> str:
    if not re.fullmatch(_CLOCK, text, re.ASCII):
        raise ValueError("must be a time of the day like 07:00")
    return text


def _clock_span(text: str) -> str:
    start, _, end = text.partition("-")
    if not re.fullmatch(f"{_CLOCK}-{_CLOCK}", text, re.ASCII) or start == end:
        raise ValueError("must be a stretch of the day like 22:00-07:00")
    return text


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError("must be a currency code like EUR or INR")
    return text


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("must be a time zone like Europe/Berlin or Asia/Kolkata")
    return text


Slug = Annotated[str, AfterValidator(_slug)]
"""A name every desktop accepts: lower-case letters, digits, single hyphens, at most 64."""
Path = Annotated[str, AfterValidator(_path)]
"""A path inside the workspace, with forward slashes."""
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
"""A short text on one line."""
Text = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(_printable)]
"""A text of at most 4,000 characters."""
Colour = Annotated[str, AfterValidator(_colour)]
"""`#rrggbb`, sRGB."""
Language = Annotated[str, AfterValidator(_language)]
"""A language tag of BCP 47 (https://www.rfc-editor.org/rfc/rfc5646): language, script, region."""
Market = Annotated[str, AfterValidator(_market)]
"""A country of ISO 3166-1, or EU."""
Seconds = Annotated[float, Field(ge=1, le=8)]
"""The length of a shot."""
Clock = Annotated[str, AfterValidator(_clock)]
"""A time of the day, `HH:MM`."""
ClockSpan = Annotated[str, AfterValidator(_clock_span)]
"""A stretch of the day, `HH:MM-HH:MM`; it may go over midnight."""
Currency = Annotated[str, AfterValidator(_currency)]
"""A currency of ISO 4217."""
Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone of the IANA database."""

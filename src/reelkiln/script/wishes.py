"""The small values that forms share: names, texts, colours, languages, paths."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from reelkiln.names import wrong_path, wrong_slug

__all__ = ["Colour", "Language", "Line", "Market", "Path", "Seconds", "Slug", "Text"]


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

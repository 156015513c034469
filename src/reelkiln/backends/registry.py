"""The families, by hand: a new one is one file and one line here."""

from collections.abc import Mapping
from difflib import get_close_matches

from reelkiln.backends.animatediff import AnimateDiffFamily
from reelkiln.backends.ltx import LtxFamily
from reelkiln.backends.null import NullFamily
from reelkiln.backends.seam import Backend
from reelkiln.errors import UnknownName

__all__ = ["FAMILIES", "find_backend"]

FAMILIES: Mapping[str, Backend] = {
    "animatediff": AnimateDiffFamily(),
    "ltx": LtxFamily(),
    "null": NullFamily(),
}
"""A card's `family` to the code that renders it. Families hold no state: sessions do."""


def find_backend(family: str) -> Backend:
    """The family of this name.

    Raises:
        UnknownName: there is none; the hint names the nearest.
    """
    if family in FAMILIES:
        return FAMILIES[family]
    near = get_close_matches(family, FAMILIES, n=1) or sorted(FAMILIES)
    raise UnknownName(
        f"no model family is called {family!r}", hint=f"Known families: {', '.join(near)}."
    )

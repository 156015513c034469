"""A scorer's card: what the program knows of a network that looks at clips and draws none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from reelkiln.errors import UsageError
from reelkiln.plan.card import Card, Licence, Source

__all__ = ["Fetchable", "ScorerCard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerCard:
    """One scorer, an optional download. Nothing is rendered with it, so nothing is planned with it.

    `sources` is one repository. `versions` maps a library to the specifier of the versions known
    to work. `ram` is what it holds while it looks, in bytes.
    """

    name: str
    title: str
    summary: str
    sources: tuple[Source, ...]
    licence: Licence
    ram: int
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.name):
            raise UsageError(f"bad name {self.name!r}", hint="Mend the scorer's card.")
        if len(self.sources) != 1 or not self.sources[0].repo or self.ram <= 0:
            raise UsageError(
                "a scorer has one source with a repo, and ram above 0",
                hint="Mend the scorer's card.",
            )

    @property
    def bundled(self) -> bool:
        """No scorer of this kind travels inside the package."""
        return False

    @property
    def family(self) -> str:
        """Whose classes it is of: the code is `backends/align.py`."""
        return "siglip"

    @property
    def used_sources(self) -> tuple[Source, ...]:
        """All of them."""
        return self.sources

    @property
    def each_set(self) -> tuple["ScorerCard", ...]:
        """Itself: its files are stored in one way."""
        return (self,)

    @property
    def default_preset(self) -> str:
        """There are no presets: it has one way to look."""
        return ""


Fetchable: TypeAlias = Card | ScorerCard
"""What can be pulled and checked: a model or a scorer."""

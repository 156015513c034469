"""Mistakes in files that people write: each with its place, all collected, then said at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from reelkiln.errors import ScriptError

__all__ = ["Fault", "Place", "nearest", "refuse"]

SHOWN = 50
"""So many faults are printed; the rest is counted."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A file with line and column, both from 1 (0: the file as a whole)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake: where, what, and how to mend it (may be empty)."""

    place: Place
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.mend})" if self.mend else "")


def refuse(faults: Iterable[Fault]) -> None:
    """Raise when there is at least one fault.

    Raises:
        ScriptError: its details name every fault, in the order of their places, at most 50.
    """
    found = sorted(set(faults))
    if not found:
        return
    shown = tuple(str(fault) for fault in found[:SHOWN])
    rest = len(found) - len(shown)
    files = sorted({fault.place.file for fault in found})
    where = files[0] if len(files) == 1 else f"{len(files)} files"
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    raise ScriptError(
        f"{count} in {where}",
        details=(*shown, f"and {rest} more") if rest else shown,
        hint="mend these places and run the same command again; nothing was written",
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """How to mend an unknown name: the nearest known one, or the list when it is short.

    >>> nearest("prodct", ["product", "brand"])
    'did you mean product?'
    >>> nearest("zzz", ["product", "brand"])
    'known: brand, product'
    """
    names = sorted(known)
    if close := get_close_matches(word, names, n=1):
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""

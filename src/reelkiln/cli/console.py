"""What a person or a program reads: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from reelkiln.errors import ReelkilnError

__all__ = ["out", "say", "show_error", "show_json", "table"]


def out(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def say(line: str) -> None:
    """A line about the work."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def show_json(data: Mapping[str, Any]) -> None:
    """The result as one JSON object."""
    out(json.dumps(data, indent=1, ensure_ascii=False))


def show_error(error: ReelkilnError, *, as_json: bool) -> None:
    """What happened, each place to mend, and what to do. As JSON it is the result itself."""
    if as_json:
        told: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if error.details:
            told["details"] = list(error.details)
        show_json({"error": told})
        sys.stdout.flush()
        return
    say(f"reelkiln: {_one_line(error.message)}")
    for detail in error.details:
        say(f"  {_one_line(detail)}")
    if error.hint:
        say(f"hint: {_one_line(error.hint)}")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns.

    >>> table([("a", "long name"), ("bcd", "x")])
    ['a    long name', 'bcd  x']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _one_line(text: str) -> str:
    """Text without line breaks and control characters, which could rewrite a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)

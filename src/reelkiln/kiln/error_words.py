"""Errors as plain data, so that they cross to another process or computer with all they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelkiln.errors import ReelkilnError, RenderFailed

__all__ = ["error_from_json", "error_to_json"]


def error_to_json(error: ReelkilnError) -> dict[str, Any]:
    """An error as plain data."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": list(error.details),
    }


def error_from_json(data: Mapping[str, Any]) -> ReelkilnError:
    """The error again; of a kind that is not known here (a newer place) it is RenderFailed."""
    kinds = {kind.code: kind for kind in _kinds(ReelkilnError)}
    kind = kinds.get(data["code"], RenderFailed)
    return kind(data["message"], hint=data["hint"], details=tuple(data["details"]))


def _kinds(kind: type[ReelkilnError]) -> Iterator[type[ReelkilnError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from _kinds(inner)

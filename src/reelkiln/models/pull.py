"""Fetch what a card needs, and no more: resumable, verified, shared with other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reelkiln.plan.card import Card

__all__ = ["OnProgress", "Progress", "Pullable", "needed", "pull"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: `done` of `total` bytes, now at `file` ("check": hashing what is here)."""

    phase: Literal["check", "fetch"]
    file: str
    done: int
    total: int


OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Pullable:
    """A pull, decided. `warnings` are lines for a person to read before saying yes."""

    total_bytes: int
    here_bytes: int
    free_bytes: int
    warnings: tuple[str, ...] = ()


def needed(card: Card, preset: str, *, cache: Path | None = None) -> Pullable:
    """What a pull would fetch, asked of the hub."""
    raise NotImplementedError


def pull(
    card: Card, preset: str, *, cache: Path | None = None, on_progress: OnProgress
) -> dict[str, Path]:
    """Fetch what is missing and return each source's folder."""
    raise NotImplementedError

"""What a segment's row holds: one clip, in the words of each model that may render it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelkiln.errors import LedgerError, UsageError
from reelkiln.kiln.edit import Edit
from reelkiln.kiln.told import Setting, tuned
from reelkiln.plan.card import Card
from reelkiln.plan.form import read, write
from reelkiln.reel import Origin, Shot

__all__ = [
    "Candidate",
    "ReelWork",
    "Work",
    "reel_work_from_text",
    "work_from_text",
    "work_to_text",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to render a clip: the shot in one model's words, with the steps and guidance that a
    person chose for it (None: as the card says)."""

    shot: Shot
    steps: int | None = None
    guidance: float | None = None

    def card(self, cards: Mapping[str, Card]) -> Card | None:
        """The model's card with these settings, or None where there is no such model here."""
        card = cards.get(self.shot.model)
        if card is None or self.shot.preset not in card.presets:
            return None
        return tuned(card, self.shot.preset, Setting(steps=self.steps, guidance=self.guidance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A clip to be made. `candidates` stand in the order in which the workspace accepts models;
    all of them tell the same picture. `because` says why the first one stands first. `photo` is a
    file of the workspace that shows the product, "" without one."""

    candidates: tuple[Candidate, ...]
    because: str = ""
    origin: Origin | None = None
    palette: tuple[str, ...] = ()
    photo: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        if not self.candidates:
            raise UsageError("a clip without a model to render it")

    @property
    def shot(self) -> Shot:
        """The shot in the first model's words."""
        return self.candidates[0].shot


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelWork:
    """A reel to be joined of clips of the queue: what is done with them, and why these."""

    edit: Edit
    because: str = ""


def reel_work_from_text(text: str) -> ReelWork:
    """The work of a reel's row.

    Raises:
        LedgerError: another version wrote it.
    """
    work: ReelWork = _read(ReelWork, text)
    return work


def work_to_text(work: Work | ReelWork) -> str:
    """The work as JSON text for its row."""
    return json.dumps(write(work), ensure_ascii=False, separators=(",", ":"))


def work_from_text(text: str) -> Work:
    """The work of a row.

    Raises:
        LedgerError: another version wrote it.
    """
    work: Work = _read(Work, text)
    return work


def _read(kind: type, text: str) -> Any:
    try:
        return read(kind, json.loads(text), "work")
    except (ValueError, UsageError) as error:
        raise LedgerError(
            f"a row of the queue cannot be read: {error}",
            hint="Another version wrote it: cancel it and queue it again.",
        ) from error

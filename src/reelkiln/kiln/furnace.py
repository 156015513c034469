"""One loaded model, kept for as long as plans ask for the same one."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from reelkiln.backends.seam import WORDS, Backend, Folders, OnStep, Peak, Session, Step
from reelkiln.models.layout import cache_folder, words_folder
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan

__all__ = ["Furnace", "loading"]


class Furnace:
    """Opens a backend when it must, and lets go of it at the end of the `with`.

    `cache` is the Hugging Face cache (None: the one that the environment names): encoded words are
    kept inside it.
    """

    def __init__(
        self, backend: Backend, card: Card, folders: Folders, *, cache: Path | None = None
    ) -> None:
        self.card = card
        self._backend = backend
        self._folders = {**folders, WORDS: words_folder(cache_folder(cache))}
        self._stack = ExitStack()
        self._open_for: Plan | None = None
        self._session: Session | None = None
        self._peak = Peak(vram=0, ram=0)

    def __enter__(self) -> Furnace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def session(self, plan: Plan, on_step: OnStep) -> Session:
        """The model loaded as `plan` says: the one at hand where it is loaded that way.

        Raises:
            OutOfMemory, WeightsBroken, MissingLibrary: as `Backend.open` says.
        """
        wanted = loading(plan)
        if self._session is None or self._open_for != wanted:
            self.close()
            on_step(Step("load", 0, 1))  # importing the model libraries is part of loading
            opening = self._backend.open(plan, self.card, self._folders, on_step)
            self._session = self._stack.enter_context(opening)
            self._open_for = wanted
        return self._session

    def loaded(self, plan: Plan) -> bool:
        """Whether `session` would answer without loading."""
        return self._session is not None and self._open_for == loading(plan)

    def close(self) -> None:
        """Free the device. `session` loads again."""
        self.peak()
        self._session, self._open_for = None, None
        self._stack.close()

    def peak(self) -> Peak:
        """The most memory held by any session so far."""
        if self._session is not None:
            now = self._session.peak()
            self._peak = Peak(max(now.vram, self._peak.vram), max(now.ram, self._peak.ram))
        return self._peak


def loading(plan: Plan) -> Plan:
    """The plan without what a loaded model does not depend on: its segments and foretellings."""
    return replace(plan, segments=(), peak_bytes=0, ram_bytes=0, seconds_estimate=0.0, because=())

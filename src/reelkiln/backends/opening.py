"""A session from its weights to its end, the same for every family that computes with torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from reelkiln.backends.arrange import device_memory
from reelkiln.backends.libraries import quiet, require_torch
from reelkiln.backends.seam import OnStep, Session
from reelkiln.backends.wall import Steps, wall
from reelkiln.errors import ReelkilnError
from reelkiln.plan.card import Card
from reelkiln.plan.plan import Plan

__all__ = ["Closing", "opened"]


class Closing(Session, Protocol):
    """A session that can let go of what it holds."""

    def close(self) -> None:
        """Let go of every tensor."""


@contextmanager
def opened(
    plan: Plan,
    card: Card,
    problems: Iterable[ReelkilnError],
    on_step: OnStep,
    load: Callable[[Steps], Closing],
) -> Iterator[Session]:
    """The session that `load` makes; closed, and the device empty, however it ends.

    Raises:
        ReelkilnError: the first of `problems`, or why this torch cannot run the plan.
    """
    steps = Steps(on_step)
    for problem in problems:
        raise problem
    require_torch(card, plan.device)
    with device_memory(plan):
        session = None
        try:
            with wall("load", card.name, steps), quiet():
                session = load(steps)
            yield session
        except BaseException as error:
            # The frames of an interrupted render hold tensors for as long as the error lives.
            traceback.clear_frames(error.__traceback__)
            raise
        finally:
            if session is not None:
                session.close()

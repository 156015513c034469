"""The seam between the shift and whoever renders for it: a child here, one per GPU, other hosts.

What crosses it is plain JSON, in both directions, so that a place may be another process or
another computer. The frames of takes lie as files in the folder that the shift named, whoever
rendered them. A place keeps its model loaded from one order to the next, and is replaced when it
dies: that is `PlaceLost`, the order may be given out again, and nobody but the shift does so.

Implementations: `children.ChildRenderer` (this computer, an order at a time), `lanes.LaneRenderer`
(this computer, whole batches) and `fleet.FleetRenderer` (many). One contract test runs them all:
`tests/contracts/test_renderer.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from reelkiln.backends.seam import Peak
from reelkiln.errors import UsageError
from reelkiln.kiln.recipe import Weights
from reelkiln.kiln.watch import Watch
from reelkiln.plan.card import Card
from reelkiln.plan.form import read, write
from reelkiln.plan.machine import Machine
from reelkiln.plan.plan import Plan
from reelkiln.reel import Shot, Take

if TYPE_CHECKING:
    from reelkiln.kiln.fire import Fired

__all__ = ["RenderOrder", "Rendered", "Renderer", "weights_digest"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class _Crossing:
    """What crosses the seam, as the plain data that `plan.form` makes of it."""

    __slots__ = ()
    _what: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` takes back."""
        data: dict[str, Any] = write(self)
        return data

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The value in plain data.

        Raises:
            UsageError: it is none.
        """
        found: Self = read(cls, data, cls._what)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOrder(_Crossing):
    """One shot to render, with all that another computer needs for it.

    `id` names the order (letters, digits, - and _; it becomes part of file names). The card travels
    along, so that every place renders by the desk's card. `palette`, `photo` (of the product, as
    `standards.photo_text`) and `usual` (the marks of its template's approved takes) are what takes
    are held against. `urgent`: a person waits for it. `rank` sorts as the queue's line does.
    `weights_digest` is that of the weights the desk expects; empty: whatever lies there.

    `planned_for` is the GPU that the plan counts on (`bench.gpu_words`; None: not said): a place
    with another one plans for its own. `ran_out` is what of this model ran out of the memory of
    which GPU: a place has no ledger to look that up in.
    """

    _what: ClassVar[str] = "order"
    id: str
    shot: Shot
    plan: Plan
    card: Card
    palette: tuple[str, ...] = ()
    photo: str = ""
    urgent: bool = False
    rank: str = ""
    usual: tuple[Mapping[str, float], ...] = ()
    weights_digest: str = ""
    planned_for: str | None = None
    ran_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise UsageError(
                f"{self.id!r:.100} is no name of an order", hint="Use letters, digits."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered(_Crossing):
    """What came of an order: all that its recipe and its row need.

    `plan`, `chosen`, `takes`, `refusals` and `seconds` are those of `fire.Fired`. `place` says
    where it was rendered: the host, and the GPU where there is one. `notes` are lines a person
    should know, told while rendering, `unread` words that the model has no place for. `own_ram` is
    the most memory of the process that no file backs, as seen between steps (bytes, 0: not known).
    `latents` are the keys of checkpoints that nobody needs once the film is there.
    """

    _what: ClassVar[str] = "result"
    plan: Plan
    chosen: tuple[Take, ...]
    takes: tuple[Take, ...]
    refusals: tuple[str, ...]
    seconds: Mapping[str, float]
    peak_vram: int
    peak_ram: int
    weights: tuple[Weights, ...]
    libraries: Mapping[str, str]
    machine: str
    place: str
    notes: tuple[str, ...] = field(default=())
    latents: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    own_ram: int = 0

    def fired(self) -> Fired:
        """The same as rendering in this process would have given."""
        from reelkiln.kiln.fire import Fired  # whoever only renders needs neither gate nor film

        return Fired(
            plan=self.plan,
            chosen=self.chosen,
            takes=self.takes,
            refusals=self.refusals,
            seconds=self.seconds,
            peak=Peak(vram=self.peak_vram, ram=self.peak_ram),
            unread=self.unread,
        )


class Renderer(Protocol):
    """Where orders are rendered. Safe to call from `width` threads at once."""

    @property
    def width(self) -> int:
        """How many orders it renders at once; further calls of `render` wait."""
        ...

    @property
    def machine(self) -> Machine | None:
        """What the desk is to plan for, where that is another computer; None: its own machine."""
        ...

    def render(self, order: RenderOrder, folder: Path, watch: Watch) -> Rendered:
        """Render one order; its takes lie in `folder` (which exists) afterwards.

        `watch` is called from the calling thread. Raising from it stops the render within one step,
        and what was raised comes out. It is told where the memory of a GPU ran out also by a render
        that fails in the end: a place has no ledger, so the desk remembers it.

        Raises:
            PlaceLost: the process or computer that rendered is gone; its successor takes the next
                order. Nothing of this one is left but, perhaps, files in `folder`.
            Others as `fire` says, and WeightsMissing, WeightsBroken, MissingLibrary.
        """
        ...

    def close(self) -> None:
        """End every place. What is being rendered is given up."""
        ...


def weights_digest(weights: tuple[Weights, ...]) -> str:
    """64 hex digits that are equal exactly where every weights file is equal."""
    files = {source.source: dict(source.sha256) for source in weights}
    text = json.dumps(files, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

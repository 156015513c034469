"""What runs on another computer of the fleet: a Place with a post box. It knows nothing of Ray.

Orders and answers are JSON text. Takes travel as bytes, by file name, packed without loss. Pictures
that an order names come along, and lie in a folder of this computer while it renders.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from reelkiln import __version__
from reelkiln.errors import Cancelled, ReelkilnError, WeightsMissing
from reelkiln.kiln.checkpoints import Checkpoints
from reelkiln.kiln.error_words import error_to_json
from reelkiln.kiln.place import Place
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Progress, RanOut, Watch
from reelkiln.models.installed import locate
from reelkiln.models.layout import cache_folder, latents_folder
from reelkiln.models.pull import pull
from reelkiln.plan.card import Card
from reelkiln.plan.form import write
from reelkiln.reel import Take

__all__ = [
    "Actor",
    "fetched",
    "pack_take",
    "pictures_of",
    "sweep_scratch",
    "unpack_take",
    "with_pictures",
]

SCRATCH = "reelkiln-take-"
"""How the folder of a render begins; it lies where the system keeps temporary files."""
DAY = 86_400
"""Seconds: no render lasts as long."""

Answer = tuple[str, dict[str, bytes]]
"""JSON of {"rendered": …} or {"error": …}, with {"ran_out": [[…], …]} beside either, and the takes
by file name."""


@dataclass(slots=True)
class _Ear:
    """What the desk hears of a render, and says to it, from another thread."""

    progress: Progress = field(default_factory=lambda: Progress("load", 0, 1))
    notes: list[str] = field(default_factory=list)
    ran_out: list[RanOut] = field(default_factory=list)
    stopped: bool = False

    def on_progress(self, progress: Progress) -> None:
        self.progress = progress
        if self.stopped:
            raise Cancelled("stopped")


class Actor:
    """Renders one order at a time; `hear` and `stop` are called meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place: Place | None = None
        self._ear = _Ear()
        self._answered: tuple[str, ...] = ()

    def hello(self) -> tuple[str, str, str]:
        """The name of this place, the version of reelkiln that it runs, and its machine as JSON."""
        with self._lock:
            if self._place is None:
                sweep_scratch(time.time())
                Checkpoints(self._latents, "").sweep(time.time())
                self._place = Place(platform.node() or "another computer", fetched)
            gpu = self._place.machine.gpu
            machine = json.dumps(write(self._place.machine), allow_nan=False)
            return f"{self._place.name} ({gpu or 'no GPU'})", __version__, machine

    def render(self, order: str, pictures: Mapping[str, bytes]) -> Answer:
        """Render an order; see the module for what travels."""
        self.hello()
        with self._lock, tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
            self._forget()
            self._ear = _Ear()
            ear = self._ear
            watch = Watch(ear.on_progress, ear.notes.append, ear.ran_out.append)
            answer: dict[str, Any]
            takes: dict[str, bytes] = {}
            try:
                rendered, takes = self._render(order, pictures, Path(folder), watch)
                answer = {"rendered": rendered.to_json()}
            except ReelkilnError as error:
                answer = {"error": error_to_json(error)}
            answer["ran_out"] = [astuple(what) for what in ear.ran_out]
            return json.dumps(answer, allow_nan=False), takes

    def hear(self, notes_seen: int) -> tuple[tuple[Any, ...], list[str]]:
        """How far it is, and the notes since the first `notes_seen`."""
        ear = self._ear
        return astuple(ear.progress), ear.notes[notes_seen:]

    def stop(self) -> None:
        """Give up what is being rendered, at its next step."""
        self._ear.stopped = True

    @property
    def _latents(self) -> Path:
        """Outlives this process: whoever is killed after denoising does not denoise again."""
        return latents_folder(cache_folder(None))

    def _forget(self) -> None:
        """What the last answer was made of: the desk has it, or it would have asked again."""
        Checkpoints(self._latents, "").forget(self._answered)
        self._answered = ()

    def _render(
        self, text: str, pictures: Mapping[str, bytes], folder: Path, watch: Watch
    ) -> tuple[Rendered, dict[str, bytes]]:
        if self._place is None:
            raise AssertionError("hello was called first")
        order = RenderOrder.from_json(json.loads(text))
        here: dict[str, str] = {}
        for name, data in pictures.items():
            place = folder / f"picture-{len(here)}{Path(name).suffix}"
            place.write_bytes(data)
            here[name] = str(place)
        done = self._place.render(with_pictures(order, here), folder, watch, self._latents)
        self._answered = done.latents
        there = {path: name for name, path in here.items()}
        plan = replace(done.plan, segments=tuple(_segment(s, there) for s in done.plan.segments))
        packed = {Path(take.path).name: pack_take(Path(take.path)) for take in done.chosen}
        named = replace(
            done,
            plan=plan,
            chosen=tuple(map(_by_name, done.chosen)),
            takes=tuple(map(_by_name, done.takes)),
        )
        return named, packed


def sweep_scratch(now: float) -> None:
    """Remove what actors of this computer left when they were killed, a day ago or longer; `now` in
    seconds since 1970."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            if now - folder.stat().st_mtime > DAY:
                shutil.rmtree(folder, ignore_errors=True)


def fetched(card: Card, preset: str) -> dict[str, Path]:
    """The folders of a preset's sources on this computer, pulled into its own cache where they
    lack."""
    try:
        return locate(card, preset)
    except WeightsMissing:
        return pull(card, preset)


def pictures_of(order: RenderOrder) -> tuple[str, ...]:
    """The files that an order names."""
    found = [order.shot.image, *(segment.image for segment in order.plan.segments)]
    return tuple(dict.fromkeys(name for name in found if name))


def with_pictures(order: RenderOrder, where: Mapping[str, str]) -> RenderOrder:
    """The order with its pictures at other places."""
    segments = tuple(_segment(segment, where) for segment in order.plan.segments)
    return replace(
        order, shot=_segment(order.shot, where), plan=replace(order.plan, segments=segments)
    )


def pack_take(path: Path) -> bytes:
    """A take's file for the wire: deflated, every pixel as it is."""
    return zlib.compress(path.read_bytes(), level=1)


def unpack_take(data: bytes, path: Path) -> None:
    """Write what `pack_take` packed. Raises OSError where the disk does not take it."""
    path.write_bytes(zlib.decompress(data))


def _segment(value: Any, where: Mapping[str, str]) -> Any:
    image = value.image
    return replace(value, image=where[image]) if image in where else value


def _by_name(take: Take) -> Take:
    return replace(take, path=Path(take.path).name)

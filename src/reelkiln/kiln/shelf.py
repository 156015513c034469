"""Kept takes that wait to be used again: a reel that was stopped goes on where it was.

One folder for each shot that the gate kept, named by the sha256 of all that decides its pixels. A
take is used again only while its pixels still have the hash that was written down.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reelkiln.backends.seam import Peak
from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.take import is_whole
from reelkiln.kiln.disk import staging
from reelkiln.kiln.firing import Fired
from reelkiln.kiln.recipe import Recipe, TakeNote, digest, take_note
from reelkiln.plan.form import read, write
from reelkiln.plan.plan import Plan
from reelkiln.reel import SECONDS_MIN, Take, Verdict

__all__ = ["BYTES_MOST", "Shelf", "shelf_key"]

NOTE = "shot.json"
BYTES_MOST = 4 * 2**30
"""What the shelf may hold; the takes that were used longest ago go first."""


def shelf_key(recipe: Recipe) -> str:
    """The name of a shot's takes: all that decides their pixels, before anything is rendered.

    The size and the length of the delivery do not: what is rendered stands in the plan.
    """
    shot = replace(recipe.shot, size=recipe.plan.size, seconds=SECONDS_MIN)
    return digest(replace(recipe, shot=shot))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What lies beside the takes: the plan that rendered them and how all takes fared."""

    plan: Plan
    chosen: tuple[TakeNote, ...]
    takes: tuple[TakeNote, ...]
    unread: tuple[str, ...] = ()


class Shelf:
    """A folder of kept takes. Two processes may use one at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Fired | None:
        """The shot of that key, where it lies here whole; its seconds are none."""
        place = self.folder / key
        try:
            data = json.loads((place / NOTE).read_text("utf-8"))
            note: _Note = read(_Note, data, NOTE)
            if not all(is_whole(_path(place, take), take.sha256) for take in note.chosen):
                return None
            (place / NOTE).touch()
        except (OSError, ValueError, UsageError):
            return None
        return Fired(
            plan=note.plan,
            chosen=tuple(_take(take, str(_path(place, take))) for take in note.chosen),
            takes=tuple(_take(take, "") for take in note.takes),
            refusals=(),
            seconds={},
            peak=Peak(vram=0, ram=0),
            unread=note.unread,
        )

    def keep(self, key: str, fired: Fired) -> Fired:
        """Put a shot that the gate kept here; the same one, with the takes' new places.

        Raises:
            DiskFull, UsageError, FilmError: the system refused.
        """
        with on_disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with staging(self.folder) as place, on_disk(self.folder):
            whole = place / key
            whole.mkdir()
            chosen = tuple(take_note(take) for take in fired.chosen)
            for note, take in zip(chosen, fired.chosen, strict=True):
                shutil.copyfile(take.path, _path(whole, note))
            takes = tuple(map(take_note, fired.takes))
            told = _Note(plan=fired.plan, chosen=chosen, takes=takes, unread=fired.unread)
            (whole / NOTE).write_text(json.dumps(write(told), ensure_ascii=False), "utf-8")
            if self.find(key) is None:  # else another process was faster, and reads its own
                shutil.rmtree(self.folder / key, ignore_errors=True)
                _put(whole, self.folder / key)
        return replace(self.find(key) or fired, seconds=fired.seconds, peak=fired.peak)

    def trim(self, most: int = BYTES_MOST, *, wanted: Container[str] = ()) -> None:
        """Remove the shots that were used longest ago, until no more than `most` bytes are left;
        those with a key in `wanted`, which a reel is about to be joined of, stay."""
        held = 0
        for _, key, size in sorted(self._shots(), reverse=True):
            held += size
            if held > most and key not in wanted:
                shutil.rmtree(self.folder / key, ignore_errors=True)

    def _shots(self) -> Iterator[tuple[float, str, int]]:
        """When each was last used, its key and its bytes; another process may be trimming too."""
        for note in self.folder.glob(f"*/{NOTE}"):
            with suppress(FileNotFoundError):
                used = note.stat().st_mtime
                size = sum(file.stat().st_size for file in note.parent.glob("*.npy"))
                yield used, note.parent.name, size


def _put(whole: Path, goal: Path) -> None:
    """Give a folder its name, which another process may do at the same time."""
    try:
        whole.replace(goal)
    except OSError:
        if not (goal / NOTE).is_file():
            raise


def _path(place: Path, take: TakeNote) -> Path:
    return place / f"segment-{take.segment}.npy"


def _take(note: TakeNote, path: str) -> Take:
    fields: dict[str, Any] = {
        "segment": note.segment,
        "attempt": note.attempt,
        "seed": note.seed,
        "sha256": note.sha256,
    }
    verdict = Verdict(note.kept, note.reasons, note.marks)
    return Take(path=path, verdict=verdict, **fields)

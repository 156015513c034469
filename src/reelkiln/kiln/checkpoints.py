"""Latents as checkpoints: what was denoised once is never denoised again.

A checkpoint is named by a digest of everything that decides its numbers, so that it is found by
whoever would compute the same, and by nobody else: after a crash, after memory ran out while
decoding, by another process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelkiln import __version__
from reelkiln.backends.latents import Latents, load_latents, save_latents
from reelkiln.errors import RenderFailed
from reelkiln.failpoints import failpoint
from reelkiln.film.faults import on_disk
from reelkiln.plan.card import Card
from reelkiln.plan.form import write
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment

__all__ = ["KEPT_DAYS", "Checkpoints", "latents_key"]

KEPT_DAYS = 7
"""How long a checkpoint that nobody came back for is kept."""
SUFFIX = ".latents"

_PLACES = ("residence", "decode")
"""What a rung decides without touching a number: where weights lie, how many frames at once."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The latents in one folder, which appears with the first and goes with the last of them.

    `maker` stands for the weights and libraries that compute here: latents of others are not used.
    """

    folder: Path
    maker: str

    def load(self, key: str) -> Latents | None:
        """The latents of this key, or None where there are none that can be read."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            return load_latents(path)
        except RenderFailed:
            self.forget((key,))
            return None

    def save(self, key: str, latents: Latents) -> None:
        """Keep latents, durably.

        Raises:
            DiskFull, UsageError: the folder does not take them.
        """
        path = self._path(key)
        with on_disk(path):
            try:
                self._write(path, latents)
            except FileNotFoundError:  # another lane's last one went, and the folder with it
                self._write(path, latents)
        failpoint("latents kept")

    def _write(self, path: Path, latents: Latents) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_latents(latents, path)

    def forget(self, keys: Iterable[str]) -> None:
        """Remove these checkpoints: their takes are delivered, or nobody wants them."""
        for key in keys:
            self._path(key).unlink(missing_ok=True)
        self._tidy()

    def sweep(self, now: float) -> None:
        """Remove what has lain for longer than `KEPT_DAYS`; `now` in seconds since 1970."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # somebody delivered meanwhile
                if now - path.stat().st_mtime > KEPT_DAYS * 86_400:
                    path.unlink()
        self._tidy()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _tidy(self) -> None:
        try:
            self.folder.rmdir()
        except OSError:
            return  # others are in it, or it never was


def latents_key(segment: Segment, plan: Plan, card: Card, lead: Clip | None, maker: str) -> str:
    """64 hex digits: sha256 over all that decides a segment's latents.

    `card` counts as it is now: a person may have edited it since.

    Two plans that differ only in where weights lie, or in how frames are decoded, give equal
    latents and have equal keys: memory that runs out while decoding costs no denoising.
    """
    preset = card.presets[plan.preset]
    rung = {name: value for name, value in write(plan.rung).items() if name not in _PLACES}
    words = {
        "maker": [maker, __version__],
        "plan": [plan.model, plan.preset, plan.device, plan.dtype],
        "words": card.tokens,
        "how": [plan.steps, plan.guidance, plan.motion],
        "schedule": [
            preset.scheduler,
            dict(preset.schedule),
            preset.sigmas,
            preset.cache_every,
            preset.quick_sums,
        ],
        "shape": write((plan.size, plan.fps, plan.reach)),
        "rung": rung,
        "segment": {key: value for key, value in write(segment).items() if key != "index"},
        "image": _file_digest(segment.image),
        "lead": hashlib.sha256(lead.frames.tobytes()).hexdigest() if lead else "",
    }
    text = json.dumps(words, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _file_digest(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"  # whoever renders it will say so

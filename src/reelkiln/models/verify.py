"""Hash what is on the disk again, and name each file that is not what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reelkiln.errors import WeightsBroken
from reelkiln.models.hashes import hash_file
from reelkiln.models.header import read_header
from reelkiln.models.installed import bundled_folder, locate, locked_source, sources_for
from reelkiln.models.layout import cache_folder, lock_folder, safe_path
from reelkiln.models.lock import LockedFile, read_lock
from reelkiln.models.manifest import read_manifest
from reelkiln.plan.card import Source
from reelkiln.plan.scorer import Fetchable

__all__ = ["Broken", "OnFile", "verify"]

OnFile = Callable[[Path, int], None]
"""Told a file and how many of its bytes were hashed in this step."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that is not what it should be: `why` in a few words."""

    source: str
    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


def verify(
    card: Fetchable,
    preset: str,
    cache: Path | None = None,
    *,
    locks: Path | None = None,
    on_file: OnFile = lambda path, size: None,
) -> tuple[Broken, ...]:
    """Every broken file of the preset's sources; empty: all is well.

    What we pulled is held against its lock, the bundled weights against their record. What another
    program fetched is held against the name of the blob that it links to, and where there is no
    link, against its own header only.

    Raises:
        WeightsMissing: a file is not there at all.
        WeightsBroken: the lock file or the record itself is damaged, or a bundled file is gone.
    """
    folders = locate(card, preset, cache, locks=locks)
    return tuple(
        broken
        for source in sources_for(card, preset)
        for broken in _verify_source(
            source.name, folders[source.name], _recorded(card, source, cache, locks), on_file
        )
    )


def _recorded(
    card: Fetchable, source: Source, cache: Path | None, locks: Path | None
) -> dict[str, LockedFile | None]:
    """What is known of each file that the source needs."""
    if card.bundled:
        root = f"{source.name}/"
        files = read_manifest(bundled_folder(card))
        return {n.removeprefix(root): f for n, f in files.items() if n.startswith(root)}
    locks = locks or lock_folder(cache_folder(cache))
    locked = locked_source(read_lock(locks, card.name), source)
    return {name: locked.files.get(name) if locked else None for name in source.files}


def _verify_source(
    source: str, folder: Path, files: Mapping[str, LockedFile | None], on_file: OnFile
) -> Iterator[Broken]:
    for name, recorded in files.items():
        path = folder / safe_path(name)
        why = _wrong(path, recorded or _named_by_blob(path), on_file)
        if why:
            yield Broken(source, path, why)


def _named_by_blob(path: Path) -> LockedFile | None:
    name = path.resolve().name
    is_hash = len(name) in {40, 64} and set(name) <= set("0123456789abcdef")
    return LockedFile(path.stat().st_size, name) if path.is_symlink() and is_hash else None


def _wrong(path: Path, recorded: LockedFile | None, on_file: OnFile) -> str | None:
    if path.suffix == ".safetensors":
        try:
            read_header(path)
        except WeightsBroken as broken:
            return broken.message.removeprefix(f"{path} ")
    if recorded is None:
        return None
    size = path.stat().st_size
    if size != recorded.size:
        return f"has {size} bytes instead of {recorded.size}"
    digest = hash_file(path, lambda step: on_file(path, step))
    if not digest.names(recorded.sha256 or recorded.blob):
        return f"has the sha256 {digest.sha256[:12]}… instead of {recorded.blob[:12]}…"
    return None

"""What is on the disk already: where a card's sources lie, and how much room they take."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from reelkiln.errors import UnknownName, WeightsBroken, WeightsMissing
from reelkiln.models.layout import (
    cache_folder,
    lock_folder,
    ref_path,
    safe_path,
    snapshot_folder,
)
from reelkiln.models.lock import Lock, LockedSource, read_lock
from reelkiln.models.manifest import read_manifest, wrong_size
from reelkiln.plan.card import Source
from reelkiln.plan.scorer import Fetchable, ScorerCard

__all__ = [
    "bundled_folder",
    "disk_bytes",
    "is_installed",
    "locate",
    "locked_source",
    "said",
    "sources_for",
]


def sources_for(card: Fetchable, preset: str) -> tuple[Source, ...]:
    """The sources that a preset loads, of the card's set: its own, and those that the preset adds.

    A source that any preset adds belongs to presets; all others are the card's own. A scorer has
    no presets: all its sources.

    Raises:
        UnknownName: the card has no such preset.
    """
    if isinstance(card, ScorerCard):
        return card.sources
    if preset not in card.presets:
        raise UnknownName(
            f"the model {card.name} has no preset {preset!r}",
            hint=f"Its presets are {', '.join(card.presets)}.",
        )
    added = {name for each in card.presets.values() for name in each.adds}
    wanted = set(card.presets[preset].adds)
    return tuple(s for s in card.used_sources if s.name not in added or s.name in wanted)


def locate(
    card: Fetchable, preset: str, cache: Path | None = None, *, locks: Path | None = None
) -> dict[str, Path]:
    """The local folder of each source that the preset loads, by the source's name.

    Looks at the disk only. A source that was pulled is the locked commit and nothing else; one
    that another program fetched is taken as it lies, at the card's revision or its branch.

    Args:
        cache: the Hugging Face cache (None: the one the environment names).
        locks: the folder of lock files (None: inside the cache).

    Raises:
        WeightsMissing: a file is not there; the message says how much there is to download.
        WeightsBroken: the package lost its own weights, or the lock file is damaged.
        UnknownName: the card has no such preset.
    """
    cache = cache_folder(cache)
    lock = None if card.bundled else read_lock(locks or lock_folder(cache), card.name)
    wanted = sources_for(card, preset)
    found = {s.name: _folder(card, s, cache, lock) for s in wanted}
    missing = [s for s in wanted if found[s.name] is None]
    if missing:
        size = sum(s.bytes for s in missing)
        repos = ", ".join(s.repo for s in missing)
        more = "" if preset == card.default_preset else f" --preset {preset}"
        raise WeightsMissing(
            f"the model {card.name} is not on this disk ({said(size)} to download from {repos})",
            hint=f"Run `reelkiln models pull {card.name}{more}`{_instead(card)}.",
        )
    return {name: folder for name, folder in found.items() if folder is not None}


def _instead(card: Fetchable) -> str:
    return "" if isinstance(card, ScorerCard) else ", or use `--model spark`, which is here"


def is_installed(
    card: Fetchable, preset: str, cache: Path | None = None, *, locks: Path | None = None
) -> bool:
    """Whether every file that the preset loads is on the disk (sizes are not compared)."""
    try:
        locate(card, preset, cache, locks=locks)
    except (WeightsMissing, WeightsBroken):
        return False
    return True


def disk_bytes(card: Fetchable, cache: Path | None = None, *, locks: Path | None = None) -> int:
    """How many bytes of the card's files, of all presets, are on the disk."""
    cache = cache_folder(cache)
    lock = None if card.bundled else read_lock(locks or lock_folder(cache), card.name)
    total = 0
    for source in card.used_sources:
        for folder in _places(card, source, cache, lock)[:1]:
            files = [folder / safe_path(name) for name in source.files]
            total += sum(file.stat().st_size for file in files if file.is_file())
    return total


def locked_source(lock: Lock | None, source: Source) -> LockedSource | None:
    """What is locked of this source, unless the card now names another repository or branch."""
    locked = lock.sources.get(source.name) if lock else None
    same = locked and (locked.repo, locked.branch) == (source.repo, source.branch)
    return locked if same else None


def bundled_folder(card: Fetchable, source: Source | None = None) -> Path:
    """Where the package keeps the weights of a bundled card, or of one source of it."""
    root = Path(str(resources.files("reelkiln.models"))) / "bundled" / safe_path(card.name)
    return root / safe_path(source.name) if source else root


def said(size: int) -> str:
    """A number of bytes as the hub's pages write it, in powers of ten.

    >>> said(1_820_000_000), said(23_400_000), said(455)
    ('1.82 GB', '23 MB', '455 bytes')
    """
    if size >= 10**9:
        return f"{size / 10**9:.3g} GB"
    return f"{size / 10**6:.0f} MB" if size >= 10**6 else f"{size} bytes"


def _folder(card: Fetchable, source: Source, cache: Path, lock: Lock | None) -> Path | None:
    if card.bundled:
        return _bundled(card, source)
    for folder in _places(card, source, cache, lock):
        if all((folder / safe_path(name)).is_file() for name in source.files):
            return folder
    return None


def _bundled(card: Fetchable, source: Source) -> Path:
    folder = bundled_folder(card)
    wrong = wrong_size(folder, read_manifest(folder))
    if wrong:
        raise WeightsBroken(
            f"the bundled model {card.name} is not complete: {wrong} in {folder}",
            hint="Install reelkiln again.",
        )
    return folder / safe_path(source.name)


def _places(card: Fetchable, source: Source, cache: Path, lock: Lock | None) -> list[Path]:
    """The folders where this source may lie, the one to prefer first."""
    if card.bundled or not source.repo:
        return [bundled_folder(card, source)]
    locked = locked_source(lock, source)
    if locked:
        return [snapshot_folder(cache, source.repo, locked.revision)]
    commits = [source.revision, _ref(cache, source)]
    return [snapshot_folder(cache, source.repo, commit) for commit in commits if commit]


def _ref(cache: Path, source: Source) -> str:
    try:
        commit = ref_path(cache, source.repo, source.branch).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return commit if re.fullmatch(r"[0-9a-f]{40}", commit) else ""

"""The files of models as they travel: by their place in the cache, whatever links lead to them."""

from __future__ import annotations

from pathlib import Path

from reelkiln.models.installed import locate
from reelkiln.models.layout import cache_folder, lock_folder, safe_path
from reelkiln.models.lock import lock_path
from reelkiln.plan.card import Card

__all__ = ["weight_files"]


def weight_files(card: Card, cache: Path | None = None) -> dict[str, Path]:
    """Every file that the card's presets load, and its lock: the place in the cache to the file.

    A cache elsewhere that holds these files at these places is one that `locate` finds them in.

    Raises:
        WeightsMissing, WeightsBroken: as `locate`.
    """
    root = cache_folder(cache)
    found: dict[str, Path] = {}
    for preset in card.presets:
        folders = locate(card, preset, cache)
        for source in card.used_sources:
            folder = folders.get(source.name)
            if folder is None or not folder.is_relative_to(root):
                continue  # of another preset, or inside the package
            for name in source.files:
                path = folder / safe_path(name)
                found[path.relative_to(root).as_posix()] = path
    lock = lock_path(lock_folder(root), card.name)
    if lock.is_file():
        found[lock.relative_to(root).as_posix()] = lock
    return found

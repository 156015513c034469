"""The workspace around the current folder, for commands that also work without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelkiln.cli.console import say

if TYPE_CHECKING:
    from reelkiln.script.workspace import Workspace

__all__ = ["space_around"]


def space_around() -> Workspace | None:
    """The workspace around the current folder; a broken one is told of, and does without."""
    from reelkiln.errors import ReelkilnError
    from reelkiln.script.workspace import read_workspace
    from reelkiln.workshop.open import current_folder, find_workspace

    folder = find_workspace(current_folder())
    try:
        return read_workspace(folder) if folder else None
    except ReelkilnError as broken:
        say(f"brand and products are left out: {broken.message}")
        return None

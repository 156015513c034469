"""`reelkiln init`: a workspace to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reelkiln.cli.console import out, say

__all__ = ["init"]


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="A new folder, or an empty one.")
    ] = Path("ethereal-glow"),
) -> None:
    """Make a workspace: a brand, its products, templates and storyboards, ready to be changed."""
    from reelkiln.script.starter import write_starter

    for path in write_starter(folder):
        out(str(path))
    say(f"next: cd {folder}, change brand.yaml and products.csv, then `reelkiln templates check`")

"""A small workspace and a small platform, so that a whole reel is made in a second or two."""

import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from kiln.nulls import null_card
from reelkiln.film.platforms import find_platform
from reelkiln.kiln.board import ReelChoices, plan_reel
from reelkiln.kiln.choose import Choice
from reelkiln.reel import Size
from reelkiln.script.board import tell
from reelkiln.script.workspace import read_workspace

BOARD = """
storyboard: tiny
title: Two short shots
platform: youtube-shorts
music: {bed: bright}
shots:
  - {template: hero-reveal, seconds: 1.2, caption: {en: "Meet {product.name}", hi: "मिलिए"}}
  - {template: packshot-cta, seconds: 1, transition: {crossfade: 0.2}, caption: "{product.benefit}"}
end_card: {headline: "{brand.name}", call_to_action: {en: Buy it, hi: खरीदें}, seconds: 1}
"""
SMALL = replace(
    find_platform("youtube-shorts"),
    delivery=replace(find_platform("youtube-shorts").delivery, size=Size(216, 384)),
)
SKU = "rose-face-cream"


def starter(folder: Path, board: str = BOARD) -> Path:
    """The worked example with one more storyboard, in a folder that is made."""
    with resources.as_file(resources.files("reelkiln.script").joinpath("starter")) as source:
        shutil.copytree(source, folder)
    (folder / "storyboards" / "tiny.yaml").write_text(board, encoding="utf-8")
    return folder


def photographed(folder: Path, pixels: np.ndarray, sku: str = SKU) -> None:
    """Give a product of the worked example a photo: `pixels` is height x width x RGB, uint8."""
    Image.fromarray(pixels).save(folder / "photo.png")
    table = folder / "products.csv"
    lines = table.read_text("utf-8").splitlines()
    row = next(at for at, line in enumerate(lines) if line.startswith(sku))
    lines[row] += "photo.png"
    table.write_text("\n".join(lines) + "\n", "utf-8")


def ordered(folder, bench, *, movie=Path("a.mp4"), language="en", card=None, **choices):
    """The small reel of a workspace, ordered for the small platform."""
    space = read_workspace(folder)
    told = tell(space, space.storyboards["tiny"], SKU, language=language, seed=0)
    choice = Choice(card or null_card(), "you asked for it")
    wanted = ReelChoices(**choices)
    return plan_reel(space, told, SMALL, choice, bench, movie=movie, choices=wanted)

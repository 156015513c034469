"""A reel looked at before anything is rendered: its words, its safe zone, its files and music."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reelkiln.errors import UsageError
from reelkiln.film.compose import compose
from reelkiln.film.names import preview_path
from reelkiln.film.platforms import find_platform
from reelkiln.film.sheet import write_grid
from reelkiln.film.stage import show_safe_zone
from reelkiln.film.titles import lay
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board import ReelOrder
from reelkiln.kiln.dress import captions_of, dress, look_of, seconds_of, stage_of, titles_of

__all__ = ["check_order", "write_preview"]

MIDDLE = (128, 128, 128)
"""A ground that is neither dark nor light."""


def check_order(order: ReelOrder, bench: Bench) -> None:
    """Read all that a reel is made of besides its shots: words, fonts, logo, music.

    Raises:
        UsageError, FilmError, DiskFull: as `dress` says.
    """
    platform = find_platform(order.edit.platform)
    with bench.scratch_folder() as scratch:
        dress(order.edit, order.folder, platform, scratch / "sound.f32")


def write_preview(order: ReelOrder, *, force: bool) -> Path:
    """Write a PNG of each thing that is laid over the reel, with what the platform covers.

    Raises:
        UsageError: the file exists and `force` was not said; what `lay` says.
        DiskFull: there is no room.
    """
    target = preview_path(order.movie)
    if target.exists() and not force:
        raise UsageError(f"{target} exists already", hint="Add --force to overwrite it.")
    edit, folder = order.edit, order.folder
    stage = stage_of(edit, find_platform(edit.platform))
    laid = lay(titles_of(edit, folder, captions_of(edit)), stage, look_of(edit, folder))
    ground = np.full((edit.size.height, edit.size.width, 3), MIDDLE, np.uint8)
    cells = []
    for name, one in zip(laid.names, laid.shown, strict=True):
        if name in ("logo", "disclosure") and len(laid.names) > 2:
            continue  # seen in every other picture
        at = (one.start + one.end) / 2
        number = min(int(at * edit.fps), int(seconds_of(edit) * edit.fps) - 1)
        (frame,) = compose([ground], edit.fps, laid.shown, first=number)
        cells.append((f"{name}, {float(at):.1f} s", np.asarray(show_safe_zone(frame, stage))))
    if not cells:
        cells = [("nothing is laid over", np.asarray(show_safe_zone(ground, stage)))]
    write_grid(cells, target)
    return target

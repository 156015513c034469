"""Tuning: a small grid of wordings, guidance, steps and seeds, rendered to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.backends.registry import find_backend
from reelkiln.errors import UsageError
from reelkiln.film.sheet import write_grid
from reelkiln.film.take import read_take
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.fire import fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.told import Setting, order_of
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.models.installed import locate
from reelkiln.reel import SECONDS_MIN
from reelkiln.script.expand import Scripted

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["CELLS_MAX", "Cell", "Grid", "cells_of", "render_cells"]

CELLS_MAX = 24
"""So many cells are looked at in one sheet; more is a batch."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What is varied: 1 to some values each. An empty tuple stands for the card's own value."""

    guidance: tuple[float, ...] = ()
    steps: tuple[int, ...] = ()
    seeds: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One picture of the sheet: its number from 1, the shot, and the setting it shows."""

    number: int
    scripted: Scripted
    setting: Setting

    @property
    def label(self) -> str:
        """What stands below the picture."""
        values = [f"{self.number}", self.scripted.variant]
        values += [f"guidance {self.setting.guidance:g}"] if self.setting.guidance else []
        values += [f"{self.setting.steps} steps"] if self.setting.steps else []
        return "  ".join([*values, f"seed {self.setting.seed}"])


def cells_of(shots: Sequence[Scripted], grid: Grid) -> tuple[Cell, ...]:
    """Every combination, wordings first, then guidance, steps and seeds.

    Each wording's seeds are its own seed and the ones after it. The shots are a second long: a
    setting shows in the first one already.

    Raises:
        UsageError: more than 24 cells.
    """
    found: list[Cell] = []
    axes = product(shots, grid.guidance or (None,), grid.steps or (None,), range(grid.seeds))
    for scripted, guidance, steps, turn in axes:
        setting = Setting(
            variant=scripted.variant,
            guidance=guidance,
            steps=steps,
            seed=(scripted.seed + turn) % 2**32,
        )
        short = replace(scripted, seconds=min(scripted.seconds, Fraction(SECONDS_MIN)))
        found.append(Cell(number=len(found) + 1, scripted=short, setting=setting))
    if len(found) > CELLS_MAX:
        raise UsageError(
            f"{len(found)} pictures are too many to choose among",
            hint=f"Vary less: at most {CELLS_MAX} pictures.",
        )
    return tuple(found)


def render_cells(
    cells: Sequence[Cell],
    choice: Choice,
    bench: Bench,
    watch: Watch,
    *,
    preset: str | None,
    target: Path,
) -> None:
    """Render every cell and write the sheet: first, middle and last frame of each.

    Raises:
        As `kiln.make.make`, but that a refused picture is shown too: it is there to be judged.
    """
    chosen = preset or choice.card.default_preset
    folders = locate(choice.card, chosen, bench.cache)
    pictures: dict[int, tuple[str, Frames]] = {}
    with (
        bench.scratch_folder() as scratch,
        Furnace(
            find_backend(choice.card.family), choice.card, folders, cache=bench.cache
        ) as furnace,
    ):
        # Cells that need the same loading follow each other; the sheet keeps their own order.
        for done, cell in enumerate(sorted(cells, key=_loading), 1):
            clock = PhaseClock(bench.clock, watch, clip=done, clips=len(cells))
            order = order_of(
                cell.scripted, choice, bench, target, preset=chosen, setting=cell.setting
            )
            fired = fire(
                order.shot, order.plan, furnace, machine=bench.machine, scratch=scratch, clock=clock
            )
            if fired.chosen:
                path = Path(fired.chosen[0].path)
                frames = np.concatenate([c.frames for c in read_take(path, order.plan.fps)])
                pictures[cell.number] = (cell.label, _strip(frames))
    if not pictures:
        raise UsageError(
            "none of these settings gave a picture", hint="Vary less, or check the model."
        )
    write_grid([pictures[number] for number in sorted(pictures)], target)


def _loading(cell: Cell) -> tuple[int, float]:
    return cell.setting.steps or 0, cell.setting.guidance or 0.0


def _strip(frames: Frames) -> Frames:
    """First, middle and last frame side by side."""
    return np.concatenate([frames[0], frames[len(frames) // 2], frames[-1]], axis=1)

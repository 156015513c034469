"""`reelkiln tune`: look at a few settings of a template side by side, and keep one."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, say, show_json
from reelkiln.cli.make import pick
from reelkiln.cli.options import Json, ModelName, PresetName, Quiet
from reelkiln.cli.progress import telling
from reelkiln.cli.workspace import ScriptSeed, TemplateName, VariantName, opened, scripted

if TYPE_CHECKING:
    from reelkiln.kiln.told import Setting
    from reelkiln.kiln.tune import Cell
    from reelkiln.workshop.open import Workshop

__all__ = ["tune"]


def tune(
    template: TemplateName,
    *,
    product: Annotated[str, typer.Option("--product", metavar="SKU", help="One product's sku.")],
    model: ModelName = None,
    preset: PresetName = None,
    variant: VariantName = None,
    wordings: Annotated[
        int, typer.Option("--wordings", metavar="N", min=1, max=12, help="How many tellings.")
    ] = 2,
    guidance: Annotated[
        list[float] | None,
        typer.Option("--guidance", metavar="G", min=1.0, max=30.0, help="A guidance; repeatable."),
    ] = None,
    steps: Annotated[
        list[int] | None,
        typer.Option("--steps", metavar="N", min=1, max=100, help="A number of steps; repeatable."),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, max=12, help="Seeds for each telling.")
    ] = 2,
    seed: ScriptSeed = 0,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", min=1, help="Keep picture N of the last sheet."),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render a small grid as one sheet, then keep the best with --keep N."""
    from reelkiln.kiln.tune import Grid, cells_of, render_cells
    from reelkiln.kiln.watch import Watch
    from reelkiln.workshop.open import current_folder, open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    shots = scripted(opened(), template, product, variant=variant, count=wordings, seed=seed)
    workshop = open_workshop(current_folder(), read_settings())
    sheet = workshop.state / "tune" / f"{template}-{product}.png"
    if keep is not None:
        _keep(workshop, sheet, keep, json=json)
        return
    cells = cells_of(shots, Grid(tuple(guidance or ()), tuple(steps or ()), seeds))
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        choice = pick(model or workshop.settings.model, preset, bench)
        teller.note(f"model {choice.card.name}: {choice.because}")
        sheet.parent.mkdir(parents=True, exist_ok=True)
        watch = Watch(teller.progress, teller.note)
        render_cells(cells, choice, bench, watch, preset=preset, target=sheet)
    told = [_as_json(cell) for cell in cells]
    note = {"template": template, "product": product, "model": choice.card.name, "cells": told}
    sheet.with_suffix(".json").write_text(jsonlib.dumps(note, indent=1), encoding="utf-8")
    if json:
        show_json({"sheet": str(sheet), **note})
        return
    out(str(sheet))
    say(f"look at it, then: reelkiln tune {template} --product {product} --keep N")


def _keep(workshop: Workshop, sheet: Path, number: int, *, json: bool) -> None:
    from reelkiln.errors import UsageError
    from reelkiln.store.reviews import keep_setting
    from reelkiln.workshop.open import open_bench

    try:
        note = jsonlib.loads(sheet.with_suffix(".json").read_text(encoding="utf-8"))
        cell = next(one for one in note["cells"] if one["number"] == number)
    except OSError as error:
        raise UsageError(
            f"there is no sheet {sheet.name} yet", hint="Render one first: leave --keep away."
        ) from error
    except StopIteration as error:
        raise UsageError(
            f"the sheet has no picture {number}", hint=f"Choose 1 to {len(note['cells'])}."
        ) from error
    with open_bench(workshop) as bench:
        keep_setting(
            bench.ledger,
            template=note["template"],
            product=note["product"],
            model=note["model"],
            setting=cell["setting"],
            now=bench.now(),
        )
    if json:
        show_json({"kept": cell, "model": note["model"]})
        return
    kept = ", ".join(f"{name} {value}" for name, value in cell["setting"].items())
    out(f"{note['template']} for {note['product']} with {note['model']}: {kept}")


def _as_json(cell: Cell) -> dict[str, Any]:
    setting: Setting = cell.setting
    return {"number": cell.number, "label": cell.label, "setting": setting.as_json()}

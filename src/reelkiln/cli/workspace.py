"""The workspace around the current folder, and the options that name things in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reelkiln.script.expand import Scripted
    from reelkiln.script.storyboard import Storyboard
    from reelkiln.script.workspace import Workspace

__all__ = [
    "ProductName",
    "ScriptSeed",
    "TemplateName",
    "VariantName",
    "board_of",
    "opened",
    "scripted",
]

TemplateName = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="A template's name, as `templates list` shows it.")
]
ProductName = Annotated[
    str, typer.Option("--product", metavar="SKU", help="A product's sku, or all.")
]
VariantName = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="Only this variant of the template.")
]
ScriptSeed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Another number gives other words.")
]


def opened(here: Path | None = None) -> Workspace:
    """The workspace around a folder, by default the current one, read and checked.

    Raises:
        UsageError: there is none.
        ScriptError: with every mistake in it.
    """
    from reelkiln.errors import UsageError
    from reelkiln.script.workspace import read_workspace
    from reelkiln.workshop.open import current_folder, find_workspace

    here = here or current_folder()
    folder = find_workspace(here)
    if folder is None:
        raise UsageError(
            f"no brand.yaml in {here} or above",
            hint="Make a workspace with `reelkiln init`, or go into one.",
        )
    return read_workspace(folder)


def board_of(name: str) -> tuple[Workspace, Storyboard]:
    """A storyboard and the workspace that it is in: by its file, or by name in this workspace.

    Raises:
        UsageError: there is no such file, or it lies in no workspace's `storyboards`.
        UnknownName: this workspace has none of that name.
        ScriptError: with every mistake in the workspace.
    """
    from reelkiln.errors import UsageError
    from reelkiln.script.workspace import pick

    path = Path(name)
    if path.suffix.lower() not in (".yaml", ".yml"):
        space = opened()
        return space, pick("storyboard", name, space.storyboards)
    if not path.is_file():
        raise UsageError(f"there is no storyboard {path}", hint="Name its file, or its name alone.")
    space = opened(path.absolute().parent)
    if path.absolute().parent.resolve() != (space.folder / "storyboards").resolve():
        raise UsageError(
            f"{path} is not in the storyboards of the workspace {space.folder}",
            hint="Move it there.",
        )
    return space, pick("storyboard", path.stem, space.storyboards)


def scripted(
    space: Workspace, template: str, product: str, *, variant: str | None, count: int, seed: int
) -> tuple[Scripted, ...]:
    """The shots of a template for one product or all.

    Raises:
        UnknownName: template, variant or product, with the nearest name.
    """
    from reelkiln.script.expand import expand
    from reelkiln.script.workspace import pick

    told = pick("template", template, space.templates)
    if variant:
        pick("variant", variant, {one.name: one for one in told.variants})
    products = (
        list(space.products.values())
        if product == "all"
        else [pick("product", product, space.products)]
    )
    return tuple(
        shot
        for one in products
        for shot in expand(
            told, one, space.brand, space.lists, count=count, seed=seed, only=variant
        )
    )

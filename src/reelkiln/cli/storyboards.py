"""`reelkiln storyboards`: which shots make a reel, and the words on them in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelkiln.cli.console import out, show_json, table
from reelkiln.cli.options import Json
from reelkiln.cli.workspace import ScriptSeed, opened

if TYPE_CHECKING:
    from reelkiln.script.board import ToldBoard

__all__ = ["app"]

app = typer.Typer(
    help="See the storyboards of a workspace.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_boards(json: Json = False) -> None:
    """Show all storyboards of this workspace."""
    space = opened()
    rows = [
        (name, str(len(board.shots)), board.aspect, board.platform or "-", board.title)
        for name, board in space.storyboards.items()
    ]
    if json:
        keys = ("storyboard", "shots", "aspect", "platform", "title")
        show_json({"storyboards": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    for line in table([("storyboard", "shots", "aspect", "platform", "title"), *rows]):
        out(line)


@app.command("show")
def show_board(
    storyboard: Annotated[str, typer.Argument(metavar="STORYBOARD", help="A storyboard's name.")],
    *,
    product: Annotated[str, typer.Option("--product", metavar="SKU", help="One product's sku.")],
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="en, hi, … Default: the brand's first."),
    ] = None,
    seed: ScriptSeed = 0,
    json: Json = False,
) -> None:
    """Show one storyboard for a product: its shots in order, and every word a viewer reads."""
    from reelkiln.script.board import tell
    from reelkiln.script.workspace import pick

    space = opened()
    board = pick("storyboard", storyboard, space.storyboards)
    told = tell(space, board, product, language=language or space.brand.languages[0], seed=seed)
    if json:
        show_json(_as_json(told))
        return
    out(f"{board.title}: {product}, {told.language}, {float(told.seconds):g} s and end card")
    for number, shot in enumerate(told.shots, 1):
        begins = f"cross-fade {float(shot.crossfade):g} s" if shot.crossfade else "cut"
        scripted = shot.scripted
        out(f"\n{number}  {scripted.template}, {scripted.variant}, "
            f"{float(scripted.seconds):g} s, {begins}")  # fmt: skip
        out(f"   {scripted.wordings['paragraph'].prompt}")
        if shot.caption:
            out(f"   caption: {shot.caption}")
    for what in ("headline", "call_to_action", "hashtags"):
        if words := getattr(told, what):
            out(f"\n{what.replace('_', ' ')}: {words}")


def _as_json(told: ToldBoard) -> dict[str, Any]:
    return {
        "storyboard": told.storyboard,
        "product": told.product,
        "language": told.language,
        "seconds": float(told.seconds),
        "shots": [
            {
                "name": shot.scripted.name,
                "template": shot.scripted.template,
                "variant": shot.scripted.variant,
                "seconds": float(shot.scripted.seconds),
                "crossfade": float(shot.crossfade),
                "caption": shot.caption,
            }
            for shot in told.shots
        ],
        "headline": told.headline,
        "call_to_action": told.call_to_action,
        "hashtags": told.hashtags,
    }

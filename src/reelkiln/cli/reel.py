"""`reelkiln reel`: a storyboard becomes finished reels for one platform or several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelkiln.cli.console import out, show_json
from reelkiln.cli.make import pick
from reelkiln.cli.options import Force, Json, ModelName, PresetName, Quiet
from reelkiln.cli.progress import telling
from reelkiln.cli.reel_told import as_json, show, show_plan
from reelkiln.cli.workspace import ScriptSeed, board_of

if TYPE_CHECKING:
    from reelkiln.cli.progress import Teller
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.board import ReelChoices, ReelOrder
    from reelkiln.kiln.choose import Choice
    from reelkiln.kiln.deliver_reel import ReelDelivery
    from reelkiln.script.storyboard import Storyboard
    from reelkiln.script.workspace import Workspace

__all__ = ["reel"]


def reel(
    storyboard: Annotated[
        str,
        typer.Argument(
            metavar="STORYBOARD", help="A storyboard: its file, or its name in this workspace."
        ),
    ],
    *,
    product: Annotated[str, typer.Option("--product", metavar="SKU", help="One product's sku.")],
    platform: Annotated[
        list[str] | None,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="Where the reel goes, as `reelkiln platforms list` shows it; may be said several"
            " times. Default: the storyboard's.",
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            metavar="CODE",
            help="en, hi, …; may be said several times. Default: the brand's first.",
        ),
    ] = None,
    out_path: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="The MP4 to write, or a folder to write it in. Of several reels each has its"
            " language and platform in its name. Default: the folder reels.",
        ),
    ] = None,
    model: ModelName = None,
    preset: PresetName = None,
    seed: ScriptSeed = 0,
    mute: Annotated[bool, typer.Option("--mute", help="A silent sound track.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="The end fades into the beginning.")] = False,
    upscale: Annotated[
        bool,
        typer.Option(
            "--upscale",
            help="Let Real-ESRGAN enlarge the frames first: firmer edges (extra upscale).",
        ),
    ] = False,
    disclosure: Annotated[
        bool | None,
        typer.Option(
            "--disclosure/--no-disclosure",
            help="Show the note that it is made with AI. Default: as the laws of the brand's"
            " markets ask. The mark in the file always stays.",
        ),
    ] = None,
    embed_recipe: Annotated[
        bool,
        typer.Option(
            "--embed-recipe", help="Write prompts and recipe into the film, not only their hash."
        ),
    ] = False,
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Only the recipe's hash in the film, as without any option."
        ),
    ] = False,
    safe_zone: Annotated[
        bool,
        typer.Option(
            "--show-safe-zone",
            help="Render nothing: write a picture of all that is laid over the film, with what the"
            " platform covers.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and plan everything, render nothing.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Render the shots of a storyboard, join them, and deliver what each platform takes.

    Shots that are finished are kept: the same command goes on where it was stopped.
    """
    from reelkiln.errors import UsageError
    from reelkiln.kiln.board import ReelChoices
    from reelkiln.workshop.open import open_bench, open_workshop
    from reelkiln.workshop.settings import read_settings

    if embed_recipe and private:
        raise UsageError("--embed-recipe and --private are two answers", hint="Give one of them.")
    space, board = board_of(storyboard)
    workshop = open_workshop(space.folder, read_settings())
    choices = ReelChoices(
        preset=preset,
        mute=mute,
        loop=loop,
        upscale="fast" if upscale else "",
        disclosure=disclosure,
    )
    with telling(quiet=quiet) as teller, open_bench(workshop) as bench:
        choice = pick(model or workshop.settings.model, preset, bench)
        orders = _orders(
            space,
            board,
            choice,
            bench,
            choices,
            product=product,
            platforms=platform,
            languages=language,
            out_path=out_path,
            seed=seed,
        )
        if safe_zone:
            _preview(orders, teller, force=force, json=json)
            return
        if dry_run:
            show_plan(orders, choice, bench, json=json)
            return
        deliveries = _make(orders, choice, bench, teller, force=force, embed=embed_recipe)
    if json:
        show_json(as_json(deliveries, choice.because))
        return
    for delivery in deliveries:
        show(delivery, quiet=quiet)


def _orders(
    space: Workspace,
    board: Storyboard,
    choice: Choice,
    bench: Bench,
    choices: ReelChoices,
    *,
    product: str,
    platforms: list[str] | None,
    languages: list[str] | None,
    out_path: Path | None,
    seed: int,
) -> list[ReelOrder]:
    from reelkiln.errors import UsageError
    from reelkiln.film.platforms import find_platform
    from reelkiln.film.upscale import check_upscale
    from reelkiln.kiln.board import plan_reel
    from reelkiln.kiln.names import reel_targets
    from reelkiln.script.board import tell

    wanted = dict.fromkeys(platforms or ([board.platform] if board.platform else []))
    if not wanted:
        raise UsageError(
            f"the storyboard {board.storyboard} names no platform",
            hint="Add --platform instagram-reels, or a line platform: to the storyboard.",
        )
    if choices.upscale:
        check_upscale(choices.upscale)
    places = [find_platform(name) for name in wanted]
    spoken = list(dict.fromkeys(languages or [space.brand.languages[0]]))
    told = [tell(space, board, product, language=one, seed=seed) for one in spoken]
    kinds = [(one.language, place.name) for one in told for place in places]
    name = f"{product}-{board.storyboard}"
    movies = iter(reel_targets(out_path, space.folder / "reels", name, kinds))
    return [
        plan_reel(space, one, place, choice, bench, movie=next(movies), choices=choices)
        for one in told
        for place in places
    ]


def _make(
    orders: list[ReelOrder],
    choice: Choice,
    bench: Bench,
    teller: Teller,
    *,
    force: bool,
    embed: bool,
) -> tuple[ReelDelivery, ...]:
    from reelkiln.kiln.names import check_targets, reel_family
    from reelkiln.kiln.reel import make_reels
    from reelkiln.kiln.watch import Watch
    from reelkiln.plan.figures import figures_of, together
    from reelkiln.plan.reasons import duration

    _make_folder(orders)
    check_targets([order.movie for order in orders], force=force, files=reel_family)
    teller.note(f"model {choice.card.name}: {choice.because}")
    shots = {(s.plan.size, s.plan.segments): s for o in orders for s in o.shots}.values()
    about = together([figures_of(s.plan, s.shot, choice.card, bench.machine) for s in shots])
    teller.note(f"{len(shots)} shots, about {duration(about)} of rendering")
    for line in dict.fromkeys(line for order in orders for line in order.edit.disclosed_because):
        note = orders[0].edit.disclosure
        teller.note(f"shows “{note}”: {line}" if note else f"no note that it is made by AI: {line}")
    return make_reels(orders, choice, bench, Watch(teller.progress, teller.note), embed=embed)


def _make_folder(orders: list[ReelOrder]) -> None:
    """The workspace's own folder of reels; any other must be there."""
    from reelkiln.film.faults import on_disk

    folder = orders[0].folder / "reels"
    if orders[0].movie.parent == folder:
        with on_disk(folder):
            folder.mkdir(exist_ok=True)


def _preview(orders: list[ReelOrder], teller: Teller, *, force: bool, json: bool) -> None:
    from reelkiln.kiln.preview import write_preview

    _make_folder(orders)
    pictures = [write_preview(order, force=force) for order in orders]
    if json:
        show_json({"previews": [str(path) for path in pictures]})
        return
    for path in pictures:
        out(f"preview {path}")
    teller.note("nothing was rendered")

"""What a file of wishes or a storyboard asks for, and the models that may render it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.cli.console import say
from reelkiln.cli.make import pick

if TYPE_CHECKING:
    from reelkiln.film.rules import Platform
    from reelkiln.kiln.bench import Bench
    from reelkiln.kiln.board_clips import BoardReel
    from reelkiln.kiln.orders import Accepts, Clip
    from reelkiln.script.batch import Wish
    from reelkiln.script.storyboard import Storyboard
    from reelkiln.script.workspace import Workspace
    from reelkiln.workshop.open import Workshop

__all__ = ["read_clips"]


def read_clips(
    file: Path,
    bench: Bench,
    workshop: Workshop,
    *,
    product: str,
    model: str | None,
    preset: str | None,
    seed: int,
    platform: str | None,
    reels: bool,
) -> tuple[tuple[Clip, ...], tuple[BoardReel, ...], Accepts]:
    """Every clip that the file asks for, the reels that are joined of them, and all models that may
    render one of them.

    Raises:
        UsageError: the file cannot be read. ScriptError: with every mistake in it.
        PlanRefused, WeightsMissing, UnknownName: no model can render it here.
    """
    from reelkiln.kiln.board_clips import clips_of_board
    from reelkiln.kiln.orders import clips_of_wishes

    asked = model or workshop.settings.model
    if file.suffix.lower() in (".yaml", ".yml"):
        space, board = _board(file)
        accepts = accepted(asked, space, bench, preset)
        skus = list(space.products) if product == "all" else [product]
        goes = _platform(board, platform) if reels else None
        clips, joined = clips_of_board(
            space, board, skus, bench, accepts, platform=goes, seed=seed, preset=preset
        )
        return clips, joined, accepts
    wishes, opened = _wishes(file)
    every: dict[str, Accepts] = {}

    def of(wish: Wish) -> Accepts:
        name = model or wish.model or asked
        if name not in every:
            every[name] = accepted(name, opened, bench, wish.preset)
        return every[name]

    clips = clips_of_wishes(wishes, opened, bench, of)
    return clips, (), _together(every.values())


def _platform(board: Storyboard, name: str | None) -> Platform | None:
    from reelkiln.film.platforms import find_platform

    wanted = name or board.platform
    if wanted is None:
        say(
            f"the storyboard {board.storyboard} names no platform: only its clips are made, no reel"
            " (add --platform instagram-reels)"
        )
        return None
    return find_platform(wanted)


def accepted(name: str, space: Workspace | None, bench: Bench, preset: str | None) -> Accepts:
    """The models of the workspace in order, where none is asked for by name."""
    from reelkiln.kiln.choose import AUTO, Choice
    from reelkiln.kiln.orders import Accepts
    from reelkiln.models.cards import find_card

    if name == AUTO and space is not None and space.brand.models:
        because = "brand.yaml names it first"
        return Accepts(tuple(Choice(find_card(one), because) for one in space.brand.models))
    return Accepts((pick(name, preset, bench),))


def _together(every: Iterable[Accepts]) -> Accepts:
    from reelkiln.kiln.orders import Accepts

    found = {choice.card.name: choice for one in every for choice in one.choices}
    return Accepts(tuple(found.values()))


def _board(file: Path) -> tuple[Workspace, Storyboard]:
    from reelkiln.cli.workspace import opened
    from reelkiln.errors import UsageError
    from reelkiln.script.workspace import pick as named

    if not file.is_file():
        raise UsageError(f"{file} cannot be read: no such file", hint="Name a storyboard's file.")
    space = opened()
    if file.absolute().parent != (space.folder / "storyboards").absolute():
        raise UsageError(
            f"{file} is no storyboard of this workspace",
            hint="Storyboards lie in its folder storyboards.",
        )
    return space, named("storyboard", file.stem, space.storyboards)


def _wishes(file: Path) -> tuple[tuple[Wish, ...], Workspace | None]:
    from reelkiln.cli.workspace import opened
    from reelkiln.errors import UsageError
    from reelkiln.models.cards import load_cards
    from reelkiln.script.batch import check_names, read_batch, with_pictures
    from reelkiln.script.faults import refuse
    from reelkiln.script.sheet import decode

    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror or error}", hint="Name a .csv or .jsonl file."
        ) from error
    text, faults = decode(data, file.name)
    models = {name: tuple(card.presets) for name, card in load_cards().items()}
    refuse(faults)
    wishes, faults = read_batch(text, file.name, models=models)
    wishes, missing = with_pictures(wishes, file.absolute().parent)
    needs = any(wish.template for wish in wishes)
    space = opened() if needs else None
    checked = check_names(wishes, space.templates, space.products) if space else ()
    refuse((*faults, *missing, *checked))
    return wishes, space

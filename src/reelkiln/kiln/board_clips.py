"""A storyboard becomes clips for the queue, and for each product a reel that they are joined to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reelkiln.film.rules import Platform
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.board import ReelChoices, edit_of
from reelkiln.kiln.orders import Accepts, Clip, planned, scripted_work
from reelkiln.kiln.work import ReelWork
from reelkiln.reel import Size
from reelkiln.script.board import ToldBoard, tell
from reelkiln.script.expand import Scripted
from reelkiln.script.storyboard import Storyboard
from reelkiln.script.workspace import Workspace

__all__ = ["BoardReel", "clips_of_board", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReel:
    """One reel to be queued: its name without folder and suffix, and what it is joined by.

    `templates` tell its shots, in their order.
    """

    name: str
    work: ReelWork
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shot:
    scripted: Scripted
    size: Size | None
    reel: str


def clips_of_board(
    space: Workspace,
    board: Storyboard,
    skus: Sequence[str],
    bench: Bench,
    accepts: Accepts,
    *,
    platform: Platform | None,
    seed: int = 0,
    preset: str | None = None,
) -> tuple[tuple[Clip, ...], tuple[BoardReel, ...]]:
    """Every shot of a storyboard for each product (the first shot of all, then the second, …), and
    the reels that are joined of them.

    Args:
        platform: where the reels go; None: there are none, only the clips.

    Raises:
        PlanRefused: no accepted model can render some of them here; nothing else is told.
        UsageError, UnknownName, ScriptError: as `script.board.tell` and `kiln.board.plan_reel`.
    """
    language = space.brand.languages[0]
    told = [tell(space, board, sku, language=language, seed=seed) for sku in skus]
    reels = [] if platform is None else [_reel(space, one, platform, accepts) for one in told]
    shots = [_shots(one, reel) for one, reel in zip(told, reels, strict=True)] if reels else [
        [_Shot(replace(shot.scripted, aspect=board.aspect), None, "") for shot in one.shots]
        for one in told
    ]  # fmt: skip
    line = [own[n] for n in range(len(board.shots)) for own in shots]
    works = (
        (
            shot.scripted.name,
            scripted_work(shot.scripted, space, bench, accepts, preset=preset, size=shot.size),
        )
        for shot in line
    )
    clips = planned(works, bench, accepts)
    of = [shot.reel for shot in line]
    return (
        tuple(replace(clip, reel=reel) for clip, reel in zip(clips, of, strict=True)),
        tuple(reels),
    )


def whole(clips: Sequence[Clip], reels: Sequence[BoardReel]) -> tuple[BoardReel, ...]:
    """The reels of which no clip was left out."""
    have = [clip.reel for clip in clips]
    return tuple(reel for reel in reels if have.count(reel.name) == len(reel.templates))


def _reel(space: Workspace, told: ToldBoard, platform: Platform, accepts: Accepts) -> BoardReel:
    edit = edit_of(space, told, platform, ReelChoices())
    return BoardReel(
        name=f"{told.product}-{told.storyboard}-{platform.name}",
        work=ReelWork(edit=edit, because=accepts.choices[0].because),
        templates=tuple(shot.scripted.template for shot in told.shots),
    )


def _shots(told: ToldBoard, reel: BoardReel) -> list[_Shot]:
    """Shots as the edit wants them: as long as they are seen, in the platform's size."""
    edit = reel.work.edit
    return [
        _Shot(replace(shot.scripted, seconds=cut.seconds), edit.size, reel.name)
        for shot, cut in zip(told.shots, edit.cuts, strict=True)
    ]

"""A told storyboard becomes an order for a reel: its edit, and every shot planned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.beds import find_bed
from reelkiln.film.markets import WORDS, asked_by
from reelkiln.film.rules import Platform
from reelkiln.film.snap import snap_lengths
from reelkiln.film.sound import Sound, sound_beats
from reelkiln.kiln.bench import Bench
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.dress import cutlist_of
from reelkiln.kiln.edit import Cut, Edit, EndWords, FileNote, Music
from reelkiln.kiln.make import Order
from reelkiln.kiln.told import Setting, chosen, order_of
from reelkiln.reel import SECONDS_MAX, SECONDS_MIN
from reelkiln.script.board import ToldBoard
from reelkiln.script.expand import Scripted
from reelkiln.script.storyboard import Music as Wanted
from reelkiln.script.storyboard import Storyboard
from reelkiln.script.workspace import Workspace

__all__ = ["END_FADE", "LOOP", "ReelChoices", "ReelOrder", "edit_of", "plan_reel"]

END_FADE = Fraction(2, 5)
"""Seconds in which the end card comes."""

LOOP = Fraction(1, 2)
"""Seconds in which the end of a loop fades into its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelChoices:
    """What a command may ask beyond the storyboard; `disclosure` None: as the markets' laws say."""

    preset: str | None = None
    mute: bool = False
    loop: bool = False
    upscale: str = ""
    disclosure: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReelOrder:
    """One reel to make: what is done with which shots, under which name.

    `folder` is the workspace, in which the edit's own files lie.
    """

    edit: Edit
    shots: tuple[Order, ...]
    movie: Path
    folder: Path


def plan_reel(
    space: Workspace,
    told: ToldBoard,
    platform: Platform,
    choice: Choice,
    bench: Bench,
    *,
    movie: Path,
    choices: ReelChoices,
) -> ReelOrder:
    """Decide the edit, and plan every shot for the platform's size on this machine.

    Raises:
        UsageError, UnknownName: lengths that do not fit each other or the platform, a bed that is
            none, a note that has no words in this language.
        PlanRefused: as `plan_shot` says.
    """
    edit = edit_of(space, told, platform, choices)
    shots = tuple(
        order_of(
            replace(shot.scripted, seconds=cut.seconds),
            choice,
            bench,
            movie.with_name(f"{movie.stem}-shot-{number}.mp4"),
            preset=choices.preset,
            setting=_setting(shot.scripted, choice, bench),
            palette=space.brand.palette,
            photo=space.photo(shot.scripted.product),
            size=edit.size,
        )
        for number, (shot, cut) in enumerate(zip(told.shots, edit.cuts, strict=True), 1)
    )
    return ReelOrder(edit=edit, shots=shots, movie=movie, folder=space.folder)


def edit_of(space: Workspace, told: ToldBoard, platform: Platform, choices: ReelChoices) -> Edit:
    """What is done with the shots of a told storyboard, for a platform.

    Raises:
        UsageError, UnknownName: as `plan_reel`.
    """
    board = space.storyboards[told.storyboard]
    edit = _edit(space, board, told, platform, choices)
    _check_length(edit, platform)
    return edit


def _edit(
    space: Workspace,
    board: Storyboard,
    told: ToldBoard,
    platform: Platform,
    choices: ReelChoices,
) -> Edit:
    brand, folder = space.brand, space.folder
    music = None if choices.mute or board.music is None else _music(board.music, folder)
    loop = LOOP if choices.loop or board.loop else Fraction(0)
    end = _end(board, told)
    beats = _beats(board.music, music, told, loop)
    lengths = _lengths(told, end, beats)
    note, because = _disclosure(space, board, told.language, choices.disclosure)
    return Edit(
        storyboard=told.storyboard,
        product=told.product,
        language=told.language,
        platform=platform.name,
        size=platform.delivery.size,
        fps=Fraction(platform.delivery.fps),
        cuts=tuple(
            Cut(seconds=seconds, crossfade=shot.crossfade, caption=shot.caption or "")
            for shot, seconds in zip(told.shots, lengths, strict=False)
        ),
        end=replace(end, seconds=lengths[-1]) if end else None,
        palette=brand.palette,
        logo=_file(folder, brand.logo),
        heading=_file(folder, brand.fonts.heading),
        body=_file(folder, brand.fonts.body),
        disclosure=note,
        disclosed_because=because,
        music=music,
        loop=loop,
        upscale=choices.upscale,
        captions_at=board.captions_at,
    )


def _end(board: Storyboard, told: ToldBoard) -> EndWords | None:
    if board.end_card is None or told.headline is None:
        return None
    return EndWords(
        headline=told.headline,
        action=told.call_to_action or "",
        tags=(told.hashtags or "").replace(",", ""),
        seconds=Fraction(str(board.end_card.seconds)),
        crossfade=END_FADE,
    )


def _music(wanted: Wanted, folder: Path) -> Music:
    if wanted.bed:
        find_bed(wanted.bed)
    return Music(
        bed=wanted.bed or "",
        track=_file(folder, wanted.file),
        licence=wanted.licence or "",
        source=wanted.source or "",
        start=Fraction(str(wanted.start)),
    )


def _file(folder: Path, path: str | None) -> FileNote | None:
    if path is None:
        return None
    place = folder / path
    try:
        with place.open("rb") as file:
            return FileNote(path, hashlib.file_digest(file, "sha256").hexdigest())
    except FileNotFoundError:
        raise UsageError(f"there is no file {place}", hint="Mend its place.") from None
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror or error}") from error


def _beats(
    wanted: Wanted | None, music: Music | None, told: ToldBoard, loop: Fraction
) -> tuple[Fraction, ...]:
    """When beats fall, counted from the first piece's beginning; none where no cut shall snap.

    A loop's first piece begins before the reel does.
    """
    if wanted is None or music is None or not wanted.snap:
        return ()
    seconds = told.seconds + SECONDS_MAX
    if music.bed:
        sound = Sound(source=find_bed(music.bed), start=music.start)
        found: Sequence[Fraction] = sound_beats(sound, seconds) or ()
    else:
        beat = 60 / Fraction(str(wanted.tempo))
        found = [beat * number for number in range(int(seconds / beat) + 1)]
    return tuple(at + loop for at in found)


def _lengths(
    told: ToldBoard, end: EndWords | None, beats: Sequence[Fraction]
) -> tuple[Fraction, ...]:
    """How long each shot is seen, and behind them the end card."""
    lengths = [shot.scripted.seconds for shot in told.shots]
    fades = [shot.crossfade for shot in told.shots]
    if end:
        lengths, fades = [*lengths, end.seconds], [*fades, end.crossfade]
    if not beats:
        return tuple(lengths)
    return snap_lengths(lengths, fades, beats, least=SECONDS_MIN, most=SECONDS_MAX)


def _disclosure(
    space: Workspace, board: Storyboard, language: str, wished: bool | None
) -> tuple[str, tuple[str, ...]]:
    """The visible note, or "" without one, and why."""
    person = any(space.templates[shot.template].shows_person for shot in board.shots)
    asked = asked_by(space.brand.markets, shows_person=person)
    shown = asked.visible if wished is None else wished
    if not shown:
        left_out = "left out because the command says so"
        return "", (left_out, *asked.because) if asked.visible else asked.because
    words = space.brand.disclosure.get(language) or WORDS.get(language.partition("-")[0])
    if words is None:
        raise UsageError(
            f"the note that a film is made by AI has no words in {language}",
            hint=f"Add a line {language}: under disclosure: in brand.yaml.",
        )
    return words, asked.because if wished is None else ("the command asks for it",)


def _check_length(edit: Edit, platform: Platform) -> None:
    places, limits = cutlist_of(edit), platform.limits.seconds
    seconds = places.frames / edit.fps
    least, most = limits.least or 0, limits.most or seconds
    if not least <= seconds <= most:
        raise UsageError(
            f"the reel lasts {float(seconds):g} s; {platform.title} takes "
            f"{least:g} to {float(most):g} s",
            hint="Change the lengths in the storyboard, or take another platform.",
        )


def _setting(scripted: Scripted, choice: Choice, bench: Bench) -> Setting:
    """What was chosen for this template; not its seed, so that shots differ."""
    setting = chosen(bench, scripted.template, scripted.product, choice.card.name)
    return replace(setting, seed=None)

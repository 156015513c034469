"""An edit made ready for the film room: pieces, what lies over them, the sound under them.

Everything that a person wrote or named is read here, before anything is rendered: a letter that no
font has, a logo that is gone and music without sound end the work at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, repeat
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelkiln.errors import UsageError
from reelkiln.film.beds import Bed, find_bed
from reelkiln.film.calm import calmest
from reelkiln.film.colour import parse
from reelkiln.film.cutlist import Cutlist
from reelkiln.film.join import Piece, cuts
from reelkiln.film.look import Look, look
from reelkiln.film.overlay import EndCard
from reelkiln.film.rules import Platform
from reelkiln.film.sound import Heard, Sound, sound_rights, write_sound
from reelkiln.film.stage import Stage
from reelkiln.film.subtitles import Subtitle
from reelkiln.film.titles import Ending, Laid, Titles, Where, lay
from reelkiln.film.track import Rights, Track
from reelkiln.film.upscale import enlarged
from reelkiln.kiln.deliver import clips_of
from reelkiln.kiln.edit import Cut, Edit, FileNote, Music
from reelkiln.kiln.shoot import Footage
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = [
    "Dressed",
    "captions_of",
    "cutlist_of",
    "dress",
    "look_of",
    "pieces_of",
    "seconds_of",
    "settled",
    "stage_of",
    "titles_of",
]

_PLACES: tuple[Where, ...] = ("lower", "upper", "top")
"""Where captions are tried; each after the first must cover clearly less to be taken."""
_LOOKS = 9
"""Frames of a shot that are looked at: what moves is met wherever it goes."""

GROUND = (112, 64)
"""Height and width of the end card's ground, of one colour: it is scaled like a shot."""


@dataclass(frozen=True, slots=True)
class Dressed:
    """What a reel gets besides its shots. `sound` is a raw file; None: silent."""

    laid: Laid
    captions: tuple[Subtitle, ...]
    sound: Path | None
    heard: Heard | None
    rights: str


def cutlist_of(edit: Edit) -> Cutlist:
    """Where each piece lies: the shots, and behind them the end card.

    Raises:
        UsageError: the lengths do not fit: see `cutlist`.
    """
    return cuts(pieces_of(edit, None), edit.fps, edit.loop)


def seconds_of(edit: Edit) -> Fraction:
    """How long the reel lasts."""
    return cutlist_of(edit).frames / edit.fps


def pieces_of(edit: Edit, footage: Sequence[Footage] | None) -> list[Piece]:
    """The pieces of the reel; without footage they show nothing and only have their lengths."""
    pieces = [
        Piece(
            clips=_seen(edit, shot) if shot else (),
            seconds=cut.seconds,
            crossfade=cut.crossfade,
            forth_and_back=shot is not None and shot.recipe.plan.reach.kind == "forth-and-back",
        )
        for cut, shot in zip(edit.cuts, footage or repeat(None), strict=False)
    ]
    if edit.end:
        ground = np.full((1, *GROUND, 3), parse(edit.palette[0]), np.uint8)
        still = Piece(
            clips=(Clip(ground, edit.fps),),
            seconds=edit.end.seconds,
            crossfade=edit.end.crossfade,
            forth_and_back=True,
        )
        pieces.append(still)
    return pieces


def _seen(edit: Edit, footage: Footage) -> Iterator[Clip]:
    return enlarged(clips_of(footage.chosen, footage.recipe.plan), edit.upscale)


def dress(edit: Edit, folder: Path, platform: Platform, sound: Path) -> Dressed:
    """Draw what lies over a reel and write its sound.

    Args:
        folder: the workspace, in which the edit's own files lie.
        sound: where the sound is written to.

    Raises:
        UsageError: as `lay` and `write_sound` say.
        FilmError, DiskFull: as `write_sound` says.
    """
    captions = captions_of(edit)
    laid = lay(titles_of(edit, folder, captions), stage_of(edit, platform), look_of(edit, folder))
    if edit.music is None:
        return Dressed(laid, captions, None, None, "")
    wanted = Sound(source=_source(edit.music, folder), start=edit.music.start)
    heard = write_sound(wanted, seconds_of(edit), sound)
    return Dressed(laid, captions, sound, heard, sound_rights(wanted))


def settled(
    dressed: Dressed,
    edit: Edit,
    folder: Path,
    platform: Platform,
    footage: Sequence[Footage],
) -> Dressed:
    """The same with the captions where they cover least of these takes, where the edit asks for it.

    One place for the whole reel: words that jump are hard to follow.
    """
    if edit.captions_at != "auto" or not dressed.captions:
        return dressed
    stage, look = stage_of(edit, platform), look_of(edit, folder)
    tried: dict[str, Laid] = {}
    for where in _PLACES:
        with suppress(UsageError):  # the words do not fit there: they do where they are
            tried[where] = lay(titles_of(edit, folder, dressed.captions, where), stage, look)
    boxes = {name: _caption_boxes(laid) for name, laid in tried.items()}
    stills = [_stills(one, cut) for one, cut in zip(footage, edit.cuts, strict=True) if cut.caption]
    return replace(dressed, laid=tried[calmest(boxes, stills, edit.size)])


def _caption_boxes(laid: Laid) -> list[tuple[int, int, int, int]]:
    named = zip(laid.names, laid.shown, strict=True)
    return [one.picture.box for name, one in named if name.startswith("caption ")]


def _stills(footage: Footage, cut: Cut) -> list[Frames]:
    """Frames of a shot, evenly over what of it is seen."""
    plan = footage.recipe.plan
    made = sum(segment.frames - segment.lead_frames for segment in plan.segments)
    seen = min(made, ceil(cut.seconds * plan.fps))
    wanted = {round(at * (seen - 1) / (_LOOKS - 1)) for at in range(_LOOKS)}
    frames = (frame for clip in clips_of(footage.chosen, plan) for frame in clip.frames)
    return [frame.copy() for at, frame in enumerate(islice(frames, seen)) if at in wanted]


def stage_of(edit: Edit, platform: Platform) -> Stage:
    """The reel's size, and what of it the platform leaves free."""
    return Stage.of(edit.size, platform.safe_zone)


def look_of(edit: Edit, folder: Path) -> Look:
    """The brand's colours and faces.

    Raises:
        UsageError: a colour or a font file is none.
    """
    return look(edit.palette, _place(folder, edit.heading), _place(folder, edit.body))


def titles_of(
    edit: Edit, folder: Path, captions: tuple[Subtitle, ...], where: Where | None = None
) -> Titles:
    """All that lies over the reel, and when; captions at `where`, by default as the edit says."""
    wished = "lower" if edit.captions_at == "auto" else edit.captions_at
    logo, places = _place(folder, edit.logo), cutlist_of(edit)
    ending = None
    if edit.end:
        card = EndCard(
            headline=edit.end.headline,
            action=edit.end.action,
            tags=edit.end.tags,
            logo=logo,
            language=edit.language,
        )
        start = places.spans[-1].start / edit.fps
        ending = Ending(card=card, start=start, fade_in=edit.end.crossfade)
    return Titles(
        seconds=places.frames / edit.fps,
        captions=captions,
        where=where or wished,
        language=edit.language,
        disclosure=edit.disclosure,
        logo=logo,
        ending=ending,
        loop=edit.loop,
    )


def captions_of(edit: Edit) -> tuple[Subtitle, ...]:
    """Each shot's words while the shot is more than half seen; none over an end card that comes."""
    places = cutlist_of(edit)
    begins = [max(Fraction(0), span.start + Fraction(span.overlap, 2)) for span in places.spans]
    begins[0] = Fraction(0)
    if edit.end:
        begins[-1] = Fraction(places.spans[-1].start)
    ends = [*begins[1:], Fraction(places.frames - places.loop)]
    return tuple(
        Subtitle(text=cut.caption, start=begin / edit.fps, end=end / edit.fps)
        for cut, begin, end in zip(edit.cuts, begins, ends, strict=False)
        if cut.caption
    )


def _source(music: Music, folder: Path) -> Bed | Track:
    if music.track is None:
        return find_bed(music.bed)
    rights = Rights(music.licence, music.source) if music.licence else None
    return Track(folder / music.track.path, rights)


def _place(folder: Path, note: FileNote | None) -> Path | None:
    return folder / note.path if note else None

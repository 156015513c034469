"""Clips become a finished film: the right frames, the right size, the right file."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError, ReelkilnError
from reelkiln.film.conform import Conform, Finish, conform
from reelkiln.film.encode import PRESET, command, encode
from reelkiln.film.facts import Facts, probe
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.material import alike, first, material
from reelkiln.film.partfile import check_target, write_whole
from reelkiln.film.program import ffmpeg_program
from reelkiln.film.tags import ffmetadata
from reelkiln.reel import Clip

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["Finish", "encoded", "ffmpeg_program", "finish"]


def finish(
    clips: Iterable[Clip],
    target: Path,
    wish: Finish,
    tags: Mapping[str, str],
    on_frame: Callable[[int, int], None],
    *,
    preset: str = PRESET,
) -> Facts:
    """Make an MP4 of exactly the wished frames, size and rate, with a silent sound track.

    The clips follow each other without a gap; all have one size and rate. They are cropped to the
    wished aspect around their middle, brought to the wished rate by motion interpolation and then
    scaled. Without `forth_and_back` they are read as a stream and never held whole. Equal input
    gives equal bytes. An existing `target` is replaced, in one step and only by a film that was
    read back and found right.

    Args:
        clips: at least one frame in all.
        target: an .mp4 in an existing folder.
        wish: what to deliver.
        tags: words for the file, see `reelkiln.film.tags`.
        on_frame: hears (frames encoded, frames in all), in the calling thread; may raise to stop.
        preset: x264's.

    Raises:
        UsageError: the folder of `target` is missing or not writable; a tag cannot be carried.
        DiskFull: there is no room.
        FilmError: the clips are empty, differ, or are too short, or ffmpeg failed.
    """
    check_target(target)
    described = ffmetadata(tags)
    clip, clips = first(clips)
    work = conform(clip.size, clip.fps, wish)
    frames = material(alike(clips, clip.size, clip.fps), work, loop=wish.forth_and_back)

    def write(part: Path, ctrl_c: Interrupts) -> Facts:
        return encoded(
            frames, work, part,
            target=target, described=described, on_frame=on_frame, ctrl_c=ctrl_c, preset=preset,
        )  # fmt: skip

    return write_whole(target, write)


def encoded(
    frames: "Iterable[Frames]",
    work: Conform,
    part: Path,
    *,
    target: Path,
    described: bytes,
    on_frame: Callable[[int, int], None],
    ctrl_c: Interrupts,
    preset: str = PRESET,
    sound: Path | None = None,
) -> Facts:
    """Encode exactly `work.fed` frames into `part` and prove it; messages name `target`.

    `described` are the tags as `ffmetadata` writes them, `sound` what `write_sound` wrote; without
    it the film is silent. Raises as `finish`.
    """
    with tempfile.TemporaryDirectory(prefix="reelkiln-") as room:
        notes = Path(room, "tags.txt")
        with on_disk(notes):
            notes.write_bytes(described)
        heard = sound.absolute() if sound else None
        arguments = command(
            ffmpeg_program(), work, notes, part.absolute(), preset=preset, sound=heard
        )
        encode(arguments, frames, target, lambda count: on_frame(count, work.frames), ctrl_c)
    facts = _proved(part, work, target)
    on_frame(work.frames, work.frames)
    return facts


def _proved(part: Path, work: Conform, target: Path) -> Facts:
    try:
        facts = probe(part)
    except ReelkilnError as error:
        raise FilmError(
            f"{target} came out damaged", hint="try again; report it if it stays"
        ) from error
    made = (facts.frames, facts.size, facts.fps, facts.seconds, facts.edit_lists)
    wanted = (work.frames, work.size, work.fps, Fraction(work.frames) / work.fps, 0)
    if made != wanted:
        raise FilmError(
            f"{target} came out as {facts.frames} frames of {facts.size} at {facts.fps} fps, not "
            f"{work.frames} of {work.size} at {work.fps}",
            hint="report this: it is a mistake in reelkiln",
        )
    return facts

"""Clips become a finished film: the right frames, the right size, the right file."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from reelkiln.errors import FilmError, ReelkilnError
from reelkiln.film.conform import Conform, Finish, conform, forth_and_back
from reelkiln.film.encode import PRESET, command, encode
from reelkiln.film.facts import Facts, probe
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.partfile import check_target, write_whole
from reelkiln.film.tags import ffmetadata
from reelkiln.reel import Clip, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Finish", "finish"]

SHORT = 1
"""So many frames of material may be missing at the end; the last one is then held."""


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
    first, clips = _first(clips)
    work = conform(first.size, first.fps, wish)
    frames = _material(_alike(clips, first.size, first.fps), work, loop=wish.forth_and_back)

    def write(part: Path, ctrl_c: Interrupts) -> Facts:
        with tempfile.TemporaryDirectory(prefix="reelkiln-") as room:
            notes = Path(room, "tags.txt")
            with on_disk(notes):
                notes.write_bytes(described)
            arguments = command(ffmpeg_program(), work, notes, part.absolute(), preset=preset)
            encode(arguments, frames, target, lambda count: on_frame(count, work.frames), ctrl_c)
        facts = _proved(part, work, target)
        on_frame(work.frames, work.frames)
        return facts

    return write_whole(target, write)


def ffmpeg_program() -> str:
    """The path of the ffmpeg that imageio-ffmpeg brings along, or that IMAGEIO_FFMPEG_EXE names.

    Raises:
        FilmError: there is none.
    """
    # Here, not above: finding the program looks at the disk, and importing a module does nothing.
    import imageio_ffmpeg  # noqa: PLC0415

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FilmError(
            "there is no ffmpeg for this system",
            hint="install ffmpeg and set IMAGEIO_FFMPEG_EXE to its path",
        ) from error


def _first(clips: Iterable[Clip]) -> tuple[Clip, Iterator[Clip]]:
    rest = (clip for clip in clips if len(clip.frames))
    first = next(rest, None)
    if first is None:
        raise FilmError("there are no frames to make a film of")
    return first, chain([first], rest)


def _alike(clips: Iterable[Clip], size: Size, fps: Fraction) -> "Iterator[NDArray[np.uint8]]":
    for clip in clips:
        if clip.size != size or clip.fps != fps:
            raise FilmError(
                f"clips of {size} at {fps} fps and {clip.size} at {clip.fps} fps do not join",
                hint="finish each on its own first",
            )
        yield from clip.frames


def _material(
    frames: "Iterator[NDArray[np.uint8]]", work: Conform, *, loop: bool
) -> "Iterator[NDArray[np.uint8]]":
    """The frames that go into the filters: exactly `work.fed`."""
    kept: list[NDArray[np.uint8]] = []
    count = 0
    for frame in islice(frames, work.fed):
        count += 1
        if not loop:
            kept.clear()
        kept.append(frame)
        yield frame
    if loop:
        yield from (kept[index] for index in islice(forth_and_back(len(kept)), count, work.fed))
        return
    if count < work.needed - SHORT:
        raise FilmError(
            f"the material lasts {float(count / work.source_fps):.2f} of "
            f"{float(work.frames / work.fps):.2f} seconds",
            hint="render more frames, or let them play forth and back",
        )
    yield from repeat(kept[-1], work.fed - count)


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

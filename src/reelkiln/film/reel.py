"""Shots become a finished reel: joined, with what lies over them, encoded and proved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelkiln.film.compose import Shown, compose
from reelkiln.film.conform import Finish, conform
from reelkiln.film.encode import PRESET
from reelkiln.film.facts import Facts
from reelkiln.film.finish import encoded
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.join import Piece, cuts, join
from reelkiln.film.partfile import check_target, write_whole
from reelkiln.film.tags import ffmetadata
from reelkiln.reel import Size

__all__ = ["Delivery", "finish_reel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The wish: the size delivered, the rate (24, 25 or 30), the seconds that a loop fades for."""

    size: Size
    fps: Fraction = Fraction(24)
    loop: Fraction = Fraction(0)


def finish_reel(
    pieces: Sequence[Piece],
    overlays: Sequence[Shown],
    target: Path,
    wish: Delivery,
    tags: Mapping[str, str],
    *,
    on_frame: Callable[[int, int], None],
    sound: Path | None = None,
    preset: str = PRESET,
) -> Facts:
    """Make an MP4 of the pieces, with the overlays over them and the sound under them.

    The frames are those of `reelkiln.film.join`, the file is like that of `finish`: exact, made in
    one step, proved by reading it back, and equal input gives equal bytes.

    Args:
        pieces: at least one; `cuts` says beforehand how long the reel will be.
        overlays: drawn for `wish.size`; their times are the reel's.
        target: an .mp4 in an existing folder.
        wish: what to deliver.
        tags: words for the file, see `reelkiln.film.tags`.
        on_frame: hears (frames encoded, frames in all), in the calling thread; may raise to stop.
        sound: what `write_sound` wrote for these seconds; without it the sound track is silent.
        preset: x264's.

    Raises:
        UsageError: the pieces do not fit each other, the size or the rate is none a reel can have,
            the folder of `target` is missing or not writable, a tag cannot be carried, an overlay
            was drawn for another size.
        DiskFull: there is no room.
        FilmError: a piece is empty, mixed or too short, or ffmpeg failed.
    """
    count = cuts(pieces, wish.fps, wish.loop).frames
    whole = Finish(wish.size, Fraction(count) / wish.fps, wish.fps)
    check_target(target)
    described = ffmetadata(tags)
    work = conform(wish.size, wish.fps, whole)

    def write(part: Path, ctrl_c: Interrupts) -> Facts:
        frames = join(pieces, wish.size, wish.fps, loop=wish.loop, ctrl_c=ctrl_c)
        try:
            shown = compose(frames, wish.fps, overlays)
            return encoded(
                shown, work, part,
                target=target, described=described, on_frame=on_frame, ctrl_c=ctrl_c, preset=preset,
                sound=sound,
            )  # fmt: skip
        finally:
            ctrl_c.held = True
            frames.close()
            ctrl_c.release()

    return write_whole(target, write)

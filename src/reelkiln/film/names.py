"""What the files around a film are called. Pure: nothing here looks at a disk.

A film `NAME.mp4` has three companions: `NAME.mp4.json` (the sidecar, whose name says which file it
speaks of), `NAME.poster.png` and `NAME.sheet.png`; a reel with captions has `NAME.captions.srt`
too. None of them is a name that a person would give to a product photo or a storyboard of their
own, so `--force` never overwrites one.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.names import slug, wrong_path

__all__ = [
    "Companions",
    "check_name",
    "companions",
    "movie_name",
    "part_path",
    "preview_path",
    "wrong_name",
]

BYTES_MAX = 255
"""The longest file name of ext4, NTFS and APFS, counted the strictest way: bytes of UTF-8."""

SUFFIX_ROOM = len(".captions.srt") + len(".refused.mp4.json")
"""What may still be added to a film's name by its companions and by a refusal."""


@dataclass(frozen=True, slots=True)
class Companions:
    """The files beside a film."""

    sidecar: Path
    poster: Path
    sheet: Path
    subtitles: Path


def companions(movie: Path) -> Companions:
    """The paths of the files beside a film.

    >>> companions(Path("out/bottle.mp4")).sidecar.name
    'bottle.mp4.json'
    """
    return Companions(
        sidecar=movie.with_name(f"{movie.name}.json"),
        poster=movie.with_name(f"{movie.stem}.poster.png"),
        sheet=movie.with_name(f"{movie.stem}.sheet.png"),
        subtitles=movie.with_name(f"{movie.stem}.captions.srt"),
    )


def preview_path(movie: Path) -> Path:
    """Where the preview of a film's safe zone is written.

    >>> preview_path(Path("out/launch.mp4")).name
    'launch.safe-zone.png'
    """
    return movie.with_name(f"{movie.stem}.safe-zone.png")


def movie_name(words: str, seed: int) -> str:
    """The name of a film that nobody named: its words as a slug, and its seed.

    >>> movie_name("A gold serum bottle, rotating", 7)
    'a-gold-serum-bottle-rotating-7.mp4'
    """
    return f"{slug(words)}-{seed}.mp4"


def wrong_name(name: str) -> str | None:
    """What is wrong with a film's file name on some desktop, or None when all of them take it.

    >>> wrong_name("bottle.mp4") is None
    True
    >>> wrong_name("aux.mp4")
    'aux.mp4 is a name that Windows keeps for itself'
    >>> wrong_name("bottle.avi")
    'must end in .mp4'
    """
    if not name.lower().endswith(".mp4") or len(name) == len(".mp4"):
        return "must end in .mp4"
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "is not text"
    if length > BYTES_MAX - SUFFIX_ROOM:
        return f"is {length} bytes long, at most {BYTES_MAX - SUFFIX_ROOM} are allowed"
    if re.search(r"[/\\:]", name):
        return "must not hold / \\ or :"
    if name.startswith("~"):
        return "must not start with ~"
    return wrong_path(name) if len(name) <= 200 else _wrong_long(name)


def _wrong_long(name: str) -> str | None:
    # The workspace's rule stops at 200 characters; the two halves of a longer name obey the same.
    return wrong_path(name[:100] + "x") or wrong_path("x" + name[100:])


def check_name(movie: Path) -> None:
    """Refuse a name that not every desktop takes.

    Raises:
        UsageError: the name breaks a rule of Windows, or does not end in .mp4.
    """
    wrong = wrong_name(movie.name)
    if wrong is not None:
        raise UsageError(f"the file name {movie.name!r} {wrong}", hint="choose another name for -o")


def part_path(target: Path, pid: int) -> Path:
    """Where a file is written before it is whole: beside the target, hidden, named by process.

    >>> part_path(Path("out/bottle.mp4"), 12).as_posix()
    'out/.bottle.mp4.12.part.mp4'
    """
    tail = f".{pid}.part{target.suffix}"
    stem = os.fsencode(target.name)[: BYTES_MAX - len(os.fsencode(tail)) - 1]
    return target.with_name(f".{stem.decode('utf-8', 'ignore')}{tail}")

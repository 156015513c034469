"""Where clips go: one file or a numbered row of them, and nothing overwritten unasked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.names import check_name, companions, movie_name
from reelkiln.film.partfile import check_target

__all__ = ["check_targets", "family", "reel_family", "reel_targets", "refused", "targets"]


def targets(out: Path | None, folder: Path, words: str, *, seed: int, count: int) -> list[Path]:
    """Where `count` clips go: `out` (a file, numbered where there are more, or a folder to name
    them in), else named by words and seed in `folder`.

    Raises:
        UsageError: a name that not every desktop takes.
    """
    if out is None or _is_folder(out):
        place = out if out is not None else folder
        return [place / movie_name(words, (seed + n) % 2**32) for n in range(count)]
    if out.suffix == "":
        out = out.with_name(f"{out.name}.mp4")
    movies = [_numbered(out, n + 1, count) for n in range(count)]
    for movie in movies:
        check_name(movie)
    return movies


def _is_folder(path: Path) -> bool:
    with on_disk(path):  # a name that is too long is an error here already
        return path.is_dir()


def _numbered(movie: Path, number: int, count: int) -> Path:
    """`movie` as number `number` (from 1) of `count`; itself where it is the only one.

    >>> _numbered(Path("b.mp4"), 3, 12).name
    'b-03.mp4'
    """
    if count == 1:
        return movie
    return movie.with_name(f"{movie.stem}-{number:0{len(str(count))}d}{movie.suffix}")


def refused(movie: Path) -> Path:
    """Where a clip that the gate refused is kept.

    >>> refused(Path("a/b.mp4")).name
    'b.refused.mp4'
    """
    return movie.with_name(f"{movie.stem}.refused.mp4")


def family(movie: Path) -> tuple[Path, ...]:
    """All files of one clip, the movie last: whoever sees it may count on the others."""
    beside = companions(movie)
    return (beside.poster, beside.sheet, beside.sidecar, movie)


def reel_family(movie: Path) -> tuple[Path, ...]:
    """All files of one reel, the movie last."""
    return (companions(movie).subtitles, *family(movie))


def reel_targets(
    out: Path | None, folder: Path, name: str, kinds: Sequence[tuple[str, str]]
) -> list[Path]:
    """Where reels go, one for each language and platform: `out` (a file, a folder), else `folder`.

    A language or platform stands in the name where there are several of it, and the platform in
    every name that is not `out` itself.

    Args:
        name: what reels in a folder are called first.
        kinds: language and platform of each.

    Raises:
        UsageError: a name that not every desktop takes.
    """
    stem, place, own = name, out or folder, False
    if out is not None and not _is_folder(out):
        if out.suffix:
            check_name(out)
        stem, place, own = out.stem, out.parent, True
    languages, platforms = ({kind[part] for kind in kinds} for part in (0, 1))
    movies = []
    for language, platform in kinds:
        parts = [stem, language] if len(languages) > 1 else [stem]
        parts += [platform] if len(platforms) > 1 or not own else []
        movies.append(place / f"{'-'.join(parts)}.mp4")
        check_name(movies[-1])
    return movies


def check_targets(
    movies: list[Path], *, force: bool, files: Callable[[Path], tuple[Path, ...]] = family
) -> None:
    """Refuse to overwrite, and prove that files can be made there.

    Args:
        files: all files of one film.

    Raises:
        UsageError: a file of that name exists, and `force` was not said; or the folder is missing
            or may not be written to.
        DiskFull: not even an empty file fits.
    """
    for movie in movies:
        check_target(movie)
    for path in (path for movie in movies for path in files(movie)):
        if path.exists() and not force:
            raise UsageError(
                f"{path} exists already", hint="Name another file with -o, or add --force."
            )

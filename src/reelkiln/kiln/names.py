"""Where clips go: one file or a numbered row of them, and nothing overwritten unasked."""

from __future__ import annotations

from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.names import check_name, companions, movie_name
from reelkiln.film.partfile import check_target

__all__ = ["check_targets", "family", "refused", "targets"]


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


def check_targets(movies: list[Path], *, force: bool) -> None:
    """Refuse to overwrite, and prove that files can be made there.

    Raises:
        UsageError: a file of that name exists, and `force` was not said; or the folder is missing
            or may not be written to.
        DiskFull: not even an empty file fits.
    """
    for movie in movies:
        check_target(movie)
    for path in (path for movie in movies for path in family(movie)):
        if path.exists() and not force:
            raise UsageError(
                f"{path} exists already", hint="Name another file with -o, or add --force."
            )

"""The pictures that a film's shots began from, found again: as they were named, or beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.recipe import Recipe
from reelkiln.kiln.start import with_picture

__all__ = ["Named", "pictured", "read_named"]

_NUMBERED = re.compile(r"([0-9]{1,4})=(.+)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    """A picture that was named: for one shot, counted from 1, or for any that began from it."""

    path: Path
    shot: int | None = None


def read_named(text: str) -> Named:
    """`FILE` or `SHOT=FILE`.

    >>> read_named("2=jar.png").shot, read_named("jar.png").shot, read_named("./2=jar.png").shot
    (2, None, None)
    """
    if found := _NUMBERED.fullmatch(text):
        return Named(Path(found[2]), int(found[1]))
    return Named(Path(text))


def pictured(
    clips: Sequence[Recipe], named: Sequence[Named], folders: Sequence[Path], *, reel: bool
) -> tuple[Recipe, ...]:
    """The recipes with the paths of their start pictures, each the same file as then.

    Args:
        clips: of the film's shots, in order.
        named: pictures that a person named; each must be that of a shot.
        folders: where a picture that was not named may lie under its old name.
        reel: whether the film is made of shots, or is one clip.

    Raises:
        UsageError: a picture is nowhere or has changed, or one was named for no shot; the message
            says which shot.
    """
    return _Finding(clips, folders, reel=reel).found(named)


class _Finding:
    def __init__(self, clips: Sequence[Recipe], folders: Sequence[Path], *, reel: bool) -> None:
        self.clips, self.folders, self.reel = clips, folders, reel
        self.begun = {
            number: clip.shot.image for number, clip in enumerate(clips, 1) if clip.shot.image
        }

    def found(self, named: Sequence[Named]) -> tuple[Recipe, ...]:
        given = {number: one.path for one in named for number in self._shots_of(one)}
        return tuple(
            self._with(clip, given.get(number) or self._beside(number))
            if number in self.begun
            else clip
            for number, clip in enumerate(self.clips, 1)
        )

    def _with(self, clip: Recipe, path: Path) -> Recipe:
        shot, plan = with_picture(clip.shot, clip.plan, str(path))
        return replace(clip, shot=shot, plan=plan)

    def _shots_of(self, one: Named) -> list[int]:
        """The shots that a named picture is for: at least one."""
        if not self.begun:
            raise UsageError(
                f"the film begins from words alone, and {one.path} is named for it",
                hint="Leave --image out.",
            )
        if one.shot is not None and one.shot not in self.begun:
            what = "begins from words alone"
            if not 1 <= one.shot <= len(self.clips):
                what = f"is not in this film: it has {len(self.clips)}"
            raise UsageError(f"shot {one.shot} {what}", hint=self._which())
        sha256 = _sha256(one.path)
        wanted = list(self.begun) if one.shot is None else [one.shot]
        if same := [number for number in wanted if self.clips[number - 1].picture == sha256]:
            return same
        if len(wanted) == 1:
            raise self._not_found(wanted[0], f"{one.path} is another one")
        raise UsageError(f"no shot begins from the picture {one.path}", hint=self._which())

    def _which(self) -> str:
        told = ", ".join(f"shot {number} from {name}" for number, name in self.begun.items())
        return f"Of its shots, these begin from a picture: {told}."

    def _beside(self, number: int) -> Path:
        """The picture of a shot where nobody named one."""
        lies = [path for folder in self.folders if (path := folder / self.begun[number]).is_file()]
        same = [path for path in lies if _sha256(path) == self.clips[number - 1].picture]
        if same:
            return same[0]
        raise self._not_found(
            number, f"{lies[0]} is no longer the same" if lies else "it is not here"
        )

    def _not_found(self, number: int, what: str) -> UsageError:
        who, name = (f"shot {number}", f"{number}=FILE") if self.reel else ("the clip", "FILE")
        return UsageError(
            f"{who} begins from the picture {self.begun[number]}, and {what}",
            hint=f"Put that picture beside the film, or name it with --image {name}.",
        )


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except FileNotFoundError:
        raise UsageError(
            f"start picture {path}: there is no such file", hint="Check the path."
        ) from None
    except OSError as error:
        raise UsageError(
            f"start picture {path}: cannot be read: {error.strerror}", hint="Name a picture file."
        ) from error

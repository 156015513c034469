"""What is laid over a reel and when: captions, logo, disclosure, end card; and the same as .srt."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelkiln.film.compose import FADE, Shown
from reelkiln.film.look import Look
from reelkiln.film.overlay import (
    HEADER,
    Caption,
    Disclosure,
    EndCard,
    Logo,
    Overlay,
    Where,
    draw,
)
from reelkiln.film.stage import Stage
from reelkiln.film.subtitles import Subtitle

__all__ = ["Ending", "Laid", "Titles", "Where", "lay"]

CROWN_WIDTH = 0.5
"""The least share of the safe zone's width that words at the top need to be read in two lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end card, seen from `start` (seconds) to the reel's end; it comes within `fade_in`."""

    card: EndCard
    start: Fraction
    fade_in: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """All that lies over a reel of so many seconds.

    `where` is the captions' place. The logo leaves where the end card, which has its own, comes;
    the disclosure stays throughout. `loop` is how long the reel's end fades into its beginning: the
    end card is gone by then.
    """

    seconds: Fraction
    captions: tuple[Subtitle, ...] = ()
    where: Where = "lower"
    language: str = ""
    disclosure: str = ""
    logo: Path | None = None
    ending: Ending | None = None
    loop: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """The titles drawn: what is seen when, each under its name."""

    names: tuple[str, ...]
    shown: tuple[Shown, ...]

    def boxes(self) -> list[dict[str, Any]]:
        """For a sidecar: what must stay visible, and where (left, top, right, bottom)."""
        return [
            {"name": name, "box": list(one.picture.box)}
            for name, one in zip(self.names, self.shown, strict=True)
        ]


def lay(titles: Titles, stage: Stage, look: Look) -> Laid:
    """Draw all titles for a stage, the lowest first.

    Raises:
        UsageError: as `draw` says; the message names the caption, card or file.
    """
    below = stage.below(stage.share(HEADER)) if titles.disclosure else stage
    standing = _drawn(_standing(titles), stage, look)
    free = stage
    if titles.where == "top":
        free = stage.clear_of([one.picture.box for _, one in standing], CROWN_WIDTH)
    drawn = [
        *_drawn(_ending(titles), below, look),
        *_drawn(_captions(titles), free, look),
        *standing,
    ]
    return Laid(tuple(name for name, _ in drawn), tuple(one for _, one in drawn))


def _drawn(wanted: "Iterable[_Wanted]", stage: Stage, look: Look) -> list[tuple[str, Shown]]:
    return [
        (
            one.name,
            Shown(
                picture=draw(one.overlay, stage, look, one.name),
                start=one.start,
                end=one.end,
                fade_in=one.fade_in,
                fade_out=one.fade_out,
            ),
        )
        for one in wanted
    ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    overlay: Overlay
    start: Fraction
    end: Fraction
    fade_in: Fraction = FADE
    fade_out: Fraction = FADE


def _ending(titles: Titles) -> Iterator[_Wanted]:
    if end := titles.ending:
        yield _Wanted("end card", end.card, end.start, titles.seconds, end.fade_in, titles.loop)


def _captions(titles: Titles) -> Iterator[_Wanted]:
    for number, one in enumerate(titles.captions, 1):
        caption = Caption(text=one.text, language=titles.language, where=titles.where)
        yield _Wanted(f"caption {number}", caption, one.start, one.end)


def _standing(titles: Titles) -> Iterator[_Wanted]:
    """What stands there all the time: the logo up to the end card, the disclosure to the end."""
    if titles.logo:
        end = titles.ending.start if titles.ending else titles.seconds
        yield _Wanted("logo", Logo(path=titles.logo), Fraction(0), end)
    if titles.disclosure:
        note = Disclosure(text=titles.disclosure, language=titles.language)
        never = Fraction(0)
        yield _Wanted("disclosure", note, never, titles.seconds, never, never)

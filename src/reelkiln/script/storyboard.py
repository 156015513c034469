"""Storyboards: which shots follow each other, how they meet, what is written on them and heard."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reelkiln.script.form import Form
from reelkiln.script.template import SlottedLine
from reelkiln.script.wishes import Language, Line, Path, Seconds, Slug

__all__ = ["EndCard", "Music", "Storyboard", "StoryboardShot", "Transition", "shown"]

Words = SlottedLine | Annotated[Mapping[Language, SlottedLine], Field(min_length=1, max_length=20)]
"""A shown text: one for every language, or one for each."""


def _aspect(text: str) -> str:
    if text not in ("9:16", "4:5", "1:1", "16:9"):
        raise ValueError("must be 9:16, 4:5, 1:1 or 16:9")
    return text


class Transition(Form):
    """How a shot begins: a cross-fade of so many seconds from the shot before."""

    crossfade: Annotated[float, Field(ge=0.1, le=2)]


class StoryboardShot(Form):
    """One shot: of a template, optionally a certain variant, product, length and seed, and the
    picture that it begins from, in the workspace."""

    template: Slug
    variant: Slug | None = None
    product: Slug | None = None
    seconds: Seconds | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    image: Path | None = None
    caption: Words | None = None
    transition: Literal["cut"] | Transition = "cut"


class Music(Form):
    """What is heard: one of the beds that come along, or the user's own track with its rights.

    `start` passes over the music's first seconds. With `snap`, cuts that are near a beat fall on
    it: a bed's beats are known, of a track the `tempo` (beats a minute) must be said, and the first
    beat is at `start`.
    """

    bed: Slug | None = None
    file: Path | None = None
    licence: Line | None = None
    source: Line | None = None
    start: Annotated[float, Field(ge=0, le=7200)] = 0
    tempo: Annotated[float, Field(ge=30, le=300)] | None = None
    snap: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.bed is None) == (self.file is None):
            raise ValueError("needs either bed or file")
        if self.bed is not None and (self.licence or self.source or self.tempo):
            raise ValueError("a bed has its own licence, source and tempo: leave them out")
        if (self.licence is None) != (self.source is None):
            raise ValueError("state licence and source, or neither")
        if self.snap and self.file and self.tempo is None:
            raise ValueError("snap needs the track's tempo")
        return self


class EndCard(Form):
    """The last picture: what the viewer shall remember and do."""

    headline: Words
    call_to_action: Words | None = None
    hashtags: bool = False
    seconds: Seconds = 2.5


class Storyboard(Form):
    """The content of a file in `storyboards/`.

    With `loop` the end fades into the beginning. `captions_at` "auto" puts captions below, above
    or, smaller, at the very top, wherever they cover less of what is to be seen.
    """

    storyboard: Slug
    title: Line
    aspect: Annotated[str, AfterValidator(_aspect)] = "9:16"
    platform: Slug | None = None
    loop: bool = False
    captions_at: Literal["auto", "lower", "middle", "upper", "top"] = "auto"
    music: Music | None = None
    shots: tuple[StoryboardShot, ...] = Field(min_length=1, max_length=60)
    end_card: EndCard | None = None


def shown(words: str | Mapping[str, str], language: str) -> str | None:
    """The words in a language: the one text for all, the language's own, or None.

    >>> shown({"en": "Glow", "hi": "चमक"}, "hi"), shown("Glow", "hi"), shown({"en": "x"}, "hi")
    ('चमक', 'Glow', None)
    """
    return words if isinstance(words, str) else words.get(language)

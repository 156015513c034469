"""Templates: one way to show a product, with slots to fill and variants to choose from."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reelkiln.script.form import Form
from reelkiln.script.slots import wrong_braces
from reelkiln.script.wishes import Line, Seconds, Slug, Text

__all__ = ["Negative", "Scene", "Slot", "SlotName", "Template", "Variant"]


def _slotted(text: str) -> str:
    if wrong := wrong_braces(text):
        raise ValueError(wrong)
    return text


SlotName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
SlottedLine = Annotated[Line, AfterValidator(_slotted)]
SlottedText = Annotated[Text, AfterValidator(_slotted)]


class Slot(Form):
    """How a slot is filled: from a list here, from a named word list, or with a whole number.

    Exactly one of `choose` (1 to 200 entries, which may hold slots themselves), `words` (the name
    of a word list) and `range` (lowest and highest, both included).
    """

    choose: tuple[SlottedLine, ...] | None = Field(default=None, min_length=1, max_length=200)
    words: Slug | None = None
    range: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in (self.choose, self.words, self.range) if kind is not None]
        if len(kinds) != 1:
            raise ValueError("needs exactly one of choose, words and range")
        if self.range and not self.range[0] <= self.range[1] <= self.range[0] + 10_000:
            raise ValueError("range must go from low to high, over at most 10,000 numbers")
        return self


class Scene(Form):
    """The variant in plain grammar: what, how it moves, on what, before what, in which light."""

    subject: SlottedLine = "{product.colour} {product.kind}"
    motion: SlottedLine
    surface: SlottedLine | None = None
    background: SlottedLine
    light: SlottedLine = "soft studio light"


class Variant(Form):
    """One telling of the template, written for each dialect.

    `paragraph` tells the shot in the order in which it happens, present tense. `tags` are short
    phrases, the most important first; `(phrase:1.2)` weighs one (0.5 to 1.5). `suits` limits the
    variant to products whose kind holds one of these words; empty: every product.
    """

    name: Slug
    suits: tuple[Line, ...] = Field(default=(), max_length=20)
    paragraph: SlottedText
    tags: tuple[SlottedLine, ...] = Field(min_length=1, max_length=40)
    scene: Scene


class Negative(Form):
    """What must not be seen, by dialect, added to the dialect's own list."""

    tags: SlottedText | None = None
    paragraph: SlottedText | None = None


class Template(Form):
    """The content of a file in `templates/`.

    `shows_person` and `shows_effect` say what the picture claims: an effect demands that a reviewer
    ticks that the product does this.
    """

    template: Slug
    title: Line
    about: Text | None = None
    seconds: Seconds = 4.0
    aspect: Literal["9:16", "4:5", "1:1", "16:9"] = "9:16"
    shows_person: bool = False
    shows_effect: bool = False
    negative: Negative = Negative()
    slots: Mapping[SlotName, Slot] = Field(default_factory=dict, max_length=60)
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=200)

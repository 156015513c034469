"""Word lists: camera moves, light, surfaces and whatever a workspace adds, to draw slots from."""

from collections.abc import Mapping
from importlib import resources
from typing import Annotated

from pydantic import Field

from reelkiln.script.document import parse
from reelkiln.script.faults import Fault
from reelkiln.script.form import Form, fill
from reelkiln.script.template import SlottedLine
from reelkiln.script.wishes import Slug

__all__ = ["WordLists", "built_in", "read_lists"]

Entries = Annotated[tuple[SlottedLine, ...], Field(min_length=1, max_length=500)]


class WordLists(Form):
    """The content of `templates/words.yaml`: a name to its entries, which may hold slots."""

    lists: Mapping[Slug, Entries] = Field(max_length=200)


def built_in() -> Mapping[str, tuple[str, ...]]:
    """The camera and light vocabulary that comes with the package."""
    text = resources.files("reelkiln.script").joinpath("words.yaml").read_text(encoding="utf-8")
    lists, faults = read_lists(text, "words.yaml")
    if faults:
        raise AssertionError(f"the package's own word lists are broken: {faults[0]}")
    return lists


def read_lists(text: str, file: str) -> tuple[Mapping[str, tuple[str, ...]], tuple[Fault, ...]]:
    """Word lists from a file's text, and the mistakes in it."""
    form, faults = fill(WordLists, parse(text, file))
    return (form.lists if form else {}), faults

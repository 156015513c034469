"""Forms: what a file of people's words must look like, checked all at once, each mistake placed."""

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from reelkiln.script.document import Document, Loc
from reelkiln.script.faults import Fault, Place, nearest

__all__ = ["Form", "fill"]


class Form(BaseModel):
    """A frozen form: unknown keys are mistakes, texts are trimmed, nothing is guessed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, str_strip_whitespace=True, populate_by_name=True
    )


F = TypeVar("F", bound=Form)


def fill(form: type[F], document: Document) -> tuple[F | None, tuple[Fault, ...]]:
    """The form filled with a document's value, or None and the mistakes that stand in the way."""
    if document.faults:
        return None, document.faults
    if not isinstance(document.value, dict):
        return None, (Fault(Place(document.file, 1, 1), "must be a list of `key: value` lines"),)
    try:
        return form.model_validate(_tuples(document.value)), ()
    except ValidationError as wrong:
        return None, tuple(_fault(form, document, error) for error in wrong.errors())


def _tuples(value: Any) -> Any:
    """Lists as tuples, so that a filled form is frozen to the ground."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _fault(form: type[Form], document: Document, error: ErrorDetails) -> Fault:
    loc: Loc = tuple(error["loc"])
    name = ".".join(str(step) for step in loc)
    place = document.place(loc)
    match error["type"]:
        case "extra_forbidden":
            mend = nearest(str(loc[-1]), _fields(form, loc[:-1]))
            return Fault(place, f"{name} is not a key here", mend)
        case "missing":
            return Fault(place, f"{name} is missing")
        case "value_error":
            return Fault(place, f"{name}: {error['ctx']['error']}")
        case _:
            said = error["msg"].replace("Input should be", "must be").replace("Input", "it")
            return Fault(place, f"{name}: {said[0].lower()}{said[1:]}")


def _fields(form: type[Form], loc: Loc) -> list[str]:
    """The keys known at `loc`, walked through the forms' annotations; empty where they are free."""
    at: Any = form
    for step in loc:
        if isinstance(at, type) and issubclass(at, BaseModel) and step in at.model_fields:
            at = _inner(at.model_fields[str(step)].annotation)
    if isinstance(at, type) and issubclass(at, BaseModel):
        return [field.alias or name for name, field in at.model_fields.items()]
    return []


def _inner(annotation: Any) -> Any:
    """The form inside `tuple[Form, ...]`, `Form | None`, `Mapping[str, Form]`; else itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _inner(argument)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return annotation

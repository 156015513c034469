"""Strict YAML: text in, plain values and the place of every one of them out.

Scalars follow YAML 1.2 (https://yaml.org/spec/1.2.2/, section 10.3), so that `9:16`, `NO` and
`1_0` stay text. Anchors, aliases and tags are refused, equal keys are mistakes, and size, depth and
scalar length are capped before anything is built.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from reelkiln.script.faults import Fault, Place

__all__ = ["Document", "Loc", "Value", "parse"]

Value = Any
"""None, bool, int, float, str, or a list or a dict with text keys of these."""

Loc = tuple[str | int, ...]
"""The way from the root to a value: keys and indices."""

BYTES_MAX, DEPTH_MAX, SCALAR_MAX, VALUES_MAX = 256 * 1024, 16, 20_000, 20_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its value, the place of every value, and the mistakes found so far."""

    file: str
    value: Value = None
    places: Mapping[Loc, Place] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def place(self, loc: Loc) -> Place:
        """The place of the value at `loc`, or of the nearest thing around it."""
        for end in range(len(loc), -1, -1):
            if loc[:end] in self.places:
                return self.places[loc[:end]]
        return Place(self.file)


class _Stop(Exception):
    """Reading cannot go on: what was found stands in `fault`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def parse(text: str, file: str) -> Document:
    """Read one YAML document. Never raises: mistakes stand in `Document.faults`."""
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        fault = Fault(Place(file), f"larger than {BYTES_MAX // 1024} KiB", "split the file")
        return Document(file, faults=(fault,))
    builder = _Builder(file)
    try:
        value = builder.document(text)
    except _Stop as stop:
        return Document(file, None, builder.places, (*builder.faults, stop.fault))
    return Document(file, value, builder.places, tuple(builder.faults))


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Loc, Place] = {}
        self.faults: list[Fault] = []
        self._events: Iterator[yaml.Event] = iter(())

    def document(self, text: str) -> Value:
        self._events = self._read(text)
        next(self._events)  # StreamStart
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._stop(Place(self.file, 1, 1), "the file is empty")
        value = self._value(next(self._events), ())
        next(self._events)  # DocumentEnd
        further = next(self._events)
        if not isinstance(further, yaml.StreamEndEvent):
            self._stop(self._place(further), "a second document begins here", "remove the ---")
        return value

    def _read(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as broken:
            mark = broken.problem_mark or broken.context_mark
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
            problem = broken.problem or "not readable as YAML"
            tab = "\\t" in problem or _tab_at(text, place)
            self._stop(place, "a tab stands here" if tab else problem, "use spaces" if tab else "")
        except (yaml.YAMLError, UnicodeError) as broken:
            self._stop(
                _bad_character(text, self.file),
                "a character that YAML does not allow",
                f"remove it ({type(broken).__name__})",
            )

    def _value(self, event: yaml.Event, loc: Loc) -> Value:
        place = self._place(event)
        self.places[loc] = place
        if len(loc) > DEPTH_MAX:
            self._stop(place, f"nested deeper than {DEPTH_MAX} levels")
        if len(self.places) > VALUES_MAX:
            self._stop(place, f"more than {VALUES_MAX} values", "split the file")
        self._refuse_tricks(event, place)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(loc)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(loc)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        raise AssertionError(f"no value begins with {event}")

    def _refuse_tricks(self, event: yaml.Event, place: Place) -> None:
        """Aliases can unfold a small file into gigabytes; tags can name code."""
        if isinstance(event, yaml.AliasEvent):
            self._stop(place, "aliases (*name) are not allowed", "write the value out")
        if getattr(event, "anchor", None):
            self._stop(place, "anchors (&name) are not allowed", "remove it")
        if getattr(event, "tag", None) not in (None, "!"):
            self._stop(place, "tags (!name) are not allowed", "remove it")

    def _mapping(self, loc: Loc) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = self._place(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(place, "a key must be a word")
            key = event.value
            if len(key) > 200:
                self._stop(place, "a key longer than 200 characters")
            at: Loc = (*loc, key)
            if key in found:
                first = self.places[at].line
                self.faults.append(Fault(place, f"{key} stands here twice", f"first: line {first}"))
                at = (*at, len(self.places))  # the first one keeps its place
            value = self._value(next(self._events), at)
            found.setdefault(key, value)
        return found

    def _sequence(self, loc: Loc) -> list[Value]:
        found: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*loc, len(found))))
        return found

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Value:
        text: str = event.value
        if len(text) > SCALAR_MAX:
            self._stop(place, f"a text longer than {SCALAR_MAX} characters")
        return _plain(text) if event.style in (None, "") else text

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)

    def _stop(self, place: Place, message: str, mend: str = "") -> NoReturn:
        raise _Stop(Fault(place, message, mend))


def _plain(text: str) -> Value:
    """An unquoted scalar by the core schema of YAML 1.2, without octal and hexadecimal numbers."""
    if text in _WORDS:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _tab_at(text: str, place: Place) -> bool:
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    return "\t" in line[: place.column]


def _bad_character(text: str, file: str) -> Place:
    """The first character outside YAML's printable set (section 5.1)."""
    allowed = re.compile("[\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
    good = allowed.match(text)
    end = good.end() if good else 0
    return Place(file, text.count("\n", 0, end) + 1, end - (text.rfind("\n", 0, end) + 1) + 1)

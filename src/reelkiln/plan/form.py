"""Plain data (what JSON and TOML hold) to frozen values, strictly.

The types of a dataclass are its form: no key unknown, none missing. Fractions are written as
text ("24000/1001") or whole numbers, sizes as text ("384x704").
"""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from reelkiln.errors import UsageError
from reelkiln.reel import Size

__all__ = ["read", "read_toml", "write"]


def read(kind: Any, data: object, where: str) -> Any:
    """Data as a value of type `kind`; `where` names the place in messages and may be empty.

    Raises:
        UsageError: a key is unknown or missing, or a value has the wrong type; one mistake at a
            time, its place first.
    """
    if kind in _PLAIN:
        return _PLAIN[kind](data, where)
    if is_dataclass(kind):
        return _read_record(kind, data, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _read_choice(inner, data, where)
    if origin is tuple:
        items = _listed(data, where)
        return tuple(read(inner[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is Mapping:
        table = _table(data, where)
        # A plain dict: cards cross process walls, and a read-only view of one cannot be pickled.
        return {key: read(inner[1], value, _inner(where, key)) for key, value in table.items()}
    if origin in (Union, UnionType):
        return _read_either(inner, data, where)
    raise TypeError(f"no form for {kind!r}")  # a programmer's mistake, caught by any test of it


def read_toml(kind: Any, text: str, file: str) -> Any:
    """The text of a TOML file as a value of type `kind`; `file` is how messages call it.

    Raises:
        UsageError: it is no TOML, or not of that form.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise UsageError(f"{file}: not TOML: {wrong}", hint="Mend that line.") from None
    try:
        return read(kind, data, "")
    except UsageError as wrong:
        raise UsageError(f"{file}: {wrong.message}", hint=wrong.hint) from None


def write(value: object) -> Any:
    """A value as plain data that `read` takes back, equal in every field."""
    if isinstance(value, Size | Fraction):
        return str(value)
    if is_dataclass(value):
        return {field.name: write(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [write(item) for item in value]
    if isinstance(value, Mapping):
        return {key: write(item) for key, item in value.items()}
    return value


def _read_record(kind: Any, data: object, where: str) -> Any:
    table, hints = _table(data, where), get_type_hints(kind)
    for key in table:
        if key not in hints:
            near = get_close_matches(key, hints, n=1)
            guess = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(hints)}."
            raise UsageError(f"{_at(where)}unknown key {key!r}", hint=guess)
    needed = {
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }
    if missing := sorted(needed - table.keys()):
        raise UsageError(f"{_at(where)}key {missing[0]!r} is missing", hint="Add it.")
    values = {key: read(hints[key], value, _inner(where, key)) for key, value in table.items()}
    try:
        return kind(**values)
    except UsageError as wrong:
        raise UsageError(_at(where) + wrong.message, hint=wrong.hint) from None


def _read_choice(choices: tuple[object, ...], data: object, where: str) -> object:
    for choice in choices:
        # 1 == True and 16 == 16.0 in Python, not in a file.
        if type(data) is type(choice) and data == choice:
            return choice
    raise _wrong(where, f"one of {', '.join(str(choice) for choice in choices)}", data)


def _read_either(kinds: tuple[Any, ...], data: object, where: str) -> object:
    if data is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) == 1:
        return read(others[0], data, where)
    for kind in kinds:
        if type(data) is kind:
            return _PLAIN[kind](data, where)
    named = " or ".join(_NAMES[kind] for kind in kinds if kind is not type(None))
    raise _wrong(where, named, data)


def _inner(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _at(where: str) -> str:
    return f"{where}: " if where else ""


def _table(data: object, where: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise _wrong(where, "a table of keys and values", data)
    return data


def _listed(data: object, where: str) -> list[object]:
    if not isinstance(data, list):
        raise _wrong(where, "a list", data)
    return data


def _exactly(kind: type) -> Callable[[object, str], object]:
    def check(data: object, where: str) -> object:
        if type(data) is not kind:
            raise _wrong(where, _NAMES[kind], data)
        return data

    return check


def _float(data: object, where: str) -> float:
    try:
        if not isinstance(data, bool) and isinstance(data, int | float) and math.isfinite(data):
            return float(data)
    except OverflowError:  # a whole number of more than 308 digits
        pass
    raise _wrong(where, _NAMES[float], data)


def _fraction(data: object, where: str) -> Fraction:
    if type(data) is int:
        return Fraction(data)
    if isinstance(data, str) and re.fullmatch(r"\d{1,12}(/[1-9]\d{0,11})?", data):
        return Fraction(data)
    raise _wrong(where, 'a whole number or text like "24000/1001"', data)


def _size(data: object, where: str) -> Size:
    if isinstance(data, str) and (sides := re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", data)):
        return Size(int(sides[1]), int(sides[2]))
    raise _wrong(where, 'a size like "512x512"', data)


def _wrong(where: str, needed: str, data: object) -> UsageError:
    return UsageError(f"{where or 'it'} must be {needed}, not {data!r:.60}", hint="Correct it.")


_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_PLAIN: Mapping[Any, Callable[[object, str], object]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _float,
    Fraction: _fraction,
    Size: _size,
}

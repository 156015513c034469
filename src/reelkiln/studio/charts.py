"""Charts as SVG numbers: bars on one scale with round ticks, and a line over evenings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "WIDTH",
    "Bar",
    "BarChart",
    "Line",
    "Point",
    "bar_chart",
    "figure",
    "line_chart",
    "ticks",
]

WIDTH = 460
"""Units of the longest axis of a bar chart."""

_LINE = (640, 180)
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 16, 34
"""Room around a line for its labels."""
_DATE = 170
"""Units that a date and the half of its neighbour take on the narrowest screen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its parts as (left, width, name, value), in SVG units, and their sum in words."""

    label: str
    parts: tuple[tuple[float, float, str, str], ...]
    total: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars on one scale. `axis` is (place, label) of each tick; `names` those of the parts."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    axis: tuple[tuple[float, str], ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One evening on a line, in SVG units: its value and date in words; `news` is what changed.
    `dated` says whether there is room for its date."""

    x: float
    y: float
    value: str
    date: str
    news: str
    dated: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Values over evenings, the newest last. `axis` is (place, label) of each tick, upwards."""

    title: str
    unit: str
    points: tuple[Point, ...]
    axis: tuple[tuple[float, str], ...]

    @property
    def path(self) -> str:
        """The points of a polyline."""
        return " ".join(f"{point.x:g},{point.y:g}" for point in self.points)


def figure(value: float) -> str:
    """A number with three digits that count, as people write it.

    >>> figure(5.761), figure(0.0123), figure(999.7), figure(12_345.6)
    ('5.76', '0.0123', '1,000', '12,346')
    """
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def ticks(longest: float, most: int = 5) -> tuple[float, ...]:
    """Round values from 0 to at least `longest`, at most `most` steps of 1, 2 or 5 times ten.

    >>> ticks(7.3)
    (0.0, 2.0, 4.0, 6.0, 8.0)
    """
    if not longest > 0:
        return (0.0, 1.0)
    ten = 10.0 ** math.floor(math.log10(longest / most))
    step = next(ten * nice for nice in (1, 2, 5, 10) if ten * nice * most >= longest * (1 - 1e-9))
    return tuple(step * number for number in range(math.ceil(longest / step - 1e-9) + 1))


def bar_chart(title: str, values: Mapping[str, Mapping[str, float]], unit: str) -> BarChart:
    """Stacked bars on one scale, which ends at a round value. Values must not be below 0."""
    scale = ticks(max((sum(parts.values()) for parts in values.values()), default=0.0))
    made = []
    for label, parts in values.items():
        left, drawn = 0.0, []
        for name, value in parts.items():
            width = value / scale[-1] * WIDTH
            drawn.append((round(left, 1), round(width, 1), name, f"{figure(value)} {unit}"))
            left += width
        made.append(Bar(label, tuple(drawn), f"{figure(sum(parts.values()))} {unit}"))
    names = dict.fromkeys(name for parts in values.values() for name in parts)
    axis = tuple((round(value / scale[-1] * WIDTH, 1), f"{value:,g}") for value in scale)
    return BarChart(title, unit, tuple(made), axis, tuple(names))


def line_chart(
    title: str, values: Sequence[tuple[str, float]], news: Sequence[str], unit: str
) -> Line:
    """A line through (date, value), upwards from 0; `news` says what changed before each."""
    scale = ticks(max((value for _, value in values), default=0.0), 4)
    width, height = _LINE[0] - _LEFT - _RIGHT, _LINE[1] - _TOP - _BOTTOM

    def down(value: float) -> float:
        return round(_TOP + height * (1 - value / scale[-1]), 1)

    step = width / max(1, len(values) - 1)
    places = [round(_LEFT + at * step, 1) for at in range(len(values))]
    dated = _dated(places, news)
    points = tuple(
        Point(x, down(value), f"{figure(value)} {unit}", date, new, x in dated)
        for x, (date, value), new in zip(places, values, news, strict=True)
    )
    return Line(title, unit, points, tuple((down(value), f"{value:,g}") for value in scale))


def _dated(places: Sequence[float], news: Sequence[str]) -> set[float]:
    """Where a date stands: at both ends, and between them where something changed and there is
    room, the latest first."""
    chosen = {*places[:1], *places[-1:]}
    for place, new in reversed(list(zip(places, news, strict=True))):
        if new and all(abs(place - other) >= _DATE for other in chosen):
            chosen.add(place)
    return chosen

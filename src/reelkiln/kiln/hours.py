"""Hours of a day as people say them: until 07:00, quiet from 12:00 to 13:00. Pure but for zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from reelkiln.errors import UsageError

__all__ = ["Span", "next_time", "parse_moment", "parse_span", "parse_time"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of every day, by the clock on the wall; `end` before `start` goes over midnight.

    >>> Span(time(22), time(7)).holds(time(23, 30)), Span(time(22), time(7)).holds(time(12))
    (True, False)
    """

    start: time
    end: time

    def holds(self, at: time) -> bool:
        """Whether a time lies inside; the start does, the end does not."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def parse_time(text: str) -> time:
    """A time of the day.

    >>> parse_time("07:00"), parse_time("7:05")
    (datetime.time(7, 0), datetime.time(7, 5))

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip(), re.ASCII)
    if not found:
        raise UsageError(f"{text!r} is no time of the day", hint="Write it like 07:00.")
    return time(int(found[1]), int(found[2]))


def parse_span(text: str) -> Span:
    """A stretch of the day.

    >>> parse_span("22:00-07:00")
    Span(start=datetime.time(22, 0), end=datetime.time(7, 0))

    Raises:
        UsageError: it is none, or has no length.
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise UsageError(f"{text!r} is no stretch of the day", hint="Write it like 22:00-07:00.")
    span = Span(parse_time(start), parse_time(end))
    if span.start == span.end:
        raise UsageError(f"{text!r} has no length", hint="Write it like 22:00-07:00.")
    return span


def next_time(at: time, now: datetime) -> datetime:
    """The next moment at which the clock on the wall shows `at`: today or tomorrow.

    Where the clocks are changed in between, the hands count and not the hours.
    """
    wall = datetime.combine(now.date(), at)
    if wall <= now.replace(tzinfo=None):
        wall += timedelta(days=1)
    return _at_wall(wall, now)


def parse_moment(text: str, now: datetime) -> datetime:
    """When "07:00" comes next, or "2026-11-30 07:00", in the zone of `now`.

    Raises:
        UsageError: it is neither, or it has passed.
    """
    words = text.strip()
    if ":" in words and len(words) <= 5:
        return next_time(parse_time(words), now)
    try:
        then = datetime.fromisoformat(words)
    except ValueError:
        raise UsageError(
            f"{text!r} is no moment", hint="Write it like 07:00 or 2026-11-30 07:00."
        ) from None
    then = then if then.tzinfo else _at_wall(then, now)
    if then <= now:
        raise UsageError(f"{text} has passed", hint="Name a moment that is still to come.")
    return then


def _at_wall(wall: datetime, now: datetime) -> datetime:
    # A zone by name knows its own changes; the offset that the system gave to `now` holds for
    # `now` alone, so the system is asked again.
    named = isinstance(now.tzinfo, ZoneInfo)
    return wall.replace(tzinfo=now.tzinfo) if named else wall.astimezone()

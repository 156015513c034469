"""Hours of the day, sleep and forecasts: pure code."""

import os
import time as clock
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.kiln.forecast import forecast
from reelkiln.kiln.hours import Span, next_time, parse_moment, parse_span, parse_time
from reelkiln.kiln.sleep import SleepWatch

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(times, times, times)
def test_a_span_and_the_rest_of_the_day_share_no_moment(start, end, at):
    if start != end:
        assert Span(start, end).holds(at) != Span(end, start).holds(at)


@given(times, st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))
def test_the_next_time_is_within_a_day_and_shows_that_time(at, now):
    now = now.replace(tzinfo=UTC)
    then = next_time(at, now)
    assert then > now
    assert then - now <= timedelta(days=1, seconds=1) or then.utcoffset() != now.utcoffset()


def test_over_the_change_of_clocks_the_hands_count():
    evening = datetime(2026, 10, 24, 22, tzinfo=BERLIN)  # at 3:00 the clocks go back to 2:00
    then = next_time(time(7), evening)
    assert (then.hour, (then.astimezone(UTC) - evening.astimezone(UTC))) == (7, timedelta(hours=10))


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot change a process's zone")
def test_the_systems_own_zone_is_asked_for_the_night_the_clocks_change(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.tzset()
    try:
        evening = datetime(2026, 10, 24, 22).astimezone()
        assert next_time(time(7), evening) - evening == timedelta(hours=10)
    finally:
        monkeypatch.undo()
        clock.tzset()


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "abc", "", "７:00", "07:00:00"])
def test_what_is_no_time_is_named(text):
    with pytest.raises(UsageError, match="07:00"):
        raise_hint(lambda: parse_time(text))


def raise_hint(call):
    try:
        call()
    except UsageError as error:
        raise UsageError(f"{error.message} {error.hint}") from error


def test_moments():
    assert parse_moment("07:00", NOON.astimezone(BERLIN)).day == 2
    assert parse_moment("2026-05-02 07:00", NOON.astimezone(BERLIN)).utcoffset() == timedelta(
        hours=2
    )
    with pytest.raises(UsageError, match="has passed"):
        parse_moment("2026-04-01 07:00", NOON.astimezone(BERLIN))
    with pytest.raises(UsageError, match="is no moment"):
        parse_moment("tomorrow", NOON.astimezone(BERLIN))
    for wrong in ("07:00", "07:00-07:00", "a-b"):
        with pytest.raises(UsageError):
            parse_span(wrong)


def test_sleep_is_told_from_a_clock_that_was_set():
    watch = SleepWatch(NOON, 100.0)
    assert watch.look(NOON + timedelta(seconds=1), 101.0) is None
    woke = NOON + timedelta(hours=8)
    gap = watch.look(woke, 101.0 + 8 * 3600)
    assert gap is not None and gap.slept
    assert (gap.end, gap.start) == (woke, woke - timedelta(hours=8))
    day_on = watch.look(woke + timedelta(days=1), 102.0 + 8 * 3600)
    assert day_on is not None and not day_on.slept
    day_back = watch.look(woke, 103.0 + 8 * 3600)
    assert day_back is not None and not day_back.slept
    assert watch.look(woke + timedelta(seconds=2), 105.0 + 8 * 3600) is None


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=20), st.integers(1, 4), st.floats(0, 99))
def test_more_places_are_never_slower_and_one_place_takes_the_sum(estimates, width, loading):
    one = forecast(estimates, start=NOON, deadline=None, loading=loading)
    more = forecast(estimates, start=NOON, deadline=None, loading=loading, width=width)
    assert more.end <= one.end
    assert one.in_time == len(estimates)
    seconds = loading + sum(estimates) + 3.0 * len(estimates)
    assert abs((one.end - NOON).total_seconds() - seconds) < 0.01


def test_a_deadline_counts_what_is_done_by_then():
    ahead = forecast([60.0] * 10, start=NOON, deadline=NOON + timedelta(minutes=11), pace=2.0)
    assert (ahead.total, ahead.in_time) == (10, 5)

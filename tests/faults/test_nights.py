"""Whole nights: previews and deadlines, a GPU that another program holds, a daily schedule."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

import pytest

from faults.soundness import LONG_AGO, assert_sound
from kiln.shifts import queue, shift_in, states
from reelkiln.store.memory import MemoryEngine
from reelkiln.store.queue import find_segment, list_segments, move
from reelkiln.store.segment import PREVIEW
from reelkiln.store.shifts import read_log
from waiting import wait_for

SOAK = bool(os.environ.get("REELKILN_SOAK"))


def kinds(ledger):
    return [row.kind for row in read_log(ledger, since=LONG_AGO)]


def test_previews_then_deadlines_then_the_order_of_the_file_through_a_whole_shift(
    place, ledger, workers
):
    """One worker process with lanes of one, so that what it takes next can be seen."""
    soon, late = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 9))
    batch = queue(ledger, 2, models=("brisk",), deadline=late)
    (urgent,) = queue(ledger, 1, models=("brisk",), deadline=soon)
    (last,) = queue(ledger, 1, models=("brisk",))
    move(ledger, batch[1], before=batch[0])
    pid = workers.start(place, renderer="one lane")
    wait_for(lambda: find_segment(ledger, urgent).phase == "denoise")
    (preview,) = queue(ledger, 1, models=("brisk",), priority=PREVIEW)
    assert workers.wait(pid) == 0
    ids = [*batch, urgent, last, preview]
    assert_sound(place, ledger, ids)
    ended = [row.id for row in sorted(list_segments(ledger), key=lambda row: row.ended_at)]
    # The preview overtakes also what is under way, unless that was done within its last step. Two
    # are in hand at a time, and the films of neighbours may be finished in either order.
    due = [preview, urgent, batch[1], batch[0], last]
    assert all(abs(ended.index(one) - due.index(one)) <= 1 for one in due), ended
    assert {row.runs for row in list_segments(ledger)} == {1}


def test_a_gpu_that_another_program_holds_is_waited_for_and_not_counted_as_a_failure(
    place, ledger, workers
):
    (one,) = queue(ledger, 1)
    held = place / "gpu-is-held"
    held.touch()
    pid = workers.start(
        place, renderer="busy", terms={"gpu_seconds": 0.2}, env={"REELKILN_TEST_HELD": str(held)}
    )
    wait_for(lambda: "waited" in kinds(ledger))
    time.sleep(0.6)
    assert states(ledger) == {one: "running"}
    held.unlink()
    assert workers.wait(pid) == 0
    assert_sound(place, ledger, [one])
    row = find_segment(ledger, one)
    assert (row.state, row.failures, row.runs) == ("delivered", (), 1)
    said = [line.said for line in read_log(ledger, since=LONG_AGO) if line.kind == "waited"]
    assert said == ["another program holds the GPU"], "said once, however long it lasts"


class ByHand(MemoryEngine):
    """An engine whose clock strikes when the test says so."""

    def daily(self, name, cron, zone, call):
        self.cron, self.zone, self.strike = cron, zone, call


def test_two_nights_of_a_daily_schedule(place, ledger):
    """From six in the evening to the end of the night after next, by a clock that the test sets."""
    now = [datetime(2026, 5, 1, 18, 0, tzinfo=UTC)]
    engine = ByHand()
    shift = shift_in(
        place, ledger, engine=engine, daily=clock_time(20, 0), daily_until=clock_time(7, 0)
    )
    shift.local = lambda moment: moment
    shift.bench = shift.bench.__class__(
        **{name: getattr(shift.bench, name) for name in shift.bench.__slots__ if name != "now"},
        now=lambda: now[0],
    )
    shift.__post_init__()
    evening = queue(ledger, 2)
    thread = threading.Thread(target=shift.run, daemon=True)
    thread.start()
    wait_for(lambda: kinds(ledger))
    assert read_log(ledger, since=LONG_AGO)[0].said == "the next shift begins at 20:00"
    assert (engine.cron, engine.zone) == ("0 20 * * *", "UTC")
    time.sleep(0.3)
    assert set(states(ledger).values()) == {"queued"}, "nothing is made in the evening"

    now[0] = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)
    engine.strike()
    wait_for(lambda: {states(ledger)[one] for one in evening} == {"delivered"})
    now[0] = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)
    late = queue(ledger, 1)
    wait_for(lambda: states(ledger)[late[0]] == "delivered")

    now[0] = datetime(2026, 5, 2, 6, 59, tzinfo=UTC)
    too_late = queue(ledger, 1, models=("slow",))
    wait_for(lambda: find_segment(ledger, too_late[0]).phase == "denoise")
    now[0] = datetime(2026, 5, 2, 7, 0, tzinfo=UTC)
    wait_for(lambda: shift.control.held)
    by_day = queue(ledger, 1)
    time.sleep(0.3)
    assert {states(ledger)[one] for one in too_late} == {"running"}, "it is held, and goes on"
    assert states(ledger)[by_day[0]] == "queued"

    now[0] = datetime(2026, 5, 2, 20, 0, tzinfo=UTC)
    engine.strike()
    wait_for(lambda: {*states(ledger).values()} == {"delivered"})
    now[0] = datetime(2026, 5, 3, 7, 0, tzinfo=UTC)
    wait_for(lambda: shift.control.held)
    assert thread.is_alive(), "a daily shift never ends by itself"
    shift.terms = shift.terms.__class__(until=now[0])
    thread.join(30)
    assert_sound(place, ledger, [*evening, *late, *too_late, *by_day])


if SOAK:  # up to three minutes of waiting for the clock on the wall

    def test_a_daily_schedule_on_the_engines_own_clock(place, ledger, workers):
        ids = queue(ledger, 4)
        at = datetime.now(UTC) + timedelta(minutes=1, seconds=5)
        until = at + timedelta(minutes=1)
        terms = {"daily": f"{at:%H:%M}", "daily_until": f"{until:%H:%M}"}
        pid = workers.start(place, terms=terms)
        wait_for(lambda: kinds(ledger))
        assert set(states(ledger).values()) == {"queued"}
        wait_for(lambda: set(states(ledger).values()) == {"delivered"}, 150)
        first = min(row.started_at for row in list_segments(ledger))
        assert first >= at.replace(second=0, microsecond=0)
        wait_for(lambda: kinds(ledger)[-1] == "waited" and len(kinds(ledger)) == 3, 150)
        ids += queue(ledger, 1)
        time.sleep(3)
        assert states(ledger)[ids[-1]] == "queued", "the night is over"
        workers.kill(pid)


@pytest.fixture(autouse=True)
def _quiet_zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")

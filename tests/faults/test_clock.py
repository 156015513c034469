"""F9: the clock jumps by a day, the machine sleeps for eight hours, a process is stopped."""

import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from faults.soundness import LONG_AGO, assert_sound
from kiln.shifts import HereRenderer, queue, shift_in
from reelkiln.store.queue import find_segment
from reelkiln.store.shifts import read_log
from waiting import wait_for


class AtEach(HereRenderer):
    """Does something before each render, and waits until the shift has seen the second one."""

    def __init__(self, act, ledger):
        super().__init__()
        self.act, self.ledger = act, ledger

    def render(self, order, folder, watch):
        number = len(self.rendered)
        self.act(number)
        if number:
            wait_for(lambda: read_log(self.ledger, since=LONG_AGO))
        return super().render(order, folder, watch)


@pytest.mark.parametrize("days", [1, -1])
def test_f9_a_clock_that_jumps_is_told_and_changes_nothing(place, ledger, days):
    ids = queue(ledger, 3)
    jump = [timedelta()]

    def act(number):
        jump[0] = timedelta(days=days if number else 0)

    shift = shift_in(place, ledger, renderer=AtEach(act, ledger))
    shift.bench = replace(shift.bench, now=lambda: datetime.now(UTC) + jump[0])
    shift.__post_init__()
    assert sorted(shift.run().delivered) == ids
    kinds = [row.kind for row in read_log(ledger, since=LONG_AGO)]
    assert kinds == ["clock"]
    assert_sound(place, ledger, ids)


def test_f9_a_sleep_of_eight_hours_is_told_with_its_times(place, ledger):
    ids = queue(ledger, 3)
    slept = [0.0]

    def act(number):
        slept[0] = 8 * 3600.0 if number else 0.0

    shift = shift_in(place, ledger, renderer=AtEach(act, ledger))
    shift.bench = replace(shift.bench, now=lambda: datetime.now(UTC) + timedelta(seconds=slept[0]))
    shift.elapsed = lambda: time.monotonic() + slept[0]
    shift.__post_init__()
    assert sorted(shift.run().delivered) == ids
    (row,) = read_log(ledger, since=LONG_AGO)
    assert row.kind == "slept" and "the machine slept from" in row.said
    assert row.until is not None
    assert abs((row.until - row.at).total_seconds() - 8 * 3600) < 60


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop a process from outside")
def test_f9_a_worker_that_is_stopped_and_continued_goes_on(place, ledger, workers):
    ids = queue(ledger, 3, models=("slow",))
    pid = workers.start(place)
    wait_for(lambda: any(find_segment(ledger, one).phase == "denoise" for one in ids))
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(pid, signal.SIGCONT)
    assert workers.wait(pid) == 0
    assert_sound(place, ledger, ids)
    assert {find_segment(ledger, one).runs for one in ids} == {1}

"""F1, F3, F10, F16, F20: workers and renderers are killed, hung, doubled and asked to stop."""

import os
import random
import signal
import time

import psutil
import pytest

from faults.soundness import LONG_AGO, assert_sound, now, readable
from kiln.shifts import HereRenderer, queue, shift_in, states
from reelkiln.errors import LockHeld
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.store.dbos_engine import DbosEngine
from reelkiln.store.queue import cancel, find_segment, list_segments
from reelkiln.store.shifts import read_log
from waiting import wait_for

SOAK = bool(os.environ.get("REELKILN_SOAK"))
SEEDS = range(10) if SOAK else (5,)
KILLS = 50 if SOAK else 40
LIFE = 1.4
"""Seconds: starting, rendering and finishing of the first clips on a machine left alone."""


@pytest.mark.parametrize("seed", SEEDS)
def test_f1_random_kills_lose_nothing_and_deliver_nothing_twice(place, ledger, workers, seed):
    rng = random.Random(seed)
    ids = queue(ledger, 8)
    kills, done, life = 0, 0, LIFE
    while kills < KILLS:
        if list(states(ledger).values()).count("queued") < 2:
            ids += queue(ledger, 8)
        pid = workers.start(place)
        if workers.wait(pid, rng.uniform(0.05, life)) is None:
            workers.kill(pid)
            kills += 1
        readable(place)
        # Whoever is begun 20 times without an end is parked, which on a slow machine would hide
        # what this looks for: where nothing was finished, the next life may be longer.
        before, done = done, list(states(ledger).values()).count("delivered")
        life = LIFE if done > before else 1.2 * life
    assert workers.run(place) == 0
    assert_sound(place, ledger, ids)
    parked = {row.id: row.reason for row in list_segments(ledger) if row.state != "delivered"}
    assert not parked


def test_f3_a_renderer_that_is_killed_is_replaced_and_the_worker_stays(place, ledger):
    ids = queue(ledger, 3, models=("slow",))
    latents = place / ".reelkiln" / "scratch" / "latents"
    renderer = LaneRenderer(latents, cache=place / "cache")
    killed = []

    def kill_once_each(segment, progress):
        if progress.phase == "denoise" and segment not in killed:
            killed.append(segment)
            (pid,) = renderer.pids()
            psutil.Process(pid).send_signal(
                signal.SIGSEGV if len(killed) % 2 and os.name != "nt" else signal.SIGTERM
            )

    shift = shift_in(place, ledger, engine=DbosEngine(place / ".reelkiln"), renderer=renderer)
    producer = shift._handler.producer
    object.__setattr__(producer, "tell", kill_once_each)
    end = shift.run()
    assert sorted(end.delivered) == ids
    assert sorted(killed) == ids
    assert all(len(find_segment(ledger, one).failures) == 1 for one in ids)
    assert {row.kind for row in read_log(ledger, since=LONG_AGO)} == {"crashed"}
    shift.engine.close()
    assert_sound(place, ledger, ids)
    assert not list(latents.glob("*")), "latents go at delivery"


def test_f10_a_second_worker_is_refused_while_the_first_works(place, ledger, workers):
    ids = queue(ledger, 2, models=("slow",))
    first = workers.start(place)
    wait_for(lambda: "running" in states(ledger).values())
    with pytest.raises(LockHeld), DbosEngine(place / ".reelkiln").run_worker(print, 1):
        pass
    assert workers.run(place) == 75
    assert set(states(ledger).values()) != {"delivered"}, "nobody waited for its end"
    assert workers.wait(first) == 0
    assert_sound(place, ledger, ids)


def test_f10_another_executor_takes_over_what_a_dead_one_held(place, ledger, workers):
    ids = queue(ledger, 4, models=("slow",))
    first = workers.start(place, executor="gpu1")
    wait_for(lambda: "running" in states(ledger).values())
    time.sleep(0.5)
    workers.kill(first)
    assert workers.run(place, executor="gpu0") == 0
    assert_sound(place, ledger, ids)
    assert set(states(ledger).values()) == {"delivered"}
    assert "crashed" in {row.kind for row in read_log(ledger, since=LONG_AGO)}


def test_f10_two_executors_share_one_queue(place, ledger, workers):
    ids = queue(ledger, 10)
    both = [workers.start(place, executor=f"gpu{n}") for n in range(2)]
    assert [workers.wait(pid) for pid in both] == [0, 0]
    assert_sound(place, ledger, ids)
    assert {find_segment(ledger, one).runs for one in ids} == {1}


class Hanging(HereRenderer):
    """Hangs the first time, as a driver does: it says nothing and does not end."""

    def render(self, order, folder, watch):
        if not self.rendered:
            self.rendered.append(order.id)
            from reelkiln.kiln.watch import Progress

            while True:
                watch.on_progress(Progress("denoise", 1, 8))
                time.sleep(0.05)
        return super().render(order, folder, watch)


def test_f16_a_hung_render_is_ended_and_tried_again(place, ledger):
    (one,) = queue(ledger, 1)
    shift = shift_in(place, ledger, renderer=Hanging())
    object.__setattr__(shift._handler.producer, "hung_seconds", 0.3)
    object.__setattr__(shift._handler.producer, "hung_times", 0.0)
    assert shift.run().delivered == (one,)
    (failure,) = find_segment(ledger, one).failures
    assert "nothing was heard of the renderer" in failure


@pytest.mark.parametrize("phase", ["load", "encode", "denoise", "decode", "check", "finish"])
def test_f20_cancelling_at_every_stage_stops_and_leaves_nothing(place, ledger, phase):
    (one,) = queue(ledger, 1)
    shift = shift_in(place, ledger)
    cancelled = []

    def cancel_at(segment, progress):
        if progress.phase == phase and not cancelled:
            cancelled.append(time.monotonic())
            cancel(ledger, segment, now=now())
            shift.control.cancel([segment])  # the loop would have seen it within 0.1 s

    object.__setattr__(shift._handler.producer, "tell", cancel_at)
    shift.run()
    assert cancelled, f"{phase} was not passed"
    assert states(ledger) == {one: "cancelled"}
    assert (find_segment(ledger, one).ended_at - now()).total_seconds() <= 0
    assert not list(place.glob("reels/*")) and not list(place.glob("reels/.*"))
    assert_sound(place, ledger, [one])

"""What every engine owes the shift. DBOS and the one in memory pass the same tests."""

import threading
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reelkiln.errors import LockHeld
from reelkiln.store.dbos_engine import DbosEngine
from reelkiln.store.engine import GivenBack
from reelkiln.store.memory import MemoryEngine
from waiting import LONG, wait_for


@pytest.fixture(params=["dbos", "memory"])
def engine(request, tmp_path):
    if request.param == "memory":
        yield MemoryEngine()
        return
    one = DbosEngine(tmp_path / "state")
    yield one
    one.close()


def nothing(segment_id):
    pass


def test_an_id_runs_once_however_often_it_is_submitted(engine):
    ran = []
    assert engine.status("a") is None
    for _ in range(3):
        engine.submit("a")
    assert engine.status("a") == "waiting"
    with engine.run_worker(ran.append, 2):
        assert engine.watch("a", LONG) == "done"
        engine.submit("a")
        assert engine.watch("a", LONG) == "done"
    assert ran == ["a"]


def test_at_most_so_many_run_at_a_time_in_the_order_of_submission(engine):
    begun, release = [], threading.Event()

    def handle(segment_id):
        begun.append(segment_id)
        release.wait(LONG)

    for name in "abcd":
        engine.submit(name)
    with engine.run_worker(handle, 2):
        wait_for(lambda: len(begun) == 2)
        time.sleep(0.2)
        assert sorted(begun) == ["a", "b"]
        assert engine.status("a") == "running"
        release.set()
        assert {engine.watch(name, LONG) for name in "abcd"} == {"done"}


def test_what_is_given_back_is_begun_again_by_the_next_worker(engine):
    begun, ended = [], []
    stopping = threading.Event()

    def handle(segment_id):
        begun.append(segment_id)
        stopping.wait(LONG)
        raise GivenBack

    engine.submit("a")
    with engine.run_worker(handle, 1):
        wait_for(lambda: begun)
        stopping.set()
    assert engine.status("a") == "running"
    with engine.run_worker(ended.append, 1):
        assert engine.watch("a", LONG) == "done"
    assert (begun, ended) == (["a"], ["a"])


def test_a_failure_is_the_segments_alone_and_can_be_resumed(engine):
    tries = []

    def handle(segment_id):
        tries.append(segment_id)
        if segment_id == "bad" and tries.count("bad") == 1:
            raise ValueError("broken")

    for name in ("bad", "good"):
        engine.submit(name)
    with engine.run_worker(handle, 1):
        assert engine.watch("bad", LONG) == "failed"
        assert engine.watch("good", LONG) == "done"
        engine.resume("bad")
        assert engine.watch("bad", LONG) == "done"
        engine.resume("good")
        wait_for(lambda: tries.count("good") == 2)
        engine.resume("new")
        assert engine.watch("new", LONG) == "done"


def test_what_waits_can_be_cancelled_and_resumed(engine):
    ran = []
    for name in "ab":
        engine.submit(name)
    engine.cancel("a")
    assert engine.status("a") == "cancelled"
    with engine.run_worker(ran.append, 1):
        assert engine.watch("b", LONG) == "done"
        assert ran == ["b"]
        engine.resume("a")
        assert engine.watch("a", LONG) == "done"


def test_what_never_ends_is_given_up(engine, monkeypatch):
    monkeypatch.setattr("reelkiln.store.dbos_engine.BEGUN_MAX", 2)
    monkeypatch.setattr("reelkiln.store.memory.BEGUN_MAX", 2)
    begun = []

    def handle(segment_id):
        begun.append(segment_id)
        raise GivenBack

    engine.submit("poison")
    for turn in range(1, 4):
        with engine.run_worker(handle, 1):
            wait_for(lambda turn=turn: len(begun) >= turn)
    with engine.run_worker(handle, 1):
        assert engine.watch("poison", LONG) == "exhausted"
    assert len(begun) == 3


def test_a_second_worker_is_refused_at_once(engine):
    with (
        engine.run_worker(nothing, 1),
        pytest.raises(LockHeld, match="at work here already"),
        engine.run_worker(nothing, 1),
    ):
        pass
    with engine.run_worker(nothing, 1):
        pass


def test_nothing_to_take_over_where_nobody_died(engine):
    with engine.run_worker(nothing, 1):
        assert engine.take_over() == ()


def test_watching_ends_in_time(engine):
    engine.submit("a")
    assert engine.watch("a", 0.1) == "waiting"


def test_a_daily_time_strikes_once(engine):
    struck = []
    zone = ZoneInfo("Europe/Berlin")
    with engine.run_worker(nothing, 1):
        soon = datetime.now(zone) + timedelta(hours=2)
        engine.daily(
            "night", f"{soon.minute} {soon.hour} * * *", "Europe/Berlin", lambda: struck.append(1)
        )
        time.sleep(0.3)
    assert struck == []

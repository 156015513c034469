"""The four guards around DBOS, each where it would go wrong without, in real processes."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reelkiln.store.dbos_engine import VERSION, DbosEngine
from waiting import LONG, wait_for

CHILD = Path(__file__).with_name("engine_child.py")


@contextlib.contextmanager
def worker(folder, executor):
    process = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), executor], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def begun(folder):
    try:
        lines = (folder / "begun.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [line.split()[:2] for line in lines]


def rows(folder, columns, table="workflow_status"):
    with contextlib.closing(sqlite3.connect(folder / "engine.db")) as raw:
        return raw.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608


@pytest.fixture
def engine(tmp_path):
    one = DbosEngine(tmp_path, "gpu0")
    yield one
    one.close()


def test_one_process_per_executor(tmp_path):
    with worker(tmp_path, "gpu0"):
        wait_for(lambda: begun(tmp_path))
        with worker(tmp_path, "gpu0") as second:
            said, _ = second.communicate(timeout=LONG)
        assert second.returncode == 75
        assert "at work here already" in said
        time.sleep(0.3)
    assert begun(tmp_path) == [["of-gpu0", "gpu0"]]  # by one of them alone


def test_dead_executors_are_taken_over_and_living_ones_are_not(tmp_path, engine):
    ran = []
    with worker(tmp_path, "gpu1") as other:
        wait_for(lambda: begun(tmp_path))
        with engine.run_worker(ran.append, 1):
            assert engine.take_over() == ()
            other.kill()
            other.wait()
            assert engine.take_over() == ("of-gpu1",)
            assert engine.watch("of-gpu1", LONG) == "done"
            assert engine.take_over() == ()
    assert ran == ["of-gpu1"]


def test_another_version_of_the_code_goes_on_with_what_is_there(tmp_path, engine):
    with worker(tmp_path, "gpu0"):
        wait_for(lambda: begun(tmp_path))
    ran = []
    # Other code than the child's: DBOS's own version, a hash of it, would be another one.
    with engine.run_worker(lambda segment_id: ran.append(segment_id.upper()), 1):
        assert engine.watch("of-gpu0", LONG) == "done"
    assert ran == ["OF-GPU0"]
    assert rows(tmp_path, "application_version") == [(VERSION,)]


def test_only_ids_are_in_the_file_and_as_json(tmp_path, engine):
    engine.submit("a")
    with engine.run_worker(lambda _: None, 1):
        assert engine.watch("a", LONG) == "done"
    assert rows(tmp_path, "serialization") == [("portable_json",)]
    ((inputs,),) = rows(tmp_path, "inputs", "workflow_input")
    assert json.loads(inputs) == {"namedArgs": {}, "positionalArgs": ["a"]}
    assert b"pickle" not in (tmp_path / "engine.db").read_bytes()


def test_the_engines_clock_strikes_once_for_each_time_and_calls(tmp_path, engine):
    struck = []
    with engine.run_worker(lambda _: None, 1):
        engine.daily("night", "*/2 * * * * *", "Europe/Berlin", lambda: struck.append(1))
        wait_for(lambda: len(struck) >= 2)
        engine.daily("night", "0 20 * * *", "Europe/Berlin", lambda: struck.append(2))
    names = [name for (name,) in rows(tmp_path, "workflow_uuid")]
    assert len(names) == len(set(names)) >= 2, "one run for each time, named by it"
    assert set(struck) == {1}


def test_what_the_engine_holds_open_all_night_caches_little(tmp_path):
    engine = DbosEngine(tmp_path)
    engine.submit("a")
    with engine._client()._sys_db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -128
    engine.close()


HOLDER = """
import sys, time, filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(0.3)
"""


def test_a_lock_that_a_dead_worker_left_for_a_moment_is_waited_for(tmp_path, engine, monkeypatch):
    """As of a program that was being started when its worker was killed."""
    monkeypatch.setattr("reelkiln.store.dbos_engine.LOCK_SECONDS", LONG)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "executor-gpu0.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with engine.run_worker(lambda _: None, 1):
            pass

"""A shift: what waits is made, and every way in which it does not go smoothly ends in a row."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import pytest

from kiln.shifts import HereRenderer, ledger_in, queue, shift_in, states
from reelkiln.errors import DiskFull, GpuBusy, PlaceLost
from reelkiln.film.facts import probe
from reelkiln.film.names import companions
from reelkiln.kiln.hours import Span
from reelkiln.kiln.produce import FAILURES_MAX, Producer
from reelkiln.store.dbos_engine import DbosEngine
from reelkiln.store.memory import MemoryEngine
from reelkiln.store.queue import cancel, find_segment, retry
from reelkiln.store.running import claim
from reelkiln.store.segment import PREVIEW
from reelkiln.store.shifts import list_shifts, read_log, set_switch
from waiting import wait_for

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    with ledger_in(tmp_path) as one:
        yield one


def kinds(ledger):
    return [row.kind for row in read_log(ledger, since=LONG_AGO)]


def now():
    return datetime.now(UTC)


def in_background(shift):
    results = []
    thread = threading.Thread(target=lambda: results.append(shift.run()), daemon=True)
    thread.start()
    return thread, results


def test_what_waits_is_made_and_written_down(tmp_path, ledger):
    ids = queue(ledger, 2)
    end = shift_in(tmp_path, ledger).run()
    assert end.why == "nothing waits any more"
    assert sorted(end.delivered) == ids
    for one in ids:
        row = find_segment(ledger, one)
        movie = tmp_path / row.movie
        assert probe(movie).frames == 24
        sidecar = json.loads(companions(movie).sidecar.read_text(encoding="utf-8"))
        assert (sidecar["segment"], sidecar["sha256"]) == (one, row.sha256)
        assert sidecar["recipe"]["seconds"]["finish"] > 0
    assert list_shifts(ledger, since=LONG_AGO)[-1].why == "nothing waits any more"
    assert not list((tmp_path / ".reelkiln" / "scratch" / "segments").iterdir())


def test_a_preview_goes_before_the_batch_and_count_ends_the_shift(tmp_path, ledger):
    queue(ledger, 2)
    (preview,) = queue(ledger, 1, priority=PREVIEW)
    end = shift_in(tmp_path, ledger, count=1).run()
    assert (end.delivered, end.why) == ((preview,), "1 are done")
    assert list(states(ledger).values()).count("queued") == 2


def test_three_bad_takes_are_parked_with_the_best_one_kept(tmp_path, ledger):
    (one,) = queue(ledger, 1, models=("black",))
    end = shift_in(tmp_path, ledger).run()
    row = find_segment(ledger, one)
    assert (end.parked, row.state) == ((one,), "parked")
    assert "black" in row.reason
    assert row.kept == f"reels/{one}.refused.mp4"
    assert probe(tmp_path / row.kept).frames == 24
    assert not (tmp_path / row.movie).exists()
    retry(ledger, one, now=now())
    assert shift_in(tmp_path, ledger).run().parked == (one,)


@pytest.mark.parametrize(
    ("bad", "says"),
    [("far", "not on this disk"), ("gone", "no such model"), ("odd", "no picture called")],
)
def test_the_next_model_is_taken_and_that_is_said_everywhere(tmp_path, ledger, bad, says):
    (one,) = queue(ledger, 1, models=(bad, "second"))
    notes = []
    assert shift_in(tmp_path, ledger, notes=notes).run().delivered == (one,)
    row = find_segment(ledger, one)
    assert row.model == "second"
    sidecar = json.loads(companions(tmp_path / row.movie).sidecar.read_text(encoding="utf-8"))
    told = [said for said in (row.because, sidecar["recipe"]["chosen_because"])]
    told += [line.said for line in read_log(ledger, since=LONG_AGO) if line.kind == "fell_back"]
    told += [note for note in notes if "was taken because" in note]
    assert len(told) >= 4
    assert all(f"second was taken because {bad}: " in said and says in said for said in told), told
    failures = FAILURES_MAX if bad == "odd" else 0
    assert len(row.failures) == failures


def test_where_no_model_can_a_person_is_asked(tmp_path, ledger):
    (one,) = queue(ledger, 1, models=("far", "gone"))
    assert shift_in(tmp_path, ledger).run().parked == (one,)
    reason = find_segment(ledger, one).reason
    assert "no accepted model" in reason and "far: " in reason and "gone: " in reason


def test_a_paused_queue_stops_within_a_step_and_goes_on(tmp_path, ledger):
    (one,) = queue(ledger, 1, models=("slow",))
    thread, results = in_background(shift_in(tmp_path, ledger))
    wait_for(lambda: find_segment(ledger, one).phase == "denoise")
    set_switch(ledger, "paused", "a game", now=now())
    wait_for(lambda: "paused" in kinds(ledger))
    time.sleep(0.5)
    assert thread.is_alive() and states(ledger)[one] == "running"
    set_switch(ledger, "paused", "", now=now())
    thread.join(60)
    assert results[0].delivered == (one,)
    assert kinds(ledger) == ["paused", "resumed"]


def test_a_cancelled_clip_stops_and_leaves_nothing(tmp_path, ledger):
    ids = queue(ledger, 2, models=("slow",))
    thread, results = in_background(shift_in(tmp_path, ledger))

    def at_work():  # either may come first
        return [one for one in ids if find_segment(ledger, one).phase == "denoise"]

    wait_for(at_work)
    (one,) = at_work()
    (other,) = set(ids) - {one}
    assert cancel(ledger, one, now=now()) == "running"
    assert cancel(ledger, other, now=now()) in ("running", "cancelled")
    thread.join(60)
    assert states(ledger) == {one: "cancelled", other: "cancelled"}
    assert not list(tmp_path.glob("reels/*"))
    assert not list((tmp_path / ".reelkiln" / "scratch" / "segments").iterdir())
    assert one in results[0].cancelled


def test_a_stopped_shift_gives_back_and_the_next_goes_on(tmp_path, ledger):
    (one,) = queue(ledger, 1, models=("slow",))
    engine, first = MemoryEngine(), None
    first = shift_in(tmp_path, ledger, engine=engine)
    thread, _ = in_background(first)
    wait_for(lambda: find_segment(ledger, one).phase == "denoise")
    first.terms = type(first.terms)(until=now())
    thread.join(30)
    row = find_segment(ledger, one)
    assert (row.state, row.reason) == ("queued", "the shift ended; it goes on with the next one")
    assert shift_in(tmp_path, ledger, engine=engine).run().delivered == (one,)


def test_what_does_not_fit_before_the_end_is_not_begun(tmp_path, ledger):
    (one,) = queue(ledger, 1, estimate=3600.0)
    end = shift_in(tmp_path, ledger, until=now() + timedelta(minutes=5)).run()
    assert end.why.startswith("nothing more can be done until")
    assert states(ledger) == {one: "queued"}


def test_quiet_hours_hold_and_are_told(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    all_day = (Span(clock_time(0, 0), clock_time(23, 59)),)
    end = shift_in(tmp_path, ledger, quiet=all_day, until=now() + timedelta(seconds=1)).run()
    if datetime.now().time() < clock_time(23, 59):
        assert states(ledger) == {one: "queued"}
        assert kinds(ledger)[0] == "waited"
    assert end.delivered == ()


class Failing(HereRenderer):
    """Raises these errors one after another, then renders."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)

    def render(self, order, folder, watch):
        if self.errors:
            raise self.errors.pop(0)
        return super().render(order, folder, watch)


def test_a_busy_gpu_is_waited_for(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    busy = GpuBusy("another program holds the GPU")
    end = shift_in(tmp_path, ledger, renderer=Failing(busy, busy), gpu_seconds=0.1).run()
    assert end.delivered == (one,)
    assert kinds(ledger) == ["waited"]
    assert find_segment(ledger, one).failures == ()


def test_a_renderer_that_dies_is_replaced_and_counted(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    lost = PlaceLost("the process that renders is gone")
    assert shift_in(tmp_path, ledger, renderer=Failing(lost, lost)).run().delivered == (one,)
    assert len(find_segment(ledger, one).failures) == 2
    (two,) = queue(ledger, 1)
    assert shift_in(tmp_path, ledger, renderer=Failing(lost, lost, lost)).run().parked == (two,)


def test_a_mistake_of_ours_ends_one_clip_and_not_the_shift(tmp_path, ledger):
    ids = queue(ledger, 2)
    end = shift_in(tmp_path, ledger, renderer=Failing(KeyError("oops"))).run()
    assert sorted(end.parked + end.delivered) == ids
    assert "a mistake in reelkiln: KeyError" in find_segment(ledger, *end.parked).reason


def test_a_full_disk_ends_the_shift_and_loses_nothing(tmp_path, ledger):
    ids = queue(ledger, 2)
    engine = MemoryEngine()
    with pytest.raises(DiskFull):
        shift_in(tmp_path, ledger, engine=engine, renderer=Failing(DiskFull("no room"))).run()
    assert set(states(ledger).values()) == {"queued"}
    assert sorted(shift_in(tmp_path, ledger, engine=engine).run().delivered) == ids


def test_no_room_on_the_disk_is_seen_before_it_is_full(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    with pytest.raises(DiskFull, match="nearly full"):
        shift_in(tmp_path, ledger, room_min=2**60).run()
    assert states(ledger)[one] == "queued"


def test_a_film_in_its_place_is_taken_and_not_made_twice(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    shift_in(tmp_path, ledger).run()
    with ledger.transaction() as connection:  # as if the power went before the row was written
        from sqlalchemy import text

        connection.execute(text("DELETE FROM takes"))
        connection.execute(text("DELETE FROM deliveries"))
        connection.execute(text("UPDATE segments SET state = 'queued'"))
    movie = tmp_path / find_segment(ledger, one).movie
    before = movie.stat().st_mtime_ns
    renderer = HereRenderer()
    assert shift_in(tmp_path, ledger, renderer=renderer).run().delivered == (one,)
    assert (renderer.rendered, movie.stat().st_mtime_ns) == ([], before)


def test_takes_that_lie_there_are_not_rendered_twice(tmp_path, ledger, monkeypatch):
    (one,) = queue(ledger, 1)
    with monkeypatch.context() as broken:
        broken.setattr(Producer, "_finish", lambda *_: 1 / 0)
        assert shift_in(tmp_path, ledger).run().parked == (one,)
    retry(ledger, one, now=now())
    renderer = HereRenderer()
    assert shift_in(tmp_path, ledger, renderer=renderer).run().delivered == (one,)
    assert renderer.rendered == []
    row = find_segment(ledger, one)
    assert Path(tmp_path / row.movie).is_file()


def test_what_lies_there_of_a_clip_that_ended_is_tidied_at_the_start(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    shift_in(tmp_path, ledger).run()
    left = tmp_path / ".reelkiln" / "scratch" / "segments" / one
    left.mkdir()
    (left / "7-0.npy").write_bytes(b"x")
    shift_in(tmp_path, ledger).run()
    assert not left.exists()


class GaveUp(MemoryEngine):
    """An engine that has begun every segment too often already."""

    def status(self, segment_id):
        return "exhausted"


def test_what_is_parked_for_dead_workers_leaves_nothing(tmp_path, ledger):
    (one,) = queue(ledger, 1)
    claim(ledger, "gpu0", 1, now=now())  # by a worker that died with it in hands
    left = tmp_path / ".reelkiln" / "scratch" / "segments" / one
    left.mkdir(parents=True)
    (left / "7-0.npy").write_bytes(b"x")
    shift_in(tmp_path, ledger, engine=GaveUp()).run()
    row = find_segment(ledger, one)
    assert (row.state, "again and again" in row.reason) == ("parked", True)
    assert not left.exists()


def test_on_dbos_too(tmp_path, ledger):
    ids = queue(ledger, 2)
    engine = DbosEngine(tmp_path / ".reelkiln")
    assert sorted(shift_in(tmp_path, ledger, engine=engine).run().delivered) == ids
    assert [engine.status(one) for one in ids] == ["done", "done"]
    retry_of = queue(ledger, 1, models=("black",))
    shift_in(tmp_path, ledger, engine=engine).run()
    retry(ledger, retry_of[0], now=now())
    assert shift_in(tmp_path, ledger, engine=engine).run().parked == tuple(retry_of)
    engine.close()

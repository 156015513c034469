"""The queue's rows: each change of state once, from the state it names."""

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UnknownName, UsageError
from reelkiln.reel import Take, Verdict
from reelkiln.store.ledger import open_ledger
from reelkiln.store.queue import (
    NewSegment,
    add_order,
    cancel,
    count_states,
    find_segment,
    list_segments,
    move,
    planned_movies,
    retry,
)
from reelkiln.store.running import (
    claim,
    give_back,
    mark_cancelled,
    mark_phase,
    note_failure,
    park,
    running_of,
    take_over,
    wanted_of,
)
from reelkiln.store.segment import PREVIEW, SegmentRow, in_line, rank
from reelkiln.store.shifts import (
    begin_shift,
    end_shift,
    list_shifts,
    log_shift,
    phases_since,
    read_log,
    read_switch,
    seen,
    set_switch,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as one:
        yield one


def order(ledger, names, order_id="o1", **more):
    segments = [NewSegment(id=name, work="{}", movie=f"{name}.mp4", **more) for name in names]
    add_order(ledger, order_id, "week.yaml", segments, now=NOON)


def ids(rows):
    return [row.id for row in rows]


def deliver(ledger, name, sha="f" * 64):
    return ledger.record_delivery(
        sha256=sha, recipe_digest="d" * 64, recipe="{}", path=f"{name}.mp4", takes=(TAKE,),
        now=LATER, model="null", segment_id=name, seconds={"denoise": 2.5, "decode": 1.0},
    )  # fmt: skip


TAKE = Take(segment=0, attempt=1, seed=7, path="", sha256="ab", verdict=Verdict(True))


def test_an_order_waits_in_its_order_behind_what_waits_already(ledger):
    order(ledger, "ab")
    order(ledger, "cd", "o2")
    assert ids(list_segments(ledger)) == list("abcd")
    row = find_segment(ledger, "a")
    assert (row.state, row.queued_at, row.movie, row.ended) == ("queued", NOON, "a.mp4", False)
    assert planned_movies(ledger) == {"a.mp4", "b.mp4", "c.mp4", "d.mp4"}


def test_an_order_is_written_whole_or_not_at_all(ledger):
    order(ledger, "a")
    with pytest.raises(UsageError, match=r"a\.mp4"):
        add_order(
            ledger, "o2", "x", [NewSegment(id="b", work="{}", movie="b.mp4"),
                                NewSegment(id="c", work="{}", movie="a.mp4")], now=NOON,
        )  # fmt: skip
    assert ids(list_segments(ledger)) == ["a"]
    with pytest.raises(UsageError, match="an order o1"):
        order(ledger, "z")
    with pytest.raises(UnknownName, match="no segment"):
        find_segment(ledger, "b")


def test_previews_and_the_nearest_deadline_go_first_whatever_the_zone(ledger):
    order(ledger, ["late"], "o1", deadline=NOON + timedelta(hours=3))
    order(ledger, ["never"], "o2")
    # 16:30 in India is 11:00 in UTC: before 15:00.
    india = timezone(timedelta(hours=5, minutes=30))
    order(ledger, ["soon"], "o3", deadline=datetime(2026, 5, 1, 18, tzinfo=india))
    order(ledger, ["preview"], "o4", priority=PREVIEW)
    assert ids(claim(ledger, "gpu0", 3, now=NOON)) == ["preview", "soon", "late"]
    assert ids(claim(ledger, "gpu1", 3, now=NOON)) == ["never"]
    assert claim(ledger, "gpu1", 3, now=NOON) == ()
    assert ids(running_of(ledger, "gpu1")) == ["never"]
    assert len(running_of(ledger)) == 4


def test_a_delivery_is_written_once_with_takes_and_seconds(ledger):
    order(ledger, "ab")
    claim(ledger, "gpu0", 1, now=NOON)
    first = deliver(ledger, "a")
    assert deliver(ledger, "a", sha="e" * 64) == first
    row = find_segment(ledger, "a")
    assert (row.state, row.sha256, row.ended_at, row.model) == (
        "delivered",
        "f" * 64,
        LATER,
        "null",
    )
    assert ledger.find_delivery(sha256="e" * 64) is None
    assert len(ledger.takes_of(first)) == 1
    assert phases_since(ledger, since=NOON) == {"a": {"denoise": 2.5, "decode": 1.0}}
    with pytest.raises(UsageError, match="delivered already"):
        cancel(ledger, "a", now=LATER)


def test_cancelling_is_at_once_for_who_waits_and_asked_of_who_runs(ledger):
    order(ledger, "ab")
    claim(ledger, "gpu0", 1, now=NOON)
    assert cancel(ledger, "b", now=NOON) == "cancelled"
    assert cancel(ledger, "a", now=NOON) == "running"
    assert wanted_of(ledger, "gpu0") == ("a",)
    mark_cancelled(ledger, "a", now=LATER)
    assert count_states(ledger)["cancelled"] == 2
    retry(ledger, "a", now=LATER)
    row = find_segment(ledger, "a")
    assert (row.state, row.wanted, row.ended_at) == ("queued", "", None)
    with pytest.raises(UsageError, match="is queued"):
        retry(ledger, "a", now=LATER)


def test_the_first_word_about_an_end_stands(ledger):
    order(ledger, "a")
    claim(ledger, "gpu0", 1, now=NOON)
    note_failure(ledger, "a", "big", "does not fit")
    assert note_failure(ledger, "a", "small", "black") == ("big: does not fit", "small: black")
    park(ledger, "a", "no take is good", kept="a.refused.mp4", takes=(TAKE,), now=LATER)
    park(ledger, "a", "something else", takes=(TAKE,), now=LATER)
    mark_cancelled(ledger, "a", now=LATER)
    row = find_segment(ledger, "a")
    assert (row.state, row.reason, row.kept) == ("parked", "no take is good", "a.refused.mp4")
    retry(ledger, "a", now=LATER)
    assert find_segment(ledger, "a").failures == ()


def test_giving_back_keeps_the_place_in_line(ledger):
    order(ledger, "abc")
    claim(ledger, "gpu0", 2, now=NOON)
    mark_phase(ledger, "a", "denoise", model="null", because="you asked")
    assert find_segment(ledger, "a").phase == "denoise"
    give_back(ledger, "a", "the queue is paused")
    take_over(ledger, ("a", "b"), "gpu1")
    assert [row.executor for row in running_of(ledger)] == ["gpu1"]
    assert ids(list_segments(ledger, states=("queued",))) == ["a", "c"]
    assert find_segment(ledger, "a").runs == 1


def test_moving_in_front_of_any_other(ledger):
    names = [f"s{n}" for n in range(12)]
    order(ledger, names[:6])
    order(ledger, names[6:9], "o2", deadline=LATER)
    order(ledger, names[9:], "o3", priority=PREVIEW)
    rng = random.Random(4)
    expected = ids(list_segments(ledger))
    for _ in range(60):
        one, before = rng.sample(names, 2)
        move(ledger, one, before=before)
        expected.remove(one)
        expected.insert(expected.index(before), one)
        assert ids(list_segments(ledger)) == expected
    move(ledger, names[5])
    assert ids(list_segments(ledger))[0] == names[5]
    claim(ledger, "gpu0", 1, now=NOON)
    with pytest.raises(UsageError, match="is running"):
        move(ledger, names[5])


def test_what_ended_before_a_moment_is_left_out(ledger):
    order(ledger, "ab")
    claim(ledger, "gpu0", 1, now=NOON)
    deliver(ledger, "a")
    assert ids(list_segments(ledger, since=LATER)) == ["a", "b"]
    assert ids(list_segments(ledger, since=LATER + timedelta(seconds=1))) == ["b"]
    assert ids(list_segments(ledger, states=("delivered", "parked"))) == ["a"]


def test_a_shift_and_its_log(ledger):
    shift = begin_shift(ledger, "gpu0", now=NOON)
    log_shift(ledger, "slept", "the machine slept", at=NOON, until=LATER, shift_id=shift)
    log_shift(ledger, "paused", "a person did", at=NOON)
    assert [row.kind for row in read_log(ledger, since=LATER)] == ["slept"]
    assert [row.kind for row in read_log(ledger, since=NOON)] == ["slept", "paused"]
    seen(ledger, shift, now=LATER)
    assert list_shifts(ledger, since=LATER)[0].ended_at is None
    end_shift(ledger, shift, "all is done", now=LATER)
    assert [(row.why, row.ended_at) for row in list_shifts(ledger, since=NOON)] == [
        ("all is done", LATER)
    ]


def test_a_switch_is_seen_until_it_is_turned_off(ledger):
    assert read_switch(ledger, "paused") == ""
    set_switch(ledger, "paused", "a person did", now=NOON)
    assert read_switch(ledger, "paused") == "a person did"
    set_switch(ledger, "paused", "", now=NOON)
    assert read_switch(ledger, "paused") == ""


@given(
    st.lists(
        st.tuples(
            st.integers(-5, 200),
            st.none() | st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC)),
            st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_ranks_sort_as_the_line_does(places):
    rows = [
        SegmentRow(*[None] * 4, priority, position, deadline, *[None] * 19)
        for priority, deadline, position in places
    ]
    assert sorted(rows, key=rank) == sorted(rows, key=in_line)

"""A lane: several orders together, stage by stage, none of them lost to another's fate."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby

import pytest

from kiln.nulls import LED
from kiln.orders import null_order
from reelkiln.errors import Cancelled, PlaceLost, UsageError
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.kiln.watch import Watch
from waiting import LONG, wait_for


@pytest.fixture(scope="module")
def lane(tmp_path_factory):
    made = LaneRenderer(tmp_path_factory.mktemp("latents"), batch=4)
    yield made
    made.close()


class Story:
    """Renders orders at once, each in its own thread, and remembers what was told, in order."""

    def __init__(self, lane, folder):
        self.lane, self.folder = lane, folder
        self.told, self.last = [], {}
        self.act = lambda name, progress: None
        self._pool = ThreadPoolExecutor(8)
        self._lock = threading.Lock()

    def begin(self, order):
        place = self.folder / order.id
        place.mkdir()
        return self._pool.submit(self.lane.render, order, place, Watch(self._watch(order.id)))

    def _watch(self, name):
        def tell(progress):
            if progress.phase != "wait":
                with self._lock:
                    mark = (name, progress.phase, progress.done)
                    if self.last.get(name) != mark:  # a caller is told again while nothing is new
                        self.last[name] = mark
                        self.told.append(mark)
            self.act(name, progress)

        return tell

    def steps(self, name, phase="denoise"):
        return sum(1 for one, at, done in self.told if (one, at) == (name, phase) and done)


def orders(count, seed, **schedule):
    return [null_order(f"s{seed + n}", seed=seed + n, **schedule) for n in range(count)]


def test_all_are_denoised_before_the_first_is_decoded(lane, tmp_path):
    first, story = Story(lane, tmp_path), Story(lane, tmp_path)
    (before,) = orders(1, 99, step_seconds=2.0)
    busy = first.begin(before)
    wait_for(lambda: first.told)
    # They stand in line together, and are one batch, because the lane is at work.
    in_line = set()
    story.act = lambda name, progress: in_line.add(name)
    results = [story.begin(one) for one in orders(3, 100)]
    wait_for(lambda: len(in_line) == 3)
    assert not busy.done()
    assert busy.result(LONG).chosen
    assert all(one.result(LONG).chosen for one in results)
    phases = [phase for _, phase, done in story.told if phase in ("denoise", "decode")]
    assert phases.index("decode") > max(n for n, p in enumerate(phases) if p == "denoise")
    assert [name for name, phase, _ in story.told if phase == "load"] == ["s100"] * 2
    latents = {key for one in results for key in one.result().latents}
    assert len(latents) == 3


def test_two_that_are_told_alike_are_both_made_and_denoised_once(lane, tmp_path):
    story = Story(lane, tmp_path)
    (one,) = orders(1, 105)
    results = [story.begin(one), story.begin(replace(one, id="twin"))]
    first, second = (result.result(LONG).chosen[0].sha256 for result in results)
    assert first == second
    assert story.steps("s105") + story.steps("twin") == 2


def test_one_that_is_given_up_costs_the_others_nothing(lane, tmp_path):
    story = Story(lane, tmp_path)

    def act(name, progress):
        if name == "s111" and progress.phase == "denoise" and progress.done:
            raise Cancelled("a person cancelled it")

    story.act = act
    first, second, third = [story.begin(one) for one in orders(3, 110, step_seconds=0.3)]
    assert first.result(LONG).chosen and third.result(LONG).chosen
    with pytest.raises(Cancelled):
        second.result(LONG)
    assert story.steps("s110") == 2, "what was denoised is never denoised again"


def test_one_whose_start_picture_is_gone_costs_the_others_nothing(lane, tmp_path):
    story = Story(lane, tmp_path)
    one, other, third = orders(3, 120, reach=LED)
    gone = str(tmp_path / "gone.png")
    first, *rest = other.plan.segments
    plan = replace(other.plan, segments=(replace(first, image=gone), *rest))
    other = replace(other, shot=replace(other.shot, image=gone), plan=plan)
    results = [story.begin(each) for each in (one, other, third)]
    with pytest.raises(UsageError, match="no such file"):
        results[1].result(LONG)
    assert results[0].result(LONG).chosen
    assert results[2].result(LONG).chosen


def test_an_urgent_one_goes_first_and_the_batch_goes_on_from_what_it_had(lane, tmp_path):
    story = Story(lane, tmp_path)
    ended = []
    results = [story.begin(one) for one in orders(3, 120, step_seconds=0.3)]
    wait_for(lambda: story.steps("s120") >= 2)
    (preview,) = orders(1, 125, step_seconds=0.3)
    urgent = story.begin(replace(preview, urgent=True))
    for one in (urgent, *results):
        one.add_done_callback(ended.append)
    assert urgent.result(LONG).chosen
    assert all(one.result(LONG).chosen for one in results)
    assert ended[0] is urgent
    assert story.steps("s120") == 2


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_a_child_that_dies_takes_one_and_the_others_stand_in_line_again(lane, tmp_path):
    story = Story(lane, tmp_path)
    killed = []

    def act(name, progress):
        if name == "s131" and progress.phase == "denoise" and not killed:
            killed.append(name)
            (pid,) = lane.pids()
            os.kill(pid, signal.SIGKILL)

    story.act = act
    first, second, third = [story.begin(one) for one in orders(3, 130, step_seconds=0.3)]
    assert first.result(LONG).chosen and third.result(LONG).chosen
    with pytest.raises(PlaceLost, match="ended by SIGKILL"):
        second.result(LONG)
    assert story.steps("s130") == 2


def test_another_model_waits_for_its_own_batch(lane, tmp_path):
    story = Story(lane, tmp_path)
    (one,), (two,) = orders(1, 140), orders(1, 141)
    other = replace(two, card=replace(two.card, title="another"))
    assert all(future.result(LONG).chosen for future in (story.begin(one), story.begin(other)))
    loads = [name for name, phase, _ in story.told if phase == "load"]
    assert set(loads) == {"s140", "s141"}


def test_what_stands_against_all_of_a_batch_is_told_to_each(lane, tmp_path):
    story = Story(lane, tmp_path)
    bad = [replace(one, weights_digest="0" * 64) for one in orders(2, 150)]
    for future in [story.begin(one) for one in bad]:
        with pytest.raises(Exception, match="not those of the desk"):
            future.result(LONG)


def test_nobody_is_left_waiting_when_it_is_closed(tmp_path):
    lane = LaneRenderer(tmp_path / "latents", batch=2)
    story = Story(lane, tmp_path)
    (one,) = orders(1, 160, step_seconds=5.0)
    future = story.begin(one)
    wait_for(lambda: story.told)
    lane.close()
    with pytest.raises(PlaceLost):
        future.result(LONG)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two lanes at work; the names of their GPUs mean nothing here."""
    made = LaneRenderer(tmp_path_factory.mktemp("latents"), ("0", "1"), batch=4)
    warm = Story(made, tmp_path_factory.mktemp("warm"))
    for one in [warm.begin(one) for one in orders(8, 190)]:
        one.result(LONG)
    yield made
    made.close()


def places(results):
    return sorted(one.result(LONG).place for one in results)


def test_two_lanes_share_the_line_and_each_goes_stage_by_stage(two, tmp_path):
    story = Story(two, tmp_path)
    results = [story.begin(one) for one in orders(8, 200, step_seconds=0.2)]
    assert two.width == 8
    # Four each where both run alike; a lane that the system lets wait gives up a share.
    assert all(places(results).count(lane) >= 2 for lane in ("gpu 0", "gpu 1"))
    where = {one.result().chosen[0].seed: one.result().place for one in results}
    turns = []
    for lane in ("gpu 0", "gpu 1"):
        mine = [f"s{seed}" for seed, at in where.items() if at == lane]
        phases = [phase for name, phase, done in story.told if name in mine and done]
        turns += [phase for phase, _ in groupby(p for p in phases if p in ("denoise", "decode"))]
    # A batch each, or some more where they came by and by or a share was given up; clip by clip
    # there were eight.
    assert turns.count("decode") <= 4
    # Of what is given up, one clip was half denoised at most.
    assert sum(phase == "denoise" and done > 0 for _, phase, done in story.told) <= 16 + 2


def test_a_lane_with_nothing_to_do_gets_a_share_of_the_others_batch(two, tmp_path):
    story = Story(two, tmp_path)
    (quick,) = orders(1, 210, step_seconds=0.2)
    quick = replace(quick, card=replace(quick.card, title="another"))
    first = story.begin(quick)
    wait_for(lambda: story.told)
    results = [story.begin(one) for one in orders(4, 211, step_seconds=0.8)]
    assert first.result(LONG).chosen
    assert set(places(results)) == {"gpu 0", "gpu 1"}
    # What was half denoised when the batch was shared begins again, and nothing else: one clip of
    # two steps.
    assert sum(story.steps(f"s{n}") for n in range(211, 215)) <= 2 * 4 + 2


def test_an_urgent_order_stops_one_lane_and_not_both(two, tmp_path):
    story = Story(two, tmp_path)
    results = [story.begin(one) for one in orders(4, 220, step_seconds=0.4)]
    wait_for(lambda: len({name for name, phase, _ in story.told if phase == "denoise"}) >= 2)
    (preview,) = orders(1, 229)
    urgent = story.begin(replace(preview, urgent=True))
    assert urgent.result(LONG).chosen
    assert not any(one.done() for one in results)
    stopped = sum(story.steps(f"s{n}") for n in range(220, 224))
    places(results)
    again = sum(story.steps(f"s{n}") for n in range(220, 224))
    assert stopped <= 8 and again <= 8 + 1


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_the_death_of_one_lanes_child_is_nothing_to_the_other(two, tmp_path):
    story = Story(two, tmp_path)
    killed = []

    def act(name, progress):
        if progress.phase == "denoise" and not killed:
            killed.append(name)
            # The other lane may be at work too: whose child it is shows in who is lost.
            os.kill(two.pids()[0], signal.SIGKILL)

    story.act = act
    results = {one.id: story.begin(one) for one in orders(4, 230, step_seconds=0.4)}
    lost = [name for name, one in results.items() if isinstance(one.exception(LONG), PlaceLost)]
    assert len(lost) == 1
    assert len({pid for pid in two.pids() if pid}) == 2

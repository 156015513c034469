"""What a place owes the desk that has the ledger: memory that ran out, and no step done twice."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import psutil
import pytest

from kiln.nulls import GPU, NO_GPU
from kiln.orders import gpu_place, gpu_place_without_ram, null_order
from kiln.shifts import ledger_in, queue, shift_in
from reelkiln.errors import PlaceLost, PlanRefused
from reelkiln.kiln.bench import gpu_words
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.kiln.place import Task
from reelkiln.kiln.watch import RanOut, Watch
from reelkiln.plan.machine import GiB, imagine
from reelkiln.store.ran_out import recall
from reelkiln.store.shifts import read_log

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def renderer_of(kind, folder, **more):
    if kind == "lanes":
        return LaneRenderer(folder / "latents", batch=2, **more)
    return ChildRenderer(**more)


@pytest.fixture(params=["children", "lanes"])
def kind(request):
    return request.param


def told_of(renderer, order, folder):
    """What a render tells of memory, in the caller's thread; and how it ended."""
    told, mine = [], threading.get_ident()
    watch = Watch(on_ran_out=lambda what: told.append((what, threading.get_ident() == mine)))
    folder.mkdir()
    try:
        return told, renderer.render(order, folder, watch)
    except PlanRefused as error:
        return told, error


def test_memory_that_runs_out_is_told_to_the_desk(kind, tmp_path):
    order = null_order(machine=GPU, fits_from="streamed")
    with closing(renderer_of(kind, tmp_path, maker=gpu_place)) as renderer:
        told, done = told_of(renderer, order, tmp_path / "takes")
    assert done.plan.rung.residence == "streamed"
    assert told[0] == (RanOut(gpu_words(GPU), "null", order.plan.peak_bytes), True)
    assert [what.need for what, _ in told] == sorted({what.need for what, _ in told}, reverse=True)


def test_a_render_that_fails_for_want_of_memory_tells_it_too(kind, tmp_path):
    order = null_order(machine=GPU, fits_from="cpu")
    with closing(renderer_of(kind, tmp_path, maker=gpu_place_without_ram)) as renderer:
        told, refused = told_of(renderer, order, tmp_path / "takes")
    assert isinstance(refused, PlanRefused)
    assert told[0] == (RanOut(gpu_words(GPU), "null", order.plan.peak_bytes), True)


def test_memory_of_no_gpu_is_not_remembered(kind, tmp_path):
    order = null_order()
    with closing(renderer_of(kind, tmp_path)) as renderer:
        told, done = told_of(renderer, order, tmp_path / "takes")
    assert done.chosen
    assert told == []


class Noting:
    """A renderer that remembers how what it was asked for was planned."""

    width = 1
    machine = None

    def __init__(self, renderer):
        self.renderer, self.planned = renderer, []
        self.close = renderer.close

    def render(self, order, folder, watch):
        self.planned.append(order.plan)
        return self.renderer.render(order, folder, watch)


def test_a_shift_plans_by_what_its_last_clip_ran_out_of(kind, tmp_path):
    with ledger_in(tmp_path) as ledger:
        plans = []
        for _ in range(2):
            (one,) = queue(ledger, 1, models=("tight",))
            renderer = Noting(renderer_of(kind, tmp_path, maker=gpu_place))
            shift = shift_in(tmp_path, ledger, renderer=renderer, machine=GPU)
            assert shift.run().delivered == (one,)
            plans += renderer.planned
        first, second = plans
        assert (first.rung.residence, second.rung.residence) == ("resident", "streamed")
        least = recall(ledger, gpu=gpu_words(GPU), now=datetime.now(UTC))["tight"]
        assert second.peak_bytes < least <= first.peak_bytes


def test_a_place_killed_after_denoising_never_denoises_again(kind, tmp_path):
    takes, phases = tmp_path / "takes", []
    takes.mkdir()
    order = null_order(step_seconds=0.1)

    def kill_at_decode(progress):
        if progress.phase == "decode":
            (pid,) = renderer.pids()
            psutil.Process(pid).kill()
            raise PlaceLost("killed")

    with closing(renderer_of(kind, tmp_path)) as renderer:
        with pytest.raises(PlaceLost):
            renderer.render(order, takes, Watch(kill_at_decode))
        done = renderer.render(order, takes, Watch(lambda now: phases.append(now.phase)))
    assert done.chosen
    assert "decode" in phases
    assert "denoise" not in phases


BIG = imagine(vram=24 * GiB, ram=64 * GiB)


def planned(order, place):
    notes = []
    return place._fitting(order, notes.append), notes


def test_a_place_with_another_gpu_plans_for_its_own():
    order = replace(null_order(machine=GPU), planned_for=gpu_words(GPU))
    same, notes = planned(order, gpu_place("here", None, GPU))
    assert (same, notes) == (order.plan, [])
    plan, notes = planned(order, gpu_place("there", None, BIG))
    assert plan.because[-1] == "planned anew for there"
    assert "planned anew for there" in notes[0]


def test_a_desk_without_a_gpu_does_not_keep_the_others_on_their_processors():
    order = replace(null_order(machine=NO_GPU), planned_for=gpu_words(NO_GPU))
    assert order.plan.device == "cpu"
    assert planned(order, gpu_place("there", None, GPU))[0].device == "cuda"
    assert planned(order, gpu_place("there", None, NO_GPU))[0] == order.plan


def test_what_ran_out_of_a_gpu_far_away_comes_along():
    order = replace(null_order(machine=NO_GPU), planned_for=gpu_words(NO_GPU))
    first, _ = planned(order, gpu_place("there", None, GPU))
    told = replace(order, ran_out={gpu_words(GPU): first.peak_bytes})
    second, _ = planned(told, gpu_place("there", None, GPU))
    assert second.peak_bytes < first.peak_bytes
    other = replace(order, ran_out={gpu_words(BIG): 1})
    assert planned(other, gpu_place("there", None, GPU))[0].rung == first.rung


def test_memory_that_ran_out_is_told_in_the_morning(kind, tmp_path):
    with ledger_in(tmp_path) as ledger:
        queue(ledger, 1, models=("tight",))
        renderer = renderer_of(kind, tmp_path, maker=gpu_place)
        shift_in(tmp_path, ledger, renderer=renderer, machine=GPU).run()
        said = [row.said for row in read_log(ledger, since=LONG_AGO) if row.kind == "memory"]
    assert said and all("ran out of the memory of a GPU of 8 GiB" in line for line in said)


def test_an_order_that_a_smaller_place_cannot_render_ends_alone(tmp_path):
    """Two GPUs of one computer are not always alike: the others of its batch are rendered."""
    tiny = replace(GPU, vram_total=GiB, vram_free=GiB, ram_free=2 * GiB)
    fits = replace(null_order("fits", machine=GPU), planned_for=gpu_words(tiny))
    large = replace(null_order("large", machine=GPU), planned_for=gpu_words(GPU))
    with closing(gpu_place("small", None, tiny)) as place:
        tasks = [Task(order, tmp_path, Watch()) for order in (large, fits)]
        done = dict(place.render_all(tasks, tmp_path / "latents"))
    assert isinstance(done[0], PlanRefused)
    assert done[1].chosen

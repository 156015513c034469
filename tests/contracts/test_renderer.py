"""What every Renderer owes the shift. Real processes, real kills."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import numpy as np
import psutil
import pytest

from fleet_ground import fleet
from kiln.orders import null_order
from reelkiln.errors import GateRefused, PlaceLost, RenderFailed, WeightsBroken
from reelkiln.film.take import read_take
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.fleet import FleetRenderer
from reelkiln.kiln.lanes import LaneRenderer
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Watch

SILENT = Watch()
FLEET = pytest.param("fleet", marks=pytest.mark.fleet)
# The system's answer to too much memory, and a crash of native code. Windows has one way to die.
DEATHS = (signal.SIGTERM,) if os.name == "nt" else (signal.SIGKILL, signal.SIGSEGV)


@pytest.fixture(scope="module", params=["children", "lanes", FLEET])
def ground(request, tmp_path_factory):
    """Two places that render at once, or one that renders two together; and how to see the
    processes that do."""
    if request.param != "fleet":
        latents = tmp_path_factory.mktemp("latents")
        lanes = request.param == "lanes"
        made = (
            LaneRenderer(latents, batch=2, patience=5.0)
            if lanes
            else ChildRenderer((None, None), patience=5.0)
        )
        yield made, lambda: [pid for pid in made.pids() if pid is not None]
        made.close()
        return
    with fleet(tmp_path_factory.mktemp("fleet"), nodes=2) as ships:
        made = FleetRenderer(ships.address, ships.token)
        yield made, ships.workers
        made.close()


@pytest.fixture
def renderer(ground):
    return ground[0]


@pytest.fixture
def whoever_renders(ground):
    return ground[1]


def render(renderer, order, folder, watch=SILENT):
    place = folder / order.id
    place.mkdir(exist_ok=True)
    return renderer.render(order, place, watch)


def pixels(take, folder):
    return np.concatenate([clip.frames for clip in read_take(folder, Fraction(8))])


def test_an_order_crosses_the_wall_unchanged():
    order = null_order(picture="moving")
    order = replace(order, palette=("#ff0000",), usual=({"luma": 3.0},), weights_digest="ab")
    assert RenderOrder.from_json(order.to_json()) == order


def test_the_takes_lie_in_the_folder_and_are_what_the_same_seed_gives_again(renderer, tmp_path):
    done = render(renderer, null_order("first"), tmp_path)
    (take,) = done.chosen
    assert take.verdict.kept
    assert [path.name for path in (tmp_path / "first").glob("*.npy")] == ["7-0.npy"]
    again = render(renderer, null_order("again"), tmp_path)
    assert again.chosen[0].sha256 == take.sha256
    assert np.array_equal(
        pixels(take, tmp_path / "first" / "7-0.npy"), pixels(take, again.chosen[0].path)
    )
    assert Rendered.from_json(done.to_json()) == done
    assert done.place and done.machine and done.seconds["denoise"] > 0
    assert done.fired().whole


def test_a_take_that_the_gate_refuses_comes_back_with_its_reasons(renderer, tmp_path):
    done = render(renderer, null_order("black", picture="black"), tmp_path)
    assert len(done.takes) == 3
    assert any("black" in reason for reason in done.refusals)
    assert any("refused" in note for note in done.notes)


def test_progress_and_notes_are_told_in_the_callers_thread(renderer, tmp_path):
    heard, notes = [], []
    mine = threading.get_ident()
    watch = Watch(lambda p: heard.append((p.phase, threading.get_ident() == mine)), notes.append)
    order = null_order("told", seed=21, step_seconds=0.7, picture="black")
    done = render(renderer, order, tmp_path, watch)
    assert "denoise" in {phase for phase, _ in heard}
    assert all(own for _, own in heard)
    # A fleet also tells which of its computers have come.
    assert tuple(notes)[-len(done.notes) :] == done.notes != ()


def test_errors_come_with_their_kind_and_hint(renderer, tmp_path):
    with pytest.raises(RenderFailed, match="no picture called") as caught:
        render(renderer, null_order("odd", picture="upside-down"), tmp_path)
    assert type(caught.value) is RenderFailed
    assert "moving" in caught.value.hint
    assert render(renderer, null_order("after"), tmp_path).chosen


def test_other_weights_than_the_desks_are_refused(renderer, tmp_path):
    with pytest.raises(WeightsBroken, match="not those of the desk"):
        render(renderer, replace(null_order("other"), weights_digest="0" * 64), tmp_path)


def test_as_many_orders_as_places_are_rendered_at_once(renderer, tmp_path):
    assert renderer.width == 2
    together = threading.Barrier(2, timeout=180)
    met = []

    def watch(number):
        def meet(progress):
            if progress.phase == "denoise" and number not in met:
                met.append(number)
                together.wait()

        return Watch(meet)

    def one(number):
        order = null_order(f"both-{number}", seed=number, step_seconds=0.7)
        return render(renderer, order, tmp_path, watch(number))

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(one, range(2)))
    assert sorted(met) == [0, 1]
    assert len({each.chosen[0].sha256 for each in done}) == 2


def test_what_the_watch_raises_stops_the_render_and_the_place_is_kept(
    renderer, whoever_renders, tmp_path
):
    render(renderer, null_order("warm"), tmp_path)
    before = set(whoever_renders())

    def stop(progress):
        if progress.phase == "denoise":
            raise GateRefused("enough")

    with pytest.raises(GateRefused, match="enough"):
        render(renderer, null_order("stopped", seed=22, step_seconds=1.0), tmp_path, Watch(stop))
    assert render(renderer, null_order("later"), tmp_path).chosen
    assert set(whoever_renders()) == before


def test_a_place_that_hangs_can_be_given_up(renderer, tmp_path):
    seen = []

    def stop(progress):
        seen.append(progress.phase)
        if seen.count("denoise") > 3:
            raise GateRefused("it hangs")

    with pytest.raises(GateRefused):
        render(renderer, null_order("hung", seed=23, step_seconds=600.0), tmp_path, Watch(stop))
    assert render(renderer, null_order("healed"), tmp_path).chosen


@pytest.mark.parametrize("how", DEATHS)
def test_a_place_that_dies_is_said_and_replaced(renderer, whoever_renders, tmp_path, how):
    render(renderer, null_order("alive"), tmp_path)
    killed = []

    def kill(progress):
        if progress.phase == "denoise" and not killed:
            killed.append(True)
            for pid in whoever_renders():
                os.kill(pid, how)

    with pytest.raises(PlaceLost, match="is gone") as caught:
        render(renderer, null_order("dies", seed=24 + how, step_seconds=0.5), tmp_path, Watch(kill))
    assert caught.value.hint
    assert render(renderer, null_order("reborn"), tmp_path).chosen


def test_closing_leaves_no_process(tmp_path):
    made = ChildRenderer()
    render(made, null_order("only"), tmp_path)
    (pid,) = made.pids()
    made.close()
    assert not psutil.pid_exists(pid)

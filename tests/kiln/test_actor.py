"""What an actor does without Ray: takes as bytes, pictures that come along, no litter."""

import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kiln.nulls import GPU
from kiln.orders import gpu_place, null_order
from reelkiln.kiln.actor import (
    Actor,
    pictures_of,
    sweep_scratch,
    unpack_take,
    with_pictures,
)
from reelkiln.kiln.bench import gpu_words
from reelkiln.kiln.renderer import Rendered
from reelkiln.kiln.seat import Seat
from reelkiln.kiln.watch import RanOut, Watch
from reelkiln.models.layout import cache_folder, latents_folder


def test_a_take_comes_back_with_every_pixel_and_no_path_of_the_other_computer():
    text, takes = Actor().render(json.dumps(null_order().to_json()), {})
    done = Rendered.from_json(json.loads(text)["rendered"])
    (take,) = done.chosen
    assert list(takes) == [take.path]
    assert Path(take.path).name == take.path
    unpack_take(takes[take.path], Path("here.npy"))
    _, packed = Actor().render(json.dumps(null_order("two").to_json()), {})
    unpack_take(packed[take.path], Path("there.npy"))
    assert Path("here.npy").read_bytes() == Path("there.npy").read_bytes()
    assert not list(Path(tempfile.gettempdir()).glob(f"reelkiln-take-*/{take.path}"))


class Nearby:
    """As much of Ray as a seat asks for, with the actor in this process."""

    class exceptions:
        RayActorError = ObjectLostError = RaySystemError = RayTaskError = RuntimeError

    def __init__(self, actor):
        self.render = self
        self.remote = actor.render

    def wait(self, answers, timeout):
        return answers, []

    def get(self, answer):
        return answer


def test_memory_that_ran_out_far_away_is_told_at_the_desk():
    actor = Actor()
    actor._place = gpu_place("there", None)
    ray = Nearby(actor)
    order, told = null_order(machine=GPU, fits_from="streamed"), []
    done = Seat(ray, ray).render(order, Path(), Watch(on_ran_out=told.append))
    assert done.plan.rung.residence == "streamed"
    assert told[0] == RanOut(gpu_words(GPU), "null", order.plan.peak_bytes)


def test_pictures_come_along_and_the_answer_names_the_desks():
    Path("start.png").write_bytes(b"a picture")
    order = null_order()
    name = str(Path("start.png"))
    order = with_pictures(replace(order, shot=replace(order.shot, image="x")), {"x": name})
    assert pictures_of(order) == (name,)
    text, _ = Actor().render(json.dumps(order.to_json()), {name: b"a picture"})
    assert "rendered" in json.loads(text), text
    assert "picture-0" not in text


def test_what_killed_actors_left_goes_after_a_day(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(Path.cwd()))
    for name, days in (("reelkiln-take-old", 2), ("reelkiln-take-new", 0), ("other", 9)):
        Path(name).mkdir()
        (Path(name) / "1.npy").write_bytes(b"x")
        os.utime(name, (time.time() - days * 86_400,) * 2)
    sweep_scratch(time.time())
    assert sorted(path.name for path in Path().iterdir()) == ["other", "reelkiln-take-new"]


def test_an_actor_killed_after_denoising_never_denoises_again():
    order, phases = json.dumps(null_order(seed=77).to_json()), []
    folder = latents_folder(cache_folder(None))
    before = set(folder.glob("*"))  # of other actors' last answers

    def dies(progress):
        if progress.phase == "decode":
            raise KeyboardInterrupt  # no clean-up of ours sees this, as with a kill

    first = Actor()
    first.hello()
    Path("a").mkdir()
    with pytest.raises(KeyboardInterrupt):
        first._render(order, {}, Path("a"), Watch(dies))
    second = Actor()
    second.hello()
    Path("b").mkdir()
    second._render(order, {}, Path("b"), Watch(lambda now: phases.append(now.phase)))
    assert "decode" in phases and "denoise" not in phases
    (kept,) = set(folder.glob("*")) - before
    second.render(json.dumps(null_order("next").to_json()), {})
    assert not kept.exists(), "gone with the next order"

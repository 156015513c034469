"""What the same render took the last time: the first clip of a process apart from further ones."""

from dataclasses import replace

from kiln.trials import report, trial
from reelkiln.kiln.bench import machine_words
from reelkiln.kiln.last_time import last_time
from reelkiln.models.cards import find_card
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot

MACHINE = imagine(vram=0, ram=16 * GiB)
SPARK = find_card("spark")
PLAN = plan_shot(Shot(prompt="a jar", model="spark"), SPARK, MACHINE)


def alike(**told):
    """A clip measured that was rendered as PLAN says."""
    return trial(
        model="spark", preset="standard", size=PLAN.size, frames=16, steps=PLAN.steps,
        device="cpu", dtype=PLAN.dtype, rung=str(PLAN.rung), **told,
    )  # fmt: skip


FIRST = alike(took={"load": 6.0, "encode": 1.0, "denoise": 4.0, "decode": 2.0})
FURTHER = alike(took={"denoise": 3.0, "decode": 2.0})


def told(*evenings):
    reports = [
        replace(report(*trials, when=when), machine=machine_words(MACHINE))
        for when, *trials in evenings
    ]
    return last_time(PLAN, MACHINE, None, reports)


def test_the_first_clip_of_a_process_and_a_further_one_stand_apart():
    for trials in ((FIRST, FURTHER), (FURTHER, FIRST)):
        last = told(("2026-11-02T09:00:00+00:00", *trials))
        assert (last.load, last.first, last.further) == (6.0, 7.0, 5.0)
    light = replace(FIRST, took={**FIRST.took, "load": 0.0})
    last = told(("2026-11-02T09:00:00+00:00", light, FURTHER))
    assert (last.load, last.first, last.further) == (0.0, 7.0, 5.0)
    only = told(("2026-11-02T09:00:00+00:00", FURTHER))
    assert (only.load, only.first, only.further) == (0.0, 0.0, 5.0)


def test_figures_of_two_days_are_not_told_as_of_one():
    old, new = "2026-11-01T09:00:00+00:00", "2026-11-02T09:00:00+00:00"
    last = told((old, FIRST), (new, FURTHER))
    assert (last.on, last.load, last.first, last.further) == (new, 0.0, 0.0, 5.0)
    last = told((old, FURTHER), (new, FIRST))
    assert (last.on, last.load, last.first, last.further) == (new, 6.0, 7.0, 0.0)

"""Plans go by what was measured on this machine, where something was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.models.cards import find_card
from reelkiln.plan.calibration import Calibration, Measured
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot

CARD = find_card("epicrealism")
SHOT = Shot(prompt="a jar", model="epicrealism")
SMALL = imagine(vram=4 * GiB, ram=16 * GiB)
factor = st.floats(0.5, 4)


def told(machine, **factors):
    known = {"epicrealism/cuda": Measured(on="2026-11-26", **factors)}
    return replace(machine, measured=Calibration(models=known))


def test_seconds_and_bytes_follow_what_was_measured_and_the_plan_says_so():
    plain = plan_shot(SHOT, CARD, SMALL)
    plan = plan_shot(SHOT, CARD, told(SMALL, start=1.5, render=2.0, vram=0.9, ram=1.1))
    assert plan.rung == plain.rung
    assert 1.5 * plain.seconds_estimate < plan.seconds_estimate < 2.0 * plain.seconds_estimate
    # What is not needed keeps more of the network on the device: the budget is filled either way.
    assert plan.kept_bytes > plain.kept_bytes
    assert plan.peak_bytes == pytest.approx(plain.peak_bytes, rel=0.03)
    assert plan.ram_bytes == pytest.approx(1.1 * plain.ram_bytes, rel=1e-6)
    assert any("measured here on 2026-11-26: 2.00 times" in line for line in plan.because)
    assert not any("RTX 3050 Ti was assumed" in line for line in plan.because)
    assert not any("measured here" in line for line in plain.because)


def test_what_was_measured_of_another_model_or_device_changes_nothing():
    plain = plan_shot(SHOT, CARD, SMALL)
    others = {"epicrealism/cpu": Measured(on="x", render=3), "spark/cuda": Measured(on="x", vram=2)}
    machine = replace(SMALL, measured=Calibration(models=others))
    assert plan_shot(SHOT, CARD, machine) == plain


def test_a_model_that_turned_out_larger_steps_down_by_itself():
    large = imagine(vram=8 * GiB, ram=32 * GiB)
    plain = plan_shot(SHOT, CARD, large)
    worse = plan_shot(SHOT, CARD, told(large, vram=1.6))
    assert worse.rung != plain.rung
    assert worse.peak_bytes <= large.vram_free


def test_sets_of_files_count_as_one_model():
    assert told(SMALL).measured.of("epicrealism@bf16", "cuda") is not None
    assert told(SMALL).measured.of("epicrealism@bf16", "cpu") is None


@given(factor, factor, st.sampled_from([4, 6, 8, 12]))
def test_a_plan_is_legal_whatever_was_measured(vram, ram, size):
    machine = told(imagine(vram=size * GiB, ram=64 * GiB), vram=vram, ram=ram)
    plan = plan_shot(SHOT, CARD, machine)
    assert plan.peak_bytes <= machine.vram_free
    assert plan.ram_bytes <= machine.ram_free

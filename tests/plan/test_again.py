"""Plans from files are a stranger's word."""

from dataclasses import replace
from fractions import Fraction

import pytest

from plan.toys import CARDS, LED, NO_GPU, machine, shot
from reelkiln.plan.again import why_not
from reelkiln.plan.card import Reach
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Size

EPIC, SPARK = CARDS["epicrealism"], CARDS["spark"]


def made(card=EPIC, where=None):
    wish = shot(card, seconds=Fraction(2), size=ASPECTS["1:1"])
    return plan_shot(wish, card, where or machine())


def test_a_plan_fits_where_it_was_made():
    assert why_not(made(), EPIC, machine()) == ""
    on_cpu = machine(**NO_GPU)
    assert why_not(made(SPARK, on_cpu), SPARK, on_cpu) == ""


def test_a_plan_made_on_the_processor_can_be_followed_beside_a_gpu():
    assert why_not(made(SPARK, machine(**NO_GPU)), SPARK, machine()) == ""


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (NO_GPU, "this machine has none"),
        ({"vram_free": 2 * GiB}, "of GPU memory"),
        ({"ram_free": 2 * GiB}, "of RAM"),
    ],
)
def test_a_smaller_machine_cannot_follow_it(where, why):
    assert why in why_not(made(), EPIC, machine(**where))


def test_bfloat16_needs_a_gpu_that_has_it():
    assert "bfloat16" in why_not(made(LED), LED, machine(bf16=False))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": "spark"}, "for the model spark"),
        ({"preset": "gone"}, "no preset 'gone'"),
        ({"size": Size(512, 520)}, "does not render 512x520"),
        ({"size": Size(16384, 16384)}, "does not render"),
        ({"fps": Fraction(30)}, "in another way"),
        ({"reach": Reach(kind="forth-and-back")}, "in another way"),
        ({"segments": ()}, "runs of frames"),
        ({"steps": 0}, "out of bounds"),
        ({"steps": 10**9}, "out of bounds"),
        ({"guidance": -1.0}, "out of bounds"),
        ({"device": "cpu"}, "contradict"),
    ],
)
def test_a_plan_that_no_planner_made_is_not_followed(changes, why):
    assert why in why_not(replace(made(), **changes), EPIC, machine())


def test_a_run_of_too_many_frames_is_not_followed():
    plan = made()
    long = replace(plan, segments=(replace(plan.segments[0], frames=10**6),))
    assert "runs of frames" in why_not(long, EPIC, machine())


def test_a_rung_the_model_cannot_stand_on_is_not_followed():
    streamed = replace(made(SPARK), rung=Rung(residence="streamed"))
    assert why_not(streamed, SPARK, machine()) == "spark cannot be streamed"

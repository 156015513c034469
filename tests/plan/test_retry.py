"""Less motion, other tiles: what a plan becomes after a refusal, and when it cannot."""

from dataclasses import replace

import pytest

from reelkiln.errors import PlanRefused
from reelkiln.models.cards import find_card
from reelkiln.plan.again import why_not
from reelkiln.plan.machine import imagine
from reelkiln.plan.retry import calmer, retiled
from reelkiln.plan.walk import plan_shot, safer, step_down
from reelkiln.reel import Shot

GiB = 1 << 30
MACHINE = imagine(vram=8 * GiB, ram=16 * GiB)
CARD = replace(find_card("epicrealism"), calmer=(0.8, 0.6), tilings=3)
PLAN = plan_shot(Shot(prompt="a jar", model=CARD.name), CARD, MACHINE)


def test_motion_goes_down_step_by_step_and_then_no_further():
    once = calmer(PLAN, CARD)
    twice = calmer(once, CARD)
    assert [PLAN.motion, once.motion, twice.motion] == [1.0, 0.8, 0.6]
    assert (once.segments, once.rung, once.dtype) == (PLAN.segments, PLAN.rung, PLAN.dtype)
    assert once.because
    with pytest.raises(PlanRefused, match="moves as little as it can"):
        calmer(twice, CARD)


def test_tiles_are_laid_in_every_way_once():
    tiled = replace(PLAN, rung=replace(PLAN.rung, decode="tiles"))
    assert [retiled(tiled, CARD).tiling, retiled(retiled(tiled, CARD), CARD).tiling] == [1, 2]
    with pytest.raises(PlanRefused, match="no other way"):
        retiled(replace(tiled, tiling=2), CARD)


def test_a_model_without_such_ways_says_so():
    plain = replace(CARD, calmer=(), tilings=1)
    with pytest.raises(PlanRefused, match="cannot be told to move less"):
        calmer(PLAN, plain)
    with pytest.raises(PlanRefused, match="was decoded without tiles"):
        retiled(PLAN, plain)


def test_a_plan_from_a_file_moves_and_tiles_as_its_card_allows():
    assert why_not(replace(PLAN, motion=0.6, tiling=2), CARD, MACHINE) == ""
    for strange in ({"motion": 0.7}, {"motion": 0.0}, {"tiling": 3}, {"tiling": -1}):
        assert "does not move or tile" in why_not(replace(PLAN, **strange), CARD, MACHINE)


def test_what_refused_takes_led_to_outlives_a_step_down_and_a_safer_dtype():
    shot = Shot(prompt="a jar", model=CARD.name)
    calm = calmer(PLAN, CARD)
    assert step_down(calm, shot, CARD, MACHINE).motion == calm.motion
    assert safer(calm, shot, CARD, MACHINE).motion == calm.motion
    # Tiles are laid in that way only where there still are tiles.
    tiled = replace(calm, rung=replace(calm.rung, decode="tiles"), tiling=2)
    below = step_down(tiled, shot, CARD, MACHINE)
    assert (below.rung.decode == "tiles", below.tiling) == (False, 0)

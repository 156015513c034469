"""The drills of the family without weights."""

from dataclasses import replace

import numpy as np
import pytest

from reelkiln.backends.null import RESIDENCES, NullFamily
from reelkiln.errors import OutOfMemory, RenderFailed
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import CPU_LADDER, LADDER, Rung
from reelkiln.reel import Clip
from tiny_models import EULER, make_card, make_plan, nothing

FAMILY = NullFamily()


def drill(**schedule: object) -> Card:
    return make_card("null", replace(EULER, schedule=schedule))


def render(card: Card, lead: Clip | None = None, **changes: object) -> Clip:
    plan = make_plan(card, **changes)
    with FAMILY.open(plan, card, {}, nothing) as session:
        return session.render(plan.segments[0], nothing, lead)


@pytest.mark.parametrize(
    ("gain", "dtype", "whole"),
    [
        (1e5, "float16", False),
        (1e5, "bfloat16", True),
        (1e5, "float32", True),
        (float("inf"), "float32", False),
        (1.0, "float16", True),
    ],
)
def test_a_gain_ruins_the_types_it_overflows(gain, dtype, whole):
    clip = render(drill(gain=gain), dtype=dtype)
    assert clip.finite_share == (1.0 if whole else 0.0)
    assert clip.frames.any() == whole


@pytest.mark.parametrize("first", RESIDENCES)
@pytest.mark.parametrize("rung", [*LADDER, *CPU_LADDER], ids=str)
def test_rungs_before_the_first_that_fits_run_out_of_memory(first, rung: Rung):
    card = drill(fits_from=first)
    fits = RESIDENCES.index(rung.residence) >= RESIDENCES.index(first)
    if fits:
        render(card, rung=rung)
        return
    with pytest.raises(OutOfMemory) as raised:
        render(card, rung=rung)
    assert isinstance(raised.value.__cause__, MemoryError)


def test_pictures_that_a_gate_must_refuse():
    still = render(drill(picture="still")).frames
    assert not np.diff(still, axis=0).any()
    assert not render(drill(picture="black")).frames.any()
    bright = render(drill(picture="flicker")).frames.mean(axis=(1, 2, 3))
    assert bright[0] > 10 * bright[1]
    moving = render(drill()).frames
    assert np.diff(moving.astype(int), axis=0).any(axis=(1, 2, 3)).all()
    with pytest.raises(RenderFailed, match="sepia"):
        render(drill(picture="sepia"))


def test_a_lead_is_continued():
    card = drill()
    whole = render(card, frames=6).frames
    lead = Clip(whole[:4], card.fps)
    led = render(card, lead=lead, frames=6).frames
    # It begins with what it continues; the last frame was rounded to 8 bits in between.
    assert np.abs(led.astype(int) - whole).max() <= 1


def test_steps_may_take_time():
    import time

    begin = time.perf_counter()
    render(drill(step_seconds=0.05))
    assert time.perf_counter() - begin > 0.05 * EULER.steps

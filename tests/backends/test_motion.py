"""Less motion: frames come nearer to each other, and a share of 1 changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from reelkiln.backends.animatediff import AnimateDiffFamily
from reelkiln.models.cards import load_cards
from reelkiln.models.installed import locate
from tiny_models import make_card, make_plan, nothing

pytestmark = pytest.mark.torch
CALM = [name for name, card in load_cards().items() if card.calmer]


def frames(card, folders, plan):
    with AnimateDiffFamily().open(plan, card, folders, nothing) as session:
        return session.render(plan.segments[0], nothing).frames


def test_the_attention_over_time_is_flattened_and_nothing_else(tiny):
    """At 0 all frames attend alike; the picture part of the network is left as it was."""
    card = make_card("animatediff")
    plain = make_plan(card, frames=6)
    before = frames(card, tiny, plain)
    assert np.array_equal(frames(card, tiny, replace(plain, motion=1.0)), before)
    assert not np.array_equal(frames(card, tiny, replace(plain, motion=0.5)), before)


def test_spark_moves_less_and_paints_the_same():
    """The real motion modules of the bundled model, three steps."""
    card = load_cards()["spark"]
    folders = locate(card, "standard")
    plan = make_plan(card, frames=16, steps=3, size=card.native[1], guidance=1.0)
    segment = replace(plan.segments[0], prompt="a red bottle rotating, navy background")
    plan = replace(plan, segments=(segment,))
    wild, calm = (
        frames(card, folders, replace(plan, motion=share)).astype(int) for share in (1.0, 0.6)
    )

    def change(clip):
        return np.abs(np.diff(clip, axis=0)).mean()

    assert change(calm) < 0.8 * change(wild)
    assert np.abs(calm.mean(0) - wild.mean(0)).mean() < 12


@pytest.mark.parametrize("name", CALM)
def test_only_families_that_can_be_calmed_say_so(name):
    assert load_cards()[name].family == "animatediff"

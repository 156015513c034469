"""Host memory in tiers of 8 and 16 GiB: whatever is asked, a plan leaves the rest to others."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.toys import CARDS, shot
from reelkiln.errors import PlanRefused
from reelkiln.plan.estimate import Job, pinned_need, ram_need
from reelkiln.plan.machine import GiB, MiB, imagine
from reelkiln.plan.outline import outline
from reelkiln.plan.walk import plan_shot, step_down
from reelkiln.reel import ASPECTS

MOST = {8: 5 * GiB, 16: 10 * GiB}
"""What the process may hold, resident and pinned together: a desktop needs the rest."""
SETS = [one for card in CARDS.values() for one in card.each_set]


def wish(card, preset, halves, aspect, image):
    image = "start.png" if image and card.reach.kind == "lead" else None
    return shot(card, preset=preset, seconds=Fraction(halves, 2), size=ASPECTS[aspect], image=image)


def held(plan, card, asked):
    """Bytes by the formula: resident and pinned together, and what of it is pinned."""
    what = outline(asked, card)
    jobs = [
        Job(
            card=card,
            preset=what.preset,
            size=plan.size,
            frames=segment.frames,
            dtype=plan.dtype,
            lead=1 if segment.image is not None else segment.lead_frames,
        )
        for segment in plan.segments
    ]
    largest = max(jobs, key=lambda job: job.frames)
    return ram_need(largest, plan.rung), pinned_need(largest, plan.rung)


def check(plan, card, asked, where, ram):
    both, pinned = held(plan, card, asked)
    assert both == plan.ram_bytes <= MOST[ram]
    assert plan.ram_bytes <= where.ram_free - 256 * MiB
    assert pinned <= both  # what is pinned is no second copy
    if where.system == "Windows":
        assert pinned <= where.ram_total * 2 // 5


asks = st.tuples(
    st.sampled_from(SETS),
    st.sampled_from(["draft", "standard", "final"]),
    st.integers(2, 16),
    st.sampled_from(sorted(ASPECTS)),
    st.booleans(),
)
"""A card, a preset, half seconds, an aspect, whether from a picture."""


@given(
    asks,
    st.sampled_from([0, 3, 4, 6, 8, 12, 24]),
    st.sampled_from([8, 16]),
    st.sampled_from(["Linux", "Windows"]),
    st.floats(0.2, 1.0),
)
@settings(max_examples=150)
def test_no_legal_plan_holds_more_than_its_tier(asks, vram, ram, system, free):
    """Also with a desktop that is fuller than usual, and after memory ran out."""
    card, preset, halves, aspect, image = asks
    where = imagine(vram=vram * GiB, ram=ram * GiB, system=system)
    where = replace(where, ram_free=int(where.ram_total * free))
    asked = wish(card, preset, halves, aspect, image)
    try:
        plan = plan_shot(asked, card, where)
        check(plan, card, asked, where, ram)
        while plan.device == "cuda":
            plan = step_down(plan, asked, card, where)
            check(plan, card, asked, where, ram)
    except PlanRefused:
        return  # it says so, and renders nothing


def test_every_model_has_a_plan_in_both_tiers():
    """A tier that is kept by refusing everything would be kept too: 4 GB, half of the RAM free."""
    planned = {
        (card.name, ram, system): plan_shot(
            wish(card, card.default_preset, 4, "9:16", image=False),
            card,
            imagine(vram=4 * GiB, ram=ram * GiB, system=system),
        ).device
        for card in SETS
        for ram in MOST
        for system in ("Linux", "Windows")
    }
    assert set(planned.values()) == {"cuda"}, planned

"""Render orders for the family without weights."""

from kiln.nulls import null_card, null_shot
from reelkiln.kiln.renderer import RenderOrder
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot

MACHINE = imagine(vram=0, ram=16 * GiB)


def null_order(name="one", *, seed=7, reach=None, machine=MACHINE, **schedule):
    """An order that does what the schedule of a null card asks."""
    card = null_card(reach=reach, **schedule)
    shot = null_shot(card, seed=seed)
    return RenderOrder(id=name, shot=shot, plan=plan_shot(shot, card, machine), card=card)

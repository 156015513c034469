"""Render orders for the family without weights."""

import os
from dataclasses import replace
from pathlib import Path

from kiln.nulls import GPU, null_card, null_shot
from reelkiln.errors import GpuBusy
from reelkiln.kiln.place import Place, here
from reelkiln.kiln.renderer import RenderOrder
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.walk import plan_shot

MACHINE = imagine(vram=0, ram=16 * GiB)


def null_order(name="one", *, seed=7, reach=None, machine=MACHINE, **schedule):
    """An order that does what the schedule of a null card asks."""
    card = null_card(reach=reach, **schedule)
    shot = null_shot(card, seed=seed)
    return RenderOrder(id=name, shot=shot, plan=plan_shot(shot, card, machine), card=card)


def gpu_place(name, cache, machine=GPU):
    """A place that believes in a GPU, and that nobody else holds it. For children, by its name."""
    place = Place(name, here(cache), machine, cache)
    place._refuse_busy = lambda plan: None
    return place


def gpu_place_without_ram(name, cache):
    """The same, where no rung below the GPU's is left."""
    return gpu_place(name, cache, replace(GPU, ram_free=0))


def busy_place(name, cache):
    """A place whose GPU another program holds while a file is there that the environment names."""
    place = gpu_place(name, cache)

    def refuse(plan):
        if Path(os.environ["REELKILN_TEST_HELD"]).exists():
            raise GpuBusy("another program holds the GPU")

    place._refuse_busy = refuse
    return place

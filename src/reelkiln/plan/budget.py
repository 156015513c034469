"""What a plan may count on: of a machine's memory, the share that is ours."""

from reelkiln.plan.machine import GiB, Machine, MiB

__all__ = [
    "KEPT_STEP",
    "RING_BYTES",
    "UNIT_BYTES",
    "device_budget",
    "pinned_budget",
    "ram_budget",
    "roomy_budget",
]

RING_BYTES = 192 * MiB
"""What a streamed network has on the device for the weights that pass through: three units, so that
one computes, one waits and one is copied."""
UNIT_BYTES = 64 * MiB
"""The most weights that are copied as one."""


KEPT_STEP = 64 * MiB
"""Weights that stay are counted in steps, so that a little less free memory is no other plan."""


def device_budget(machine: Machine, model: str = "") -> int:
    """Bytes of GPU memory to plan with: what is free, less a reserve for driver and desktop.

    The reserve is 400 MiB, under Windows 600 MiB (the values that ComfyUI keeps), and at least a
    tenth of what is free. A need that ran out of memory here before is never planned again.
    """
    least = (600 if machine.system == "Windows" else 400) * MiB
    free = max(machine.vram_free - max(least, machine.vram_free // 10), 0)
    return min(free, machine.ran_out.get(model, free + 1) - 1)


def roomy_budget(machine: Machine, model: str) -> int:
    """What a plan fills with weights that could also pass through: after memory ran out, a tenth
    less than what it ran out at."""
    budget = device_budget(machine, model)
    if model not in machine.ran_out:
        return budget
    return min(budget, machine.ran_out[model] * 9 // 10)


def ram_budget(machine: Machine) -> int:
    """Bytes of RAM to plan with: what is free, less 256 MiB for everybody else, and never more than
    five eighths of all: 5 GiB of 8, 10 GiB of 16. A browser and a desktop need the rest."""
    free = machine.ram_free - 256 * MiB
    return max(min(free, machine.ram_total * 5 // 8), 0)


def pinned_budget(machine: Machine) -> int:
    """Bytes of RAM that may be pinned.

    Windows lets a driver pin about half of all RAM: 40 % is counted on. Elsewhere all but 4 GiB.
    """
    if machine.system == "Windows":
        return machine.ram_total * 2 // 5
    return max(machine.ram_total - 4 * GiB, 0)

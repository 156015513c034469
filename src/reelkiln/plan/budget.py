"""What a plan may count on: of a machine's memory, the share that is ours."""

from reelkiln.plan.machine import GiB, Machine, MiB

__all__ = ["device_budget", "pinned_budget", "ram_budget"]


def device_budget(machine: Machine) -> int:
    """Bytes of GPU memory to plan with: what is free, less a reserve for driver and desktop.

    The reserve is 400 MiB, under Windows 600 MiB (the values that ComfyUI keeps), and at least a
    tenth of what is free.
    """
    least = (600 if machine.system == "Windows" else 400) * MiB
    return max(machine.vram_free - max(least, machine.vram_free // 10), 0)


def ram_budget(machine: Machine) -> int:
    """Bytes of RAM to plan with: what is free, less 256 MiB for everybody else."""
    return max(machine.ram_free - 256 * MiB, 0)


def pinned_budget(machine: Machine) -> int:
    """Bytes of RAM that may be pinned.

    Windows lets a driver pin about half of all RAM: 40 % is counted on. Elsewhere all but 4 GiB.
    """
    if machine.system == "Windows":
        return machine.ram_total * 2 // 5
    return max(machine.ram_total - 4 * GiB, 0)

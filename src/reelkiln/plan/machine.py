"""The machine, as the planner sees it. Asking the real one is an effect: `backends.probe`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reelkiln.plan.calibration import Calibration

__all__ = ["GiB", "Machine", "MiB", "imagine"]

MiB = 1 << 20
GiB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a plan may count on. All sizes in bytes.

    `gpu` is the GPU's name, or None where there is none that torch can use. `bf16` says whether the
    GPU computes bfloat16 natively (compute capability 8.0 or newer), not by emulation.
    `system` is "Linux", "Windows" or "Darwin". `cores` counts physical processor cores.
    `measured` is what `reelkiln bench --calibrate` found out about it. `ran_out` remembers, for
    each model, the least predicted need that ran out of memory on this GPU.
    """

    gpu: str | None
    vram_total: int
    vram_free: int
    bf16: bool
    ram_total: int
    ram_free: int
    system: str
    cores: int = 2
    measured: Calibration = field(default_factory=Calibration)
    ran_out: Mapping[str, int] = field(default_factory=dict)


def _amount(size: int) -> str:
    """
    >>> _amount(4 * GiB), _amount(3400 * MiB), _amount(100 * MiB)
    ('4 GiB', '3.32 GiB', '100 MiB')
    """
    return f"{round(size / GiB, 2):g} GiB" if size >= GiB else f"{size // MiB} MiB"


def imagine(*, vram: int, ram: int, system: str = "Linux") -> Machine:
    """A machine to plan for without having it: `vram` bytes in all (0: no GPU), `ram` in all.

    Of a GPU's memory, 85 % are taken for free, what driver and desktop leave of 4 GiB under Linux
    (77 % under Windows: 3.1 of 4 GiB); of RAM, three quarters.
    """
    share = 77 if system == "Windows" else 85
    return Machine(
        gpu=f"a GPU of {_amount(vram)}" if vram else None,
        vram_total=vram,
        vram_free=vram * share // 100,
        bf16=bool(vram),
        ram_total=ram,
        ram_free=ram * 3 // 4,
        system=system,
    )

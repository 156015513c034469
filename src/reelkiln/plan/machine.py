"""The machine, as the planner sees it. Asking the real one is an effect: `backends.probe`."""

from dataclasses import dataclass

__all__ = ["GiB", "Machine", "MiB"]

MiB = 1 << 20
GiB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a plan may count on. All sizes in bytes.

    `gpu` is the GPU's name, or None where there is none that torch can use. `bf16` says whether the
    GPU computes bfloat16 natively (compute capability 8.0 or newer), not by emulation.
    `system` is "Linux", "Windows" or "Darwin". `cores` counts physical processor cores.
    """

    gpu: str | None
    vram_total: int
    vram_free: int
    bf16: bool
    ram_total: int
    ram_free: int
    system: str
    cores: int = 2

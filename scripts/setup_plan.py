"""What setting up decides, touching nothing: which Python, how many megabytes, what to say.

In syntax that Python 3.7 reads, like `setup.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

OLDEST, NEWEST = (3, 11), (3, 13)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# Megabytes measured on Linux x86-64 with constraints/cpu.txt (docs/dependencies.md); the CUDA
# build of torch with NVIDIA's libraries is an estimate from the sizes of its wheels.
MB_DOWNLOAD = {"core": 210, "demo": 440, "test": 620}
MB_DISK = {"core": 700, "demo": 1900, "test": 2350}
MB_CUDA_DOWNLOAD, MB_CUDA_DISK = 2500, 5000


class SetupError(Exception):
    """What is wrong and how to mend it, in one line."""


class Python(NamedTuple):
    """An interpreter found on this machine."""

    path: str
    version: tuple[int, int, int]
    has_venv: bool

    @property
    def label(self) -> str:
        """The version and where it lies."""
        return "{}.{}.{} ({})".format(*self.version, self.path)


class Need(NamedTuple):
    """Megabytes that an installation downloads, and that it takes on disk."""

    download: int
    disk: int


def choose(found: Sequence[Python], again: str) -> Python:
    """The interpreter to use: 3.11 before 3.12 before 3.13, for everything is tested on 3.11.

    Raises:
        SetupError: none fits, or none can make a virtual environment. `again` is the command to
            repeat once that is mended.
    """
    fitting = [p for p in found if OLDEST <= p.version[:2] <= NEWEST]
    if not fitting:
        seen = "found " + ", ".join(p.label for p in found) if found else "found none"
        raise SetupError(
            f"reelkiln needs Python 3.11 to 3.13; {seen}. Install one (Debian 12, Ubuntu 24.04 or "
            "newer: sudo apt install python3-venv; anywhere: uv python install 3.12) and name it: "
            f"{again} PYTHON=/path/to/python"
        )
    ready = [p for p in fitting if p.has_venv]
    if not ready:
        raise SetupError(
            f"Python {fitting[0].label} cannot make virtual environments: it has no venv or "
            "ensurepip module. Install them (Debian, Ubuntu: sudo apt install "
            f"python3.{fitting[0].version[1]}-venv), then run {again} again"
        )
    return min(ready, key=lambda p: p.version[:2])


def disk_problem(folder: str, free: int, needed: int, again: str) -> str:
    """One line when `free` bytes in `folder` are fewer than the `needed` ones, else nothing."""
    if free >= needed:
        return ""
    return (
        f"The disk is short: {free / 1e9:.1f} GB free in {folder}, {needed / 1e9:.1f} GB needed. "
        f"Free {(needed - free) / 1e9:.1f} GB or use another disk, then run {again} again"
    )


def gives_cuda(torch_index: str, system: str, local_wheels: Sequence[str]) -> bool:
    """Whether pip will most likely take the CUDA build of torch, which is gigabytes.

    On PyPI torch for Linux is the CUDA build. A local "+cpu" wheel sorts above it.
    `system` is `sys.platform`.
    """
    if torch_index:
        return not torch_index.rstrip("/").endswith("/cpu")
    return system == "linux" and not any("+cpu" in name for name in local_wheels)


def how_much(kind: str, cuda: bool) -> Need:
    """What an installation of this kind takes; "core" never holds torch."""
    more = cuda and kind != "core"
    return Need(
        MB_DOWNLOAD[kind] + (MB_CUDA_DOWNLOAD if more else 0),
        MB_DISK[kind] + (MB_CUDA_DISK if more else 0),
    )


def announce(
    kind: str, python: Python, *, sources: Sequence[str], torch_index: str, cuda: bool
) -> list[str]:
    """What will be downloaded, how much of it and from where, in two or three lines."""
    need = how_much(kind, cuda)
    lines = [
        f"Setting it up with Python {python.label}.",
        f"Downloading about {need.download} MB from {', '.join(sources)} "
        f"({need.disk / 1000:.1f} GB once installed).",
    ]
    if torch_index and kind != "core":
        lines.append(f"torch comes from {urlsplit(torch_index).hostname or torch_index}.")
    elif cuda and kind != "core":
        lines.append(
            "Most of it is torch for NVIDIA GPUs. Without such a GPU, press Ctrl-C and take the "
            f"small build: make {kind} TORCH_INDEX={CPU_INDEX}"
        )
    return lines

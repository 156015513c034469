"""What a GPU has drawn so far, and its driver's version, asked of NVIDIA's own library (NVML).

NVML comes with the driver, so nothing is installed for it. GPUs since Volta count their energy in
millijoules since the driver was loaded (nvmlDeviceGetTotalEnergyConsumption); where a GPU, a driver
or another maker's card has no such counter, energy is not known, and is said to be that.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["GpuMeter", "gpu_joules", "gpu_meter"]

_LIBRARY = "nvml.dll" if os.name == "nt" else "libnvidia-ml.so.1"
_SUCCESS = 0
_VERSION_BYTES = 80
"""NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE of nvml.h."""


class GpuMeter:
    """Reads one GPU's counters; `driver` is the driver's version, empty where it is not known.

    `name` is what CUDA_VISIBLE_DEVICES calls the GPU: a number, a UUID, or empty for the first.
    """

    def __init__(self, library: Any = None, name: str = "") -> None:
        self._library, self._handle = library, ctypes.c_void_p()
        self.driver = ""
        if library is None:
            return
        text = ctypes.create_string_buffer(_VERSION_BYTES)
        if library.nvmlSystemGetDriverVersion(text, _VERSION_BYTES) == _SUCCESS:
            self.driver = text.value.decode("ascii", "replace")
        handle = ctypes.byref(self._handle)
        if name and not name.isdigit():
            # Part of a UUID, which CUDA takes too, finds none: another GPU's energy is not told.
            found = library.nvmlDeviceGetHandleByUUID(name.encode("ascii", "replace"), handle)
        else:
            found = library.nvmlDeviceGetHandleByIndex_v2(int(name or 0), handle)
        if found != _SUCCESS:
            self._library = None

    def joules(self) -> float | None:
        """Energy drawn since the driver was loaded, by whatever used the GPU; None: not known."""
        if self._library is None:
            return None
        counted = ctypes.c_ulonglong()
        asked = self._library.nvmlDeviceGetTotalEnergyConsumption
        if asked(self._handle, ctypes.byref(counted)) != _SUCCESS:
            return None
        return counted.value / 1000


@contextmanager
def gpu_meter() -> Iterator[GpuMeter]:
    """A meter for the GPU that renders here; one that knows nothing where there is none.

    NVML counts all GPUs of the computer, torch those it is allowed: the first that
    CUDA_VISIBLE_DEVICES names is taken.
    """
    with _opened() as library:
        yield GpuMeter() if library is None else GpuMeter(library, _visible())


@contextmanager
def gpu_joules(gpus: Sequence[str | None]) -> Iterator[Callable[[], float | None]]:
    """What these GPUs have drawn together since their driver was loaded; None: not known of all.

    Makes no CUDA context, so a shift may ask all night.

    Args:
        gpus: what CUDA_VISIBLE_DEVICES calls each; None: the one that renders here.
    """
    with _opened() as library:
        names = [_visible() if name is None else name for name in gpus]
        meters = [] if library is None else [GpuMeter(library, name) for name in names]

        def joules() -> float | None:
            drawn = [meter.joules() for meter in meters]
            return None if None in drawn or not drawn else sum(filter(None, drawn))

        yield joules


@contextmanager
def _opened() -> Iterator[Any]:
    """NVML, or None where it is not there."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        ready = library.nvmlInit_v2() == _SUCCESS
    except (OSError, AttributeError):  # no driver, or one from before 2013
        ready = False
    if not ready:
        yield None
        return
    try:
        yield library
    finally:
        library.nvmlShutdown()


def _visible() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip()

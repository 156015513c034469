"""The only code that asks the machine what it is and what it has."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import time
import warnings
from importlib import metadata
from pathlib import Path
from zoneinfo import available_timezones

import psutil

from reelkiln.backends.libraries import settle_allocator
from reelkiln.plan.machine import Machine

__all__ = [
    "OwnRam",
    "elapsed",
    "gpu_may_exist",
    "gpu_names",
    "on_battery",
    "probe",
    "ram_own",
    "ram_peak",
    "unsafe_for_databases",
    "versions",
    "zone_name",
]

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate")
NATIVE_BF16 = (8, 0)
"""Compute capability of Ampere. torch's own answer counts emulation on older GPUs as support."""


def probe() -> Machine:
    """This machine, now. Sizes in bytes; no GPU where torch is not installed or cannot use one.

    Takes milliseconds without an NVIDIA driver, else as long as importing torch (about 2 s) and
    making a CUDA context; `vram_free` is what is left after that.
    """
    name, total, free, bf16 = _gpu() if gpu_may_exist() else (None, 0, 0, False)
    memory = psutil.virtual_memory()
    return Machine(
        gpu=name,
        vram_total=total,
        vram_free=free,
        bf16=bf16,
        ram_total=memory.total,
        ram_free=memory.available,
        system=platform.system(),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
    )


def versions() -> dict[str, str]:
    """Installed versions of the model libraries, found without importing them."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def gpu_may_exist() -> bool:
    """Whether importing torch to look for a GPU can pay: a CUDA build, and a driver to talk to."""
    torch_version = versions().get("torch", "+cpu")
    if torch_version.endswith("+cpu") or platform.system() == "Darwin":
        return False
    return _driver_loads("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")


def gpu_names() -> tuple[str, ...]:
    """What `CUDA_VISIBLE_DEVICES` calls each GPU that torch can use here; makes no context on any.

    Where the variable is set already, only the GPUs that it names.
    """
    if not gpu_may_exist():
        return ()
    try:
        import torch
    except (ImportError, OSError):  # as in `_gpu`
        return ()
    count = int(torch.cuda.device_count())
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = [str(n) for n in range(count)] if said is None else said.split(",")
    return tuple(name.strip() for name in named[:count])


def ram_peak() -> int:
    """The most resident memory this process has held so far, in bytes."""
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return int(info.peak_wset)
    return _peak_of_posix()


def ram_own() -> int:
    """Resident memory of this process now that no file backs, in bytes: what the system cannot take
    back without swapping, pinned memory included. 0 where the system does not tell it (not Linux).
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return sum(int(line[1]) * 1024 for line in lines if line[0] in ("RssAnon:", "RssShmem:"))


class OwnRam:
    """The most of `ram_own` inside, in bytes: loading has its peak between two messages of a
    render. It may be entered again, and counts on."""

    EVERY = 0.05
    """Seconds between two looks. One takes less than a ten-thousandth."""

    def __init__(self) -> None:
        self.most = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> OwnRam:
        self._look()
        if self.most:  # else this system does not tell it
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="own RAM", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(self.EVERY):
            self._look()

    def _look(self) -> None:
        self.most = max(self.most, ram_own())


def _driver_loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _gpu() -> tuple[str | None, int, int, bool]:
    settle_allocator()  # asking makes a CUDA context: afterwards it is too late
    try:
        import torch
    except (ImportError, OSError):  # OSError: a DLL of torch does not load; `open` will say which
        return None, 0, 0, False
    with warnings.catch_warnings():
        # torch warns when the driver is too old for it, and then says that there is no GPU.
        warnings.simplefilter("ignore")
        if not torch.cuda.is_available():
            return None, 0, 0, False
    free, total = torch.cuda.mem_get_info()
    bf16 = torch.cuda.get_device_capability() >= NATIVE_BF16
    return str(torch.cuda.get_device_name()), int(total), int(free), bf16


def _peak_of_posix() -> int:
    try:
        # The kernel's own mark for this process; getrusage inherits the parent's across exec.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        import resource  # not on Windows, where peak_wset has answered already

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS
    line = next((x for x in status.splitlines() if x.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def elapsed() -> float:
    """Seconds from any start that never jump and, where the system can say so, count its sleep.

    Linux has a clock for it, Windows' own counts sleep; on macOS sleep is not seen.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def on_battery() -> bool:
    """Whether the machine runs on its battery now; False where it has none or nobody can say."""
    ask = getattr(psutil, "sensors_battery", None)
    battery = None if ask is None else ask()
    return battery is not None and battery.power_plugged is False


def zone_name() -> str | None:
    """The IANA name of this machine's time zone, as "Europe/Berlin"; None where nobody says it."""
    said = os.environ.get("TZ", "").lstrip(":")
    if said in available_timezones():
        return said
    try:
        link = Path("/etc/localtime").resolve().as_posix()
    except OSError:
        return None
    name = link.partition("/zoneinfo/")[2]
    return name if name in available_timezones() else None


_REMOTE = {"nfs", "nfs4", "cifs", "smbfs", "smb3", "afpfs", "9p", "sshfs", "fuse.sshfs", "webdav"}
_SYNCED = ("onedrive", "dropbox", "google drive", "googledrive", "icloud drive", "mobile documents")


def unsafe_for_databases(folder: Path) -> str | None:
    """Why a database must not lie in a folder, in words, or None: SQLite's locks do not hold on
    disks of other computers, and a program that copies files while they change damages them."""
    parts = [part.lower() for part in folder.absolute().parts]
    for name in _SYNCED:
        if any(part == name or part.startswith(f"{name} -") for part in parts):
            return f"it lies in {name.title()}, which copies files while they are written"
    mounts = sorted(psutil.disk_partitions(all=True), key=lambda one: -len(one.mountpoint))
    for mount in mounts:
        if folder.absolute().is_relative_to(mount.mountpoint):
            remote = mount.fstype.lower() in _REMOTE or mount.opts.startswith("remote")
            return f"it lies on another computer ({mount.fstype})" if remote else None
    return None

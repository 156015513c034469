"""A worker's threads share two heaps of the C library, and what is free in them is given back."""

import ctypes
import platform
import subprocess
import sys

import psutil
import pytest

from kiln.shifts import ledger_in, queue, shift_in
from reelkiln.kiln import worker
from reelkiln.kiln.heaps import few_heaps, trim

COUNT = """
import ctypes, sys, threading
from pathlib import Path
from reelkiln.kiln.heaps import few_heaps

if "few" in sys.argv:
    assert few_heaps()
malloc = ctypes.CDLL("libc.so.6").malloc
malloc.restype = ctypes.c_void_p
together = threading.Barrier(9)

def hold():
    held = [malloc(50_000) for _ in range(20)]
    together.wait()
    together.wait()

threads = [threading.Thread(target=hold) for _ in range(8)]
for one in threads:
    one.start()
together.wait()
lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
own = [line[0] for line in lines if line[1] == "rw-p" and len(line) < 6]
print(sum(int(place.partition("-")[0], 16) % (64 << 20) == 0 for place in own))
together.wait()
"""


def heaps_of_eight_threads(*how):
    """How many of glibc's heaps for threads, which begin at multiples of 64 MiB, a process has."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has such heaps")
def test_threads_share_one_heap_beside_the_first():
    assert heaps_of_eight_threads() > 1
    assert heaps_of_eight_threads("few") == 1


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert few_heaps() is False
    assert trim() is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has such heaps")
def test_what_is_free_between_what_stays_is_given_back():
    libc = ctypes.CDLL("libc.so.6")
    libc.malloc.restype = ctypes.c_void_p
    pieces = [libc.malloc(60_000) for _ in range(1000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 60_000)
    for piece in pieces[:-1]:
        libc.free(ctypes.c_void_p(piece))
    held = psutil.Process().memory_info().rss
    assert trim()
    assert held - psutil.Process().memory_info().rss > 40_000_000
    libc.free(ctypes.c_void_p(pieces[-1]))


def test_a_shift_gives_back_at_once_and_then_once_a_minute(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(worker, "trim", lambda: asked.append(True))
    (tmp_path / ".reelkiln").mkdir()
    with ledger_in(tmp_path) as ledger:
        queue(ledger)
        shift_in(tmp_path, ledger).run()
        assert len(asked) == 1
        queue(ledger)
        monkeypatch.setattr(worker, "TRIM_SECONDS", 0.0)
        shift_in(tmp_path, ledger).run()
        assert len(asked) > 2

"""Where a worker's memory lies while it makes clips, and what PyAV keeps of films left early.

    python benchmarks/worker_memory.py [--clips N]     a shift on DBOS, told every 100 clips
    python benchmarks/worker_memory.py --plain         the same, with the heaps as they come
    python benchmarks/worker_memory.py --python        the same, and what of Python's own grew
    python benchmarks/worker_memory.py --left N        N films of which one frame is looked at

Results: docs/measured/faults.md. Needs the extra `dev` and Linux with glibc.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import re
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import av

from film.scenes import make, moving_box
from kiln.shifts import ledger_in, queue, shift_in
from reelkiln.film import container
from reelkiln.kiln import worker
from reelkiln.kiln.heaps import few_heaps
from reelkiln.store.dbos_engine import DbosEngine

MIB = 1 << 20
EVERY = 100
REGION = re.compile(r"([0-9a-f]+)-[0-9a-f]+ (\S+) \S+ \S+ \d+ *(.*)")


FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd",
    "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class Malloc(ctypes.Structure):
    """What glibc tells of all its arenas (`mallinfo2`), in bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def malloc() -> Malloc:
    """What glibc holds now, in all of its arenas."""
    ask = ctypes.CDLL("libc.so.6").mallinfo2
    ask.restype = Malloc
    found: Malloc = ask()
    return found


def resident() -> Counter[str]:
    """Resident bytes by what they are: the first heap, the heaps of threads, files, the rest."""
    held: Counter[str] = Counter()
    kind = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if begins := REGION.match(line):
            start, name = int(begins[1], 16), begins[3]
            if name == "[heap]":
                kind = "heap"
            elif name:
                kind = "files"
            else:  # glibc's arenas of threads begin at multiples of 64 MiB
                kind = "threads' heaps" if start % (64 * MIB) == 0 else "other"
        elif line.startswith("Rss:"):
            held[kind] += int(line.split()[1]) << 10
    return held


def tell(clips: int, seconds: float) -> None:
    """Print a line on this process."""
    held, inside = resident(), malloc()
    kinds = ", ".join(f"{kind} {size / MIB:.1f}" for kind, size in sorted(held.items()))
    used, free = inside.uordblks / MIB, inside.fordblks / MIB
    print(
        f"{clips} clips, {seconds:.0f} s, {held.total() / MIB:.1f} MiB: {kinds}; "
        f"malloc in use {used:.1f}, free {free:.1f}; {threading.active_count()} threads",
        flush=True,
    )


def taken() -> tracemalloc.Snapshot:
    """What of Python's own is held now, without what the looking takes."""
    gc.collect()
    return tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(False, tracemalloc.__file__)]
    )


def tell_python(early: tracemalloc.Snapshot) -> None:
    """Print where Python's own memory grew most since then."""
    grown = taken().compare_to(early, "lineno")
    print(f"Python's own grew by {sum(one.size_diff for one in grown) / 1024:.0f} KiB since")
    for one in grown[:12]:
        frame = one.traceback[0]
        print(f"  {one.size_diff / 1024:+.0f} KiB, {one.count_diff:+d} pieces: "
              f"{Path(frame.filename).name}:{frame.lineno}")  # fmt: skip


def work(clips: int, *, plain: bool, python: bool) -> None:
    """A shift over so many clips, in this process, with its heaps as `reelkiln work` has them."""
    if plain:
        worker.trim = lambda: False
    else:
        few_heaps()
    early: tracemalloc.Snapshot | None = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "place"
        (folder / ".reelkiln").mkdir(parents=True)
        os.chdir(folder)
        with (
            closing(DbosEngine(folder / ".reelkiln")) as engine,
            ledger_in(folder) as ledger,
        ):
            queue(ledger, clips)
            shift = shift_in(folder, ledger, engine=engine)
            thread = threading.Thread(target=shift.run)
            thread.start()
            began, told = time.perf_counter(), 0
            while thread.is_alive():
                done = shift._handler.done
                if done >= told + EVERY:
                    told = done // EVERY * EVERY
                    tell(done, time.perf_counter() - began)
                    if python and not tracemalloc.is_tracing():
                        tracemalloc.start()
                    elif python and early is None:
                        early = taken()
                time.sleep(0.05)
            thread.join()
            if early is not None:
                tell_python(early)
        os.chdir("/")


def left(times: int) -> None:
    """Bytes that stay of each film that was opened for one frame."""

    def theirs(path: Path) -> None:
        with av.open(str(path)) as film:
            next(film.decode(film.streams.video[0]))

    def ours(path: Path) -> None:
        with container.opened(path) as film:
            next(iter(container.frames_of(film, film.streams.video[0])))

    def whole(path: Path) -> None:
        with av.open(str(path)) as film:
            list(film.decode(film.streams.video[0]))

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.mp4"
        make(path, moving_box(24, fps=24, step=0))
        readers: dict[str, Callable[[Path], None]] = {
            "PyAV, left after a frame": theirs,
            "PyAV, to the end": whole,
            "frames_of, left after a frame": ours,
        }
        for words, reader in readers.items():
            print(f"{words}: {grown(reader, path, times):.0f} bytes a film", flush=True)


def grown(reader: Callable[[Path], None], path: Path, times: int) -> float:
    """Bytes in use that each call leaves, once the first hundred filled what is filled once."""
    for _ in range(100):
        reader(path)
    gc.collect()
    before = malloc().uordblks
    for _ in range(times):
        reader(path)
    gc.collect()
    return float(malloc().uordblks - before) / times


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clips", type=int, default=500)
    asked.add_argument("--left", type=int, default=0)
    asked.add_argument("--plain", action="store_true")
    asked.add_argument("--python", action="store_true")
    wanted = asked.parse_args()
    if wanted.left:
        left(wanted.left)
    else:
        work(wanted.clips, plain=wanted.plain, python=wanted.python)

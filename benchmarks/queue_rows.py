"""Ten thousand queued segments: listing, submission with four submitters, overhead, memory.

.venv/bin/python benchmarks/queue_rows.py [--segments N] [--overhead N]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import psutil

from reelkiln.kiln.work import Candidate, Work, work_to_text
from reelkiln.reel import Shot, Size
from reelkiln.store.dbos_engine import DbosEngine
from reelkiln.store.ledger import open_ledger
from reelkiln.store.queue import NewSegment, add_order, count_states, list_segments
from reelkiln.store.running import claim

SUBMITTERS = 4
LOOKS = 500
PROMPT = "a glass serum bottle on a wet stone, morning light, slow push in, drops on the glass"


def one_work() -> str:
    """What a row holds in practice: two models' words."""
    shots = [
        Shot(prompt=PROMPT, model=name, seconds=Fraction(4), size=Size(720, 1280))
        for name in ("epicrealism-lightning", "spark")
    ]
    return work_to_text(Work(candidates=tuple(Candidate(shot=shot) for shot in shots)))


def submit(folder: str, number: int, count: int, results: multiprocessing.Queue) -> None:
    """One submitter: one order of one segment at a time, each its own transaction."""
    work, took = one_work(), []
    with open_ledger(Path(folder) / "ledger.db") as ledger:
        for n in range(count):
            name = f"s{number}-{n:05d}"
            segment = NewSegment(id=name, work=work, movie=f"reels/{name}.mp4", estimate=10.0)
            began = time.perf_counter()
            add_order(ledger, name, "bench", [segment], now=datetime.now(UTC))
            took.append(time.perf_counter() - began)
    results.put(took)


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


def submission(folder: Path, total: int) -> list[float]:
    """All submitters at once; returns the seconds of every submission."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=submit, args=(str(folder), n, total // SUBMITTERS, results))
        for n in range(SUBMITTERS)
    ]
    for process in processes:
        process.start()
    took = [one for _ in processes for one in results.get(timeout=240)]
    for process in processes:
        process.join()
    return took


def times(call: Callable[[], object], repeats: int = 7) -> float:
    """The median of some calls, in milliseconds."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return 1000 * statistics.median(found)


def overhead(folder: Path, count: int) -> float:
    """Milliseconds per segment that does nothing, one at a time: submit, run, end."""
    engine = DbosEngine(folder)
    ids = [f"n{n:04d}" for n in range(count)]
    with engine.run_worker(lambda _: None, 1):
        began = time.perf_counter()
        for one in ids:
            engine.resume(one)
            while engine.status(one) != "done":
                time.sleep(0.005)
        took = time.perf_counter() - began
    engine.close()
    return 1000 * took / count


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--overhead", type=int, default=100)
    asked = parser.parse_args()
    me = psutil.Process()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_ledger(folder / "ledger.db") as ledger:
            took = submission(folder, asked.segments)
            listing = times(lambda: list_segments(ledger))
            page = times(lambda: list_segments(ledger, most=100))
            counting = times(lambda: count_states(ledger))
            # What was looked at once has its code, its statements and its room; from then on it is
            # to be flat.
            held = [me.memory_info().rss]
            for _ in range(3):
                for _ in range(LOOKS):
                    list_segments(ledger, most=100)
                    count_states(ledger)
                held.append(me.memory_info().rss)
            claimed = times(lambda: claim(ledger, "gpu0", 2, now=datetime.now(UTC)))
        each = overhead(folder / "engine", asked.overhead)
    figures = {
        "segments": asked.segments,
        "submitters": SUBMITTERS,
        "submission p50 ms": round(percentile(took, 0.5), 1),
        "submission p99 ms": round(percentile(took, 0.99), 1),
        "submission max ms": round(max(took) * 1000, 1),
        "listing all ms": round(listing, 1),
        "listing the first 100 ms": round(page, 1),
        "counting states ms": round(counting, 1),
        "claiming two ms": round(claimed, 1),
        f"memory grown MiB, in each {2 * LOOKS} looks": [
            round((after - before) / 2**20, 2) for before, after in pairwise(held)
        ],
        "engine overhead per segment ms": round(each, 1),
        "python": platform.python_version(),
        "machine": f"{platform.system()}, {psutil.cpu_count()} cores",
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

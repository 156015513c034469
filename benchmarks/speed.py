"""How long the commands take and how much memory they hold, on this machine.

    .venv/bin/python benchmarks/speed.py [--runs 3]

Prints the machine, the versions, then for `reelkiln --help` and for `reelkiln make` with the
bundled model and default options: the seconds of each run of the whole process, the best one, and
the largest memory of the process with its children (resident set, sampled every 20 ms, a page
shared by two processes counted twice). An idle machine gives figures worth keeping.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

import psutil

SENTENCE = "a gold serum bottle slowly rotating on a pink background, soft studio light"
CASES = {
    "--help": ["--help"],
    "make, spark, default options": ["make", SENTENCE, "--model", "spark", "--seed", "7"],
}
LIBRARIES = ("reelkiln", "torch", "diffusers", "transformers", "numpy", "av")


def tree_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and its children, in bytes; 0 when it has ended."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def run(arguments: list[str]) -> tuple[float, int]:
    """Seconds and peak bytes of one run of the command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        call = [sys.executable, "-m", "reelkiln", *arguments]
        process = subprocess.Popen(
            call, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        seen, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            peak = max(peak, tree_bytes(seen))
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        if process.returncode:
            sys.exit(process.stderr.read().decode() if process.stderr else "failed")
    return seconds, peak


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    memory = psutil.virtual_memory().total / 2**30
    print(f"{platform.platform()}, {platform.processor() or platform.machine()}")
    print(
        f"{psutil.cpu_count(logical=False)} cores, load {os.getloadavg()[0]:.1f}, {memory:.0f} GiB"
    )
    print(
        f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in LIBRARIES)
    )
    for name, arguments in CASES.items():
        results = [run(arguments) for _ in range(runs)]
        times = ", ".join(f"{seconds:.2f}" for seconds, _ in results)
        best, peak = min(s for s, _ in results), max(p for _, p in results)
        print(f"{name}: {times} s; best {best:.2f} s; peak {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()

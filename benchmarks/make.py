"""How long a whole `reelkiln make` takes with the bundled model, and how much memory it holds.

    python benchmarks/make.py [--runs 3] [--model spark] [OPTION OF make …]

Each run is a process of its own, from its start to its end. Printed: the machine, the versions, the
best run, its seconds by phase, and the most memory that the process and its children held together.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata

import psutil

PROMPT = "a gold serum bottle slowly rotating on a pink background, soft studio light"
LIBRARIES = ("reelkiln", "torch", "diffusers", "transformers", "av", "numpy")


def tree_rss(process: psutil.Process) -> int:
    """Resident bytes of a process and all below it, now."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def run_once(options: list[str]) -> tuple[float, int, dict]:
    """Wall seconds, peak bytes of the tree, and what the command printed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "reelkiln", "make", PROMPT, "--seed", "1", "--json"]
        began = time.perf_counter()
        child = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env=os.environ | {"REELKILN_STATE": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        peak = 0
        told: list[bytes] = []
        reader = threading.Thread(target=lambda: told.append(child.stdout.read()))
        reader.start()
        watched = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, tree_rss(watched))
            time.sleep(0.02)
        took = time.perf_counter() - began
        reader.join()
    if child.returncode:
        sys.exit(f"make failed with {child.returncode}: {told[0].decode()}")
    return took, peak, json.loads(told[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    arguments, options = parser.parse_known_args()
    if "--model" not in options:
        options += ["--model", "spark"]
    print(f"machine   {platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("versions  " + ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES))
    runs = [run_once(options) for _ in range(arguments.runs)]
    for took, peak, _ in runs:
        print(f"run       {took:.1f} s, {peak / 2**20:.0f} MiB")
    took, _, told = min(runs, key=lambda run: run[0])
    (clip,) = told["clips"]
    phases = clip["took"]
    rest = took - sum(phases.values())
    print(f"best      {took:.1f} s of the whole process")
    print("phases    " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in phases.items()))
    print(f"          the rest {rest:.1f}: starting, importing, poster, sheet, ledger")
    print(f"memory    {max(peak for _, peak, _ in runs) / 2**20:.0f} MiB, the whole tree")


if __name__ == "__main__":
    main()

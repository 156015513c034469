"""How long the gate takes: prints the machine, the versions and milliseconds per clip.

python benchmarks/gate_speed.py
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gate.defects import pattern
from gate.sources import glide, product, texture
from reelkiln.gate.judge import judge
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.text import open_reader, read_text

ROUNDS = 15


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> str:
    """Least and median elapsed time, and median processor time, in milliseconds: three cells."""
    work()
    times, busy = [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        work()
        times.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - used))
    cells = (min(times), statistics.median(times), statistics.median(busy))
    return " | ".join(f"{cell:.1f}" for cell in cells)


def main() -> None:
    """Print a table."""
    clip = glide(texture(5, 16.0), 3.0)
    # The two that take longest: a pattern to be weighed, over a scene that moves and a still one.
    costly = {
        "a pattern lies over it": pattern(clip, 1, 0),
        "a pattern lies over a still scene": pattern(product((180, 40, 50), (225, 205, 170)), 1, 0),
    }
    wanted = Wanted(("#808080", "#a0a0a0"), (8,))
    marks = measure(clip, wanted)
    reader = open_reader()
    names = ("numpy", "opencv-python-headless", "rapidocr", "onnxruntime")
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}; ",
        end="",
    )
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"load of the machine while measuring: {os.getloadavg()[0]:.1f}\n")
    print("| 16 frames of 512x288 | least ms | median ms | processor ms |\n|---|---|---|---|")
    print(f"| every measure, all cores | {timed(lambda: measure(clip, wanted))} |")
    cv2.setNumThreads(1)
    print(f"| every measure, one core | {timed(lambda: measure(clip, wanted))} |")
    for name, one in costly.items():
        told = timed(lambda spoilt=one: measure(spoilt, wanted))
        print(f"| every measure, one core, {name} | {told} |")
    print(f"| judging | {timed(lambda: judge(marks))} |")
    print(f"| reading three pictures | {timed(lambda: read_text(clip, reader), 3)} |")


if __name__ == "__main__":
    main()

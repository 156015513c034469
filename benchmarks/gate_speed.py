"""How long the gate takes: prints the machine, the versions and milliseconds per clip.

python benchmarks/gate_speed.py
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gate.sources import glide, texture
from reelkiln.gate.judge import judge
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.text import open_reader, read_text

ROUNDS = 15


def timed(work: object, rounds: int = ROUNDS) -> str:
    """Median, least and greatest time of some work in milliseconds."""
    assert callable(work)
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


def main() -> None:
    """Print a table."""
    clip = glide(texture(5, 16.0), 3.0)
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
    print("| 16 frames of 512x288 | ms, median (least to greatest) |\n|---|---|")
    print(f"| every measure, all cores | {timed(lambda: measure(clip, wanted))} |")
    cv2.setNumThreads(1)
    print(f"| every measure, one core | {timed(lambda: measure(clip, wanted))} |")
    print(f"| judging | {timed(lambda: judge(marks))} |")
    print(f"| reading three pictures | {timed(lambda: read_text(clip, reader), 3)} |")


if __name__ == "__main__":
    main()

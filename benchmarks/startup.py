"""How long `reelkiln --help` takes: the whole process, best and median of ten.

python benchmarks/startup.py
"""

import os
import platform
import statistics
import subprocess
import sys
import time

RUNS = 10


def main() -> None:
    """Measure and print."""
    cores, python = os.cpu_count(), platform.python_version()
    print(f"machine  {platform.platform()}, {cores} cores, Python {python}")
    for arguments in (["--help"], ["--version"], ["make", "--help"]):
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "reelkiln", *arguments],
                stdout=subprocess.DEVNULL,
                check=True,
            )
            took.append(time.perf_counter() - began)
        words = " ".join(["reelkiln", *arguments])
        print(f"{words:22} best {min(took):.3f} s, median {statistics.median(took):.3f} s")


if __name__ == "__main__":
    main()

"""How long validation takes: a film of 60 s at 1080x1920, part by part and as a command.

    python benchmarks/validate.py [--rounds N]

The film is made by ffmpeg (24 frames a second, about 8 Mbit/s, stereo sound) and looked at N times;
wall time is the best, processor time that of the same round, over all threads and children. Prints
Markdown for docs/measured/validate.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from reelkiln.film.facts import probe
from reelkiln.film.finish import ffmpeg_program
from reelkiln.film.glimpse import glimpse
from reelkiln.film.layout import read_layout
from reelkiln.film.loudness import measure_loudness
from reelkiln.film.packets import weigh
from reelkiln.film.platforms import find_platform, house_rules, load_platforms
from reelkiln.film.survey import survey
from reelkiln.film.validate import judge, validate

SECONDS = 60


def make(target: Path) -> None:
    """A film as large as the ones that are delivered."""
    subprocess.run(
        [
            *(ffmpeg_program(), "-v", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=s=1080x1920:r=24:d={SECONDS}"),
            *("-f", "lavfi", "-i", f"aevalsrc=0.2*sin(2*PI*1000*t)|0.2*random(0):d={SECONDS}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2"),
            *("-g", "12", "-b:v", "8M", "-maxrate", "12M", "-bufsize", "16M"),
            *("-c:a", "aac", "-b:a", "128k", "-ar", "48000"),
            *("-movflags", "+faststart+negative_cts_offsets", "-use_editlist", "0", str(target)),
        ],
        check=True,
    )


def processor() -> float:
    """Processor seconds of this process and its ended children."""
    own, theirs = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime


def best(action: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Wall and processor seconds of the quickest round."""
    taken = []
    for _ in range(rounds):
        wall, used = time.perf_counter(), processor()
        action()
        taken.append((time.perf_counter() - wall, processor() - used))
    return min(taken)


def cases(film: Path) -> dict[str, Callable[[], object]]:
    """What is timed, by the name it has in the table."""
    shorts, platforms = find_platform("youtube-shorts"), load_platforms()
    weights = weigh(film)

    def command(*more: str) -> None:
        call = [sys.executable, "-m", "reelkiln", "validate", str(film), *more]
        subprocess.run(call, stdout=subprocess.DEVNULL, check=False)

    def all_platforms() -> None:
        seen, house = survey(film), house_rules()
        for one in platforms.values():
            judge(seen, one, house)

    return {
        "boxes": lambda: read_layout(film),
        "facts from packets": lambda: probe(film, decode=False),
        "what the tracks weigh": lambda: weigh(film),
        "sound decoded, loudness": lambda: measure_loudness(film),
        "twelve pictures": lambda: glimpse(film, weights.video.keys),
        "**validate**, one platform": lambda: validate(film, shorts),
        "validate, all platforms": all_platforms,
        "validate, every picture (`--deep`)": lambda: validate(film, shorts, deep=True),
        "**the command** `reelkiln validate`": lambda: command("--platform", "youtube-shorts"),
    }


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "film.mp4")
        make(film)
        print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores,")
        print(f"load {os.getloadavg()[0]:.1f} before. Python {platform.python_version()},")
        print(f"PyAV {version('av')}. {SECONDS} s, {film.stat().st_size / 2**20:.0f} MiB.\n")
        print("| step | wall s | processor s |\n|---|---|---|")
        for name, action in cases(film).items():
            wall, used = best(action, 1 if "deep" in name else rounds)
            print(f"| {name} | {wall:.2f} | {used:.2f} |", flush=True)


if __name__ == "__main__":
    main()

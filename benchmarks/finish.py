"""What finishing costs: 16 frames of 128x128 to a 4 s film, x264's presets compared; as Markdown.

    python benchmarks/finish.py [--clip FRAMES.npy] [--rounds N]

`--clip` names frames as the bundled model renders them (uint8, 16 x 128 x 128 x 3); without it a
drawn clip is used. Wall time is the best of the rounds on a machine that should do nothing else;
processor time is the sum over all cores of this process and ffmpeg, and bears a busy machine.
Quality is the structural similarity (ffmpeg's ssim) to the same frames encoded without loss.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import subprocess
import tempfile
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np

from clock import timed
from reelkiln.film.encode import PRESET
from reelkiln.film.facts import probe
from reelkiln.film.finish import Finish, ffmpeg_program, finish
from reelkiln.film.sheet import write_contact_sheet, write_poster
from reelkiln.reel import Clip, Size

PRESETS = ("ultrafast", "veryfast", "faster", "fast", "medium", "slow", "slower")
SIZES = (Size(720, 1280), Size(540, 960))


def drawn() -> Clip:
    """A lit ball with a fine texture that turns in front of a soft background."""
    down, across = np.mgrid[-1:1:128j, -1:1:128j]
    inside = np.clip((0.55 - np.hypot(down, across)) * 40, 0, 1)[..., None]
    frames = []
    for turn in np.linspace(0, 1, 16, endpoint=False):
        texture = 0.6 + 0.25 * np.sin(26 * (across + turn * 0.4)) * np.cos(19 * down)
        light = np.clip(0.9 - np.hypot(down + 0.3, across + 0.3), 0, 1)
        ball = (texture * light)[..., None] * [255, 190, 60]
        paper = (0.75 + 0.2 * down)[..., None] * [235, 150, 175]
        frames.append(np.clip(inside * ball + (1 - inside) * paper, 0, 255))
    return Clip(np.stack(frames).astype(np.uint8), Fraction(8))


def similarity(movie: Path, reference: Path) -> float:
    """The mean structural similarity of two films, 0 to 1."""
    graph = ("-i", str(movie), "-i", str(reference), "-lavfi", "ssim", "-f", "null", "-")
    done = subprocess.run(
        [ffmpeg_program(), "-hide_banner", *graph], capture_output=True, text=True, check=True
    )
    return float(re.findall(r"All:([\d.]+)", done.stderr)[-1])


def lossless(movie: Path, clip: Clip, size: Size) -> None:
    """The frames that go into x264, kept without loss: the reference."""
    from reelkiln.film.conform import conform, filters  # noqa: PLC0415

    work = conform(clip.size, clip.fps, wish(size))
    order = [*range(16), *range(14, 0, -1), *range(16)][: work.fed]
    raw = clip.frames[order].tobytes()
    source = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", str(clip.size))
    rate, chain = ("-framerate", str(clip.fps), "-i", "-"), ("-vf", filters(work))
    end = ("-frames:v", str(work.frames), "-c:v", "ffv1", "-y", str(movie))
    command = [ffmpeg_program(), "-v", "error", *source, *rate, *chain, *end]
    subprocess.run(command, input=raw, check=True)


def wish(size: Size) -> Finish:
    """Four seconds at 24 frames per second, forth and back."""
    return Finish(size, Fraction(4), Fraction(24), True)


def table(clip: Clip, rounds: int, room: Path) -> None:
    """Print a row for each size and preset."""
    print("| size | preset | wall s | processor s | file KiB | similarity |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        lossless(room / "reference.mkv", clip, size)
        for preset in PRESETS:
            movie = room / "film.mp4"
            wall, work = timed(lambda: once(clip, movie, size, preset), rounds)  # noqa: B023
            kib = movie.stat().st_size / 1024
            same = similarity(movie, room / "reference.mkv")
            row = (str(size), preset, f"{wall:.2f}", f"{work:.2f}", f"{kib:.0f}", f"{same:.4f}")
            print("|", " | ".join(row), "|", flush=True)


def once(clip: Clip, movie: Path, size: Size, preset: str) -> None:
    """Finish one film."""
    finish([clip], movie, wish(size), {}, lambda done, total: None, preset=preset)


def parts(room: Path, rounds: int) -> None:
    """Print what the steps after encoding cost."""
    movie, picture = room / "film.mp4", room / "picture.png"
    size = probe(movie).size
    print(f"\n| step, on the {size} film | wall s | processor s |")
    print("|---|---|---|")
    for name, action in (
        ("probe, every frame decoded", lambda: probe(movie)),
        ("probe, boxes and packets only", lambda: probe(movie, decode=False)),
        ("poster", lambda: write_poster(movie, picture)),
        ("contact sheet", lambda: write_contact_sheet(movie, picture)),
    ):
        wall, work = timed(action, rounds)
        print(f"| {name} | {wall:.2f} | {work:.2f} |")


def main() -> None:
    """Print the machine, the versions and the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    clip = drawn() if wanted.clip is None else Clip(np.load(wanted.clip), Fraction(8))
    said = subprocess.run(
        [ffmpeg_program(), "-version"], capture_output=True, text=True, check=True
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {cores} cores, "
        f"load {os.getloadavg()[0]:.1f} before"
    )
    print(f"Python {platform.python_version()}, {said.stdout.split(' Copyright')[0]}, "
          f"imageio-ffmpeg {version('imageio-ffmpeg')}, PyAV {version('av')}")  # fmt: skip
    print(f"Material: {wanted.clip.name if wanted.clip else 'drawn'}; best of {wanted.rounds}\n")
    with tempfile.TemporaryDirectory() as folder:
        table(clip, wanted.rounds, Path(folder))
        once(clip, Path(folder, "film.mp4"), SIZES[0], PRESET)
        parts(Path(folder), wanted.rounds)


if __name__ == "__main__":
    main()

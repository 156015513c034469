"""What lies over a film, laid there by compose() or by ffmpeg: 1080x1920, 24 fps; as Markdown.

    python benchmarks/overlay.py [--rounds N] [--seconds N]

Three pictures lie over all of it, fading in and out: a caption of three lines, a disclosure and a
logo; then an end card that fills the frame. Processor time is summed over all cores of this process
and ffmpeg and bears a busy machine; wall time is the best of the rounds.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from clock import timed
from reelkiln.film.compose import Shown, compose
from reelkiln.film.encode import CRF, PRESET
from reelkiln.film.finish import ffmpeg_program
from reelkiln.film.look import look
from reelkiln.film.overlay import Caption, Disclosure, EndCard, Logo, draw
from reelkiln.film.platforms import find_platform
from reelkiln.film.stage import Stage
from reelkiln.reel import Size

SMALL, LARGE, FPS = Size(512, 896), Size(1080, 1920), Fraction(24)
TEXT = "Vitamin C serum: brighter skin in 14 days — or your money back!"


def drawn(count: int) -> list[np.ndarray]:
    """A soft background with a light that moves over it."""
    down, across = np.mgrid[0 : 1 : SMALL.height * 1j, 0 : 1 : SMALL.width * 1j]
    frames = []
    for turn in np.linspace(0, 1, count):
        light = np.exp(-8 * ((across - turn) ** 2 + (down - 0.5) ** 2))
        grain = 0.04 * np.sin(90 * across + 20 * turn) * np.sin(70 * down)
        picture = (0.25 + 0.6 * light + grain)[..., None] * [255, 190, 160]
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return frames


def overlays(room: Path) -> tuple[Stage, dict[str, object]]:
    """The stage of Instagram Reels, and what lies over the film."""
    logo = Image.new("RGBA", (900, 300))
    logo.paste((255, 240, 220, 255), (20, 20, 880, 280))
    logo.save(room / "logo.png")
    stage = Stage.of(LARGE, find_platform("instagram-reels").safe_zone)
    card = EndCard(headline="Glow starts here", action="Shop now", logo=room / "logo.png")
    return stage, {
        "caption": Caption(text=TEXT),
        "disclosure": Disclosure(text="Made with AI"),
        "logo": Logo(path=room / "logo.png"),
        "end card": card,
    }


def encode(frames: Iterable[np.ndarray], size: Size, target: Path, *extra: str) -> None:
    """Frames through a pipe into x264, with further arguments of ffmpeg's."""
    source = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", str(size))
    begin = [ffmpeg_program(), "-v", "error", "-y", *source, "-framerate", str(FPS), "-i", "-"]
    end = ["-c:v", "libx264", "-preset", PRESET, "-crf", str(CRF), "-threads", "4", str(target)]
    with subprocess.Popen([*begin, *extra, *end], stdin=subprocess.PIPE) as child:
        assert child.stdin
        for frame in frames:
            child.stdin.write(memoryview(frame).cast("B"))
    assert child.returncode == 0


def scaled(frames: Iterable[np.ndarray], how: int = cv2.INTER_LANCZOS4) -> Iterator[np.ndarray]:
    """The frames in full size, by OpenCV."""
    for frame in frames:
        yield cv2.resize(frame, (LARGE.width, LARGE.height), interpolation=how)


def graph(files: list[Path], shown: list[Shown], seconds: float) -> list[str]:
    """The same pictures as inputs of ffmpeg, faded and laid by its filters."""
    inputs, chain, last = [], [f"[0:v]scale={LARGE.width}:{LARGE.height}:flags=lanczos[v0]"], "v0"
    for index, (file, one) in enumerate(zip(files, shown, strict=True), 1):
        inputs += ["-loop", "1", "-framerate", str(FPS), "-t", str(seconds), "-i", str(file)]
        fades = f"fade=in:d=0.2:alpha=1,fade=out:st={seconds - 0.2}:d=0.2:alpha=1"
        chain.append(f"[{index}:v]format=rgba,{fades}[p{index}]")
        place = f"{one.picture.left}:{one.picture.top}"
        chain.append(f"[{last}][p{index}]overlay={place}:format=auto[v{index}]")
        last = f"v{index}"
    chain.append(f"[{last}]format=yuv420p[out]")
    return [*inputs, "-filter_complex", ";".join(chain), "-map", "[out]"]


def row(name: str, figures: tuple[float, float], count: int = 1) -> None:
    """One line of a table, in milliseconds each."""
    wall, work = (1000 * figure / count for figure in figures)
    print(f"| {name} | {wall:.1f} | {work:.1f} |", flush=True)


def main() -> None:
    """Print the machine, the versions and the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    wanted = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    print(f"{datetime.date.today()}, {platform.machine()}, {cores} cores, load {load:.1f} before")
    names = ("numpy", "opencv-python-headless", "pillow", "uharfbuzz", "imageio-ffmpeg")
    print(f"Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in names)}\n")
    with tempfile.TemporaryDirectory() as folder:
        tables(Path(folder), wanted.rounds, wanted.seconds)


def tables(room: Path, rounds: int, seconds: int) -> None:
    """Drawing; laying; and whole films."""
    stage, wishes = overlays(room)
    brand = look(["#b4235a", "#ffe8c7"])
    print("| drawn once | wall ms | processor ms |\n|---|---|---|")
    for name, wish in wishes.items():
        row(name, timed(lambda: draw(wish, stage, brand), rounds))  # noqa: B023
    pictures = {name: draw(wish, stage, brand) for name, wish in wishes.items()}
    until = Fraction(seconds)
    every = {n: Shown(picture=p, start=Fraction(0), end=until) for n, p in pictures.items()}
    layers = [every[name] for name in ("caption", "disclosure", "logo")]
    small = drawn(int(seconds * FPS))
    large = list(scaled(small[:24]))
    print("\n| compose(), each frame | wall ms | processor ms |\n|---|---|---|")
    for name, shown in (("the three", layers), ("end card", [every["end card"]])):
        for state, steady in (("standing", Fraction(0)), ("fading all the time", until / 2)):
            fade = {"start": Fraction(0), "end": until, "fade_in": steady, "fade_out": steady}
            some = [Shown(picture=one.picture, **fade) for one in shown]
            figures = timed(lambda: all(map(len, compose(large, FPS, some))), rounds)  # noqa: B023
            row(f"{name}, {state}", figures, len(large))
    print(f"\n| {len(small)} frames of {SMALL} to {LARGE}, each | wall ms | processor ms |")
    print("|---|---|---|")
    files = [room / f"{index}.png" for index in range(len(layers))]
    for file, one in zip(files, layers, strict=True):
        one.picture.image.save(file)
    target, scale = room / "film.mp4", f"scale={LARGE.width}:{LARGE.height}:flags=lanczos"
    plain = (scale, "format=yuv420p")
    for name, action in (
        ("nothing over it, ffmpeg scales",
         lambda: encode(small, SMALL, target, "-vf", ",".join(plain))),
        ("three pictures, ffmpeg scales and lays them",
         lambda: encode(small, SMALL, target, *graph(files, layers, seconds))),
        ("nothing over it, OpenCV scales (cubic)",
         lambda: encode(scaled(small, cv2.INTER_CUBIC), LARGE, target, "-vf", "format=yuv420p")),
        ("three pictures, OpenCV scales (cubic) and compose() lays them",
         lambda: encode(compose(scaled(small, cv2.INTER_CUBIC), FPS, layers), LARGE, target,
                        "-vf", "format=yuv420p")),
        ("nothing over it, OpenCV scales (Lanczos)",
         lambda: encode(scaled(small), LARGE, target, "-vf", "format=yuv420p")),
        ("three pictures, OpenCV scales (Lanczos) and compose() lays them",
         lambda: encode(compose(scaled(small), FPS, layers), LARGE, target,
                        "-vf", "format=yuv420p")),
    ):  # fmt: skip
        row(name, timed(action, rounds), len(small))


if __name__ == "__main__":
    main()

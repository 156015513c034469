"""What a reel costs: 15 s of six shots to 1080x1920, kept at 24 fps and brought there from 8.

    python benchmarks/reel.py [--rounds N] [--small]

The shots are drawn (512x896, or 128x224 with `--small`) and joined by five cross-fades of a quarter
second. "The reel" is all that `reelkiln reel` does with takes: captions, the note and end card
drawn and laid over them, a bed of music made and brought to -14 LUFS, the film encoded, read back
and proved, marked and signed, held against its platform. Wall time is the best of the rounds;
processor time is summed over all cores of this process and ffmpeg and bears a busy machine.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import numpy as np

from clock import spent
from reelkiln.film.beds import find_bed
from reelkiln.film.join import Piece, join
from reelkiln.film.label import Claim, Signer, label, open_signer
from reelkiln.film.look import look
from reelkiln.film.overlay import EndCard
from reelkiln.film.platforms import find_platform, house_rules
from reelkiln.film.reel import Delivery, finish_reel
from reelkiln.film.sound import Sound, write_sound
from reelkiln.film.stage import Stage
from reelkiln.film.subtitles import Subtitle
from reelkiln.film.survey import survey
from reelkiln.film.titles import Ending, Titles, lay
from reelkiln.film.validate import judge
from reelkiln.reel import Clip, Size

Figures = tuple[str, float, float]

SHOTS, FADE = 6, Fraction(1, 4)
SECONDS = (15 + (SHOTS - 1) * FADE) / SHOTS
WISH = Delivery(size=Size(1080, 1920))
COLOURS = ((255, 180, 120), (150, 230, 160), (140, 170, 255))


def shot(size: Size, fps: int, number: int) -> list[Clip]:
    """A lit, textured picture whose light and texture move."""
    down, across = np.mgrid[0 : 1 : size.height * 1j, 0 : 1 : size.width * 1j].astype(np.float32)
    frames = []
    for at in np.linspace(0, 1, int(SECONDS * fps) + 3, dtype=np.float32):
        light = np.exp(-8 * ((across - at) ** 2 + (down - 0.5) ** 2))
        grain = 0.08 * np.sin((40 + 9 * number) * (across + 0.1 * at)) * np.sin(50 * down)
        picture = (0.25 + 0.6 * light + grain)[..., None] * np.float32(COLOURS[number % 3])
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return [Clip(np.stack(frames), Fraction(fps))]


def pieces(shots: list[list[Clip]]) -> list[Piece]:
    """The shots, each fading into the next."""
    return [
        Piece(clips=clips, seconds=SECONDS, crossfade=FADE if number else Fraction(0))
        for number, clips in enumerate(shots)
    ]


def titles() -> Titles:
    """A caption for each shot, the note, an end card over the last two seconds."""
    shown = SECONDS - FADE
    return Titles(
        seconds=Fraction(15),
        captions=tuple(
            Subtitle(text=f"Words on shot {at + 1}", start=at * shown, end=(at + 1) * shown)
            for at in range(SHOTS - 1)
        ),
        language="en",
        disclosure="Made with AI",
        ending=Ending(
            card=EndCard(headline="Ethereal Glow", action="Find it in our shop"),
            start=Fraction(13),
            fade_in=Fraction(2, 5),
        ),
    )


def whole(shots: list[list[Clip]], target: Path, signer: Signer) -> int:
    """A reel as it is delivered; returns its frames."""
    platform = find_platform("instagram-reels")
    target.unlink(missing_ok=True)
    laid = lay(titles(), Stage.of(WISH.size, platform.safe_zone), look(["#e8b7a6", "#2f2a28"]))
    sound = target.with_suffix(".f32")
    write_sound(Sound(source=find_bed("calm")), Fraction(15), sound)
    facts = finish_reel(
        pieces(shots), laid.shown, target, WISH, {}, sound=sound, on_frame=lambda done, total: None
    )
    label(target, Claim(recipe="0" * 64), signer)
    assert judge(survey(target), platform, house_rules()).ok
    return facts.frames


def ways(shots: list[list[Clip]], target: Path, signer: Signer) -> Iterator[Figures]:
    """Joining alone and the whole reel: name, wall and processor seconds."""
    for name, action in (
        ("joined only", lambda: sum(1 for _ in join(pieces(shots), WISH.size, WISH.fps))),
        ("the reel", lambda: whole(shots, target, signer)),
    ):
        begin, before = time.perf_counter(), spent()
        assert action() == 360
        yield name, time.perf_counter() - begin, spent() - before


def main() -> None:
    """Print the machine, the versions and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    wanted = parser.parse_args()
    size = Size(128, 224) if wanted.small else Size(512, 896)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    print(f"{datetime.date.today()}, {platform.machine()}, {cores} cores, load {load:.1f} before")
    names = ("numpy", "opencv-python-headless", "imageio-ffmpeg", "av")
    print(f"Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in names)}\n")
    print(f"| from {size} | wall s | of its 15 s | processor s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        signer = open_signer(Path(folder, "signing"), datetime.datetime.now(datetime.UTC))
        for fps in (24, 8):
            shots = [shot(size, fps, number) for number in range(SHOTS)]
            found: dict[str, list[tuple[float, float]]] = {}
            for _ in range(wanted.rounds):
                for name, wall, work in ways(shots, Path(folder, "reel.mp4"), signer):
                    found.setdefault(name, []).append((wall, work))
            for name, figures in found.items():
                wall, work = (min(column) for column in zip(*figures, strict=True))
                print(
                    f"| {fps} fps, {name} | {wall:.1f} | {wall / 15:.2f} | {work:.1f} |", flush=True
                )


if __name__ == "__main__":
    main()

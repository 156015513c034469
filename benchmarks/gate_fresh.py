"""Clean clips that no limit of the gate was set with: what `gate_defects.py --fresh` reports on.

    python benchmarks/gate_fresh.py RENDERS

renders the bundled model's part of them, one `*.npy` for each prompt. The rest are other pieces of
footage, other photographs, other drawings and other sources of ffmpeg than `gate_clips.py` has. Two
more wheels: `scikit-learn==1.9.1 matplotlib==3.11.2`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

from gate.sources import FRAMES, HEIGHT, RATE, WIDTH, pan, product, swarm, texture, turning
from gate_clips import footage, glide, photo
from reelkiln.reel import Clip

__all__ = ["FRESH_WRITTEN", "fresh"]

FRESH_WRITTEN = ("ffmpeg/testsrc-rotated", "photo/page", "photo/grace_hopper", "photo/logo")
"""Clips with writing of their own, which the reader rightly reads."""

FOOTAGE = {
    "bunny-4": ("bigbuckbunny.mp4", 32, 1),
    "bunny-5": ("bigbuckbunny.mp4", 79, 1),
    "bikes-6": ("bikes.mp4", 226, 1),
    "world-3": ("world.mp4", 200, 6),
    "world-4": ("world.mp4", 330, 6),
    "world-5": ("world.mp4", 700, 6),
}

PHOTOS = {
    "groot": (1.5, 0.5, 0.0),
    "moon": (1.0, 1.0, 0.01),
    "cheetah2": (1.5, 0.0, 0.01),
    "flower": (0.0, 1.5, 0.015),
    "china": (2.0, 0.0, 0.0),
    "grace_hopper": (0.5, 1.0, 0.01),
    "motorcycle_right": (-0.3, 0.5, 0.015),
    "logo": (1.0, 0.5, 0.01),
    "page": (2.0, 0.5, 0.0),
}

LAVFI = {
    "cellauto": "cellauto=s=128x72:r=8:rule=30:random_seed=5,scale={s}:flags=neighbor",
    "gradients": "gradients=s={s}:r=8:speed=0.05:seed=3:n=5,noise=alls=6:allf=t",
    "pal75-rotated": "pal75bars=s={s}:r=8,rotate=a=0.025*t*8:c=gray",
    "yuv-scrolled": "yuvtestsrc=s={s}:r=8,scroll=h=0.015",
    "zoneplate": "zoneplate=s={s}:r=8:ku=20:kv=12:kt2=0:kx2=30:ky2=18",
    "spectrum-rotated": "colorspectrum=s={s}:r=8,rotate=a=0.03*t*8:c=0x303030",
    "sierpinski-triangle": "sierpinski=s={s}:r=8:seed=9:jump=4:type=triangle",
    "life-wide": "life=s=96x54:r=8:seed=21:ratio=0.15:mold=20:life_color=#d06040"
    ":death_color=#103040:mold_color=#604020,scale={s}:flags=neighbor",
    "perlin-fine": "perlin=s={s}:r=8:seed=8:octaves=6:xscale=12:yscale=12:tscale=0.3",
    "mandelbrot-left": "mandelbrot=s={s}:r=8:start_scale=0.5:end_scale=0.1:end_pts=80"
    ":start_x=-1.25:start_y=0.05",
    "testsrc-rotated": "testsrc=s={s}:r=8,rotate=a=0.02*t*8:c=gray",
    "pal100-scrolled": "pal100bars=s={s}:r=8,scroll=h=0.018",
    "hald-scrolled": "haldclutsrc=level=6:r=8,scale={s}:flags=neighbor,scroll=v=0.012",
}


def lavfi(name: str) -> Clip:
    """Sixteen frames of one more of ffmpeg's own sources, at studio levels."""
    levels = ",".join(f"colorlevels={c}omin=0.08:{c}omax=0.9" for c in "rgb")
    source = LAVFI[name].format(s=f"{WIDTH}x{HEIGHT}") + "," + levels
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-ss", "1", "-frames:v", str(FRAMES), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return Clip(np.frombuffer(raw, np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 3).copy(), RATE)


def _clip(draw: Callable[[int], np.ndarray]) -> Clip:
    frames = [np.clip(draw(at), 0, 255).astype(np.uint8) for at in range(FRAMES)]
    return Clip(np.stack(frames), RATE)


def turntable(seed: int, ground: tuple[int, int, int]) -> Clip:
    """A jar whose label turns before a still, graded wall."""
    label = texture(seed, 6.0)[:140]
    shade = np.linspace(1.0, 0.75, WIDTH, dtype=np.float32)[None, :, None]
    wall = np.ones((HEIGHT, WIDTH, 3), np.float32) * np.float32(ground) * shade
    angle = np.arcsin(np.linspace(-0.98, 0.98, 160)) / np.pi
    light = np.cos(np.linspace(-1.3, 1.3, 160))[None, :, None] * 0.5 + 0.5

    def draw(at: int) -> np.ndarray:
        columns = ((angle * 300 + 300 + 6 * at) % label.shape[1]).astype(int)
        picture = wall.copy()
        picture[80:220, 176:336] = label[:, columns] * light
        return picture

    return _clip(draw)


def ripples(seed: int) -> Clip:
    """Water: rings from two places, over sand."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    sand = texture(seed, 3.0)[:HEIGHT, :WIDTH]

    def draw(at: int) -> np.ndarray:
        one = np.sin(np.hypot(x - 150, y - 120) / 7 - 0.6 * at)
        two = np.sin(np.hypot(x - 380, y - 190) / 9 - 0.5 * at)
        return sand * (1 + 0.12 * (one + two))[..., None]

    return _clip(draw)


def bokeh(seed: int) -> Clip:
    """Soft lights drift behind a sharp bottle."""
    rng = np.random.default_rng(seed)
    place, way = rng.random((30, 2)) * (WIDTH, HEIGHT), rng.normal(0, 2, (30, 2))
    inks = rng.integers(60, 255, (30, 3)).tolist()

    def draw(at: int) -> np.ndarray:
        picture = np.full((HEIGHT, WIDTH, 3), (36, 32, 44), np.float32)
        for (x, y), (u, v), ink in zip(place, way, inks, strict=True):
            cv2.circle(picture, (round(x + u * at), round(y + v * at)), 16, ink, -1)
        picture = cv2.GaussianBlur(picture, (0, 0), 7)
        cv2.rectangle(picture, (220 + 2 * at, 90), (290 + 2 * at, 260), (200, 170, 90), -1)
        cv2.rectangle(picture, (240 + 2 * at, 50), (270 + 2 * at, 90), (240, 240, 240), -1)
        return picture

    return _clip(draw)


def dawn(seed: int) -> Clip:
    """The light rises over gliding clouds, by a quarter in all."""
    clouds = pan(seed, 3.0, 18.0).frames.astype(np.float32)
    return _clip(lambda at: clouds[at] * (0.7 + 0.018 * at))


def snow(seed: int) -> Clip:
    """Small flakes fall before a dark slope."""
    rng = np.random.default_rng(seed)
    place = rng.random((160, 2)) * (WIDTH, HEIGHT)
    fall = rng.uniform(3, 8, 160)
    slope = texture(seed, 20.0)[:HEIGHT, :WIDTH] * 0.4

    def draw(at: int) -> np.ndarray:
        picture = slope.copy()
        for (x, y), speed in zip(place, fall, strict=True):
            centre = (round(x + at), round((y + speed * at) % HEIGHT))
            cv2.circle(picture, centre, 2, (225, 230, 240), -1, cv2.LINE_AA)
        return picture

    return _clip(draw)


def drawn() -> dict[str, Clip]:
    """Scenes that were drawn for this set alone."""
    return {
        "clouds-left": pan(21, -3.0, 12.0),
        "clouds-fine": pan(22, 5.0, 8.0),
        "clouds-turning-slowly": turning(24, 1.5),
        "clouds-leaving": glide(texture(25, 26.0), 0.5, 1.5, -0.008),
        "bottle-mint": product((90, 190, 160), (235, 235, 225), 3.0, 0, 5),
        "bottle-black": product((25, 25, 30), (170, 60, 60), 4.0, 0, 6),
        "bottle-night": product((90, 110, 190), (30, 34, 46), 6.0, 3, 7),
        "bottle-cream": product((235, 215, 190), (120, 90, 80), 2.0, 2, 8),
        "swarm-few": swarm(31, 10),
        "swarm-many": swarm(32, 90),
        "bottle-rose": product((220, 120, 150), (245, 240, 235), 5.0, 0, 9),
        "bottle-ochre": product((200, 140, 40), (60, 80, 70), 3.5, 4, 10),
        "turntable-green": turntable(43, (120, 160, 130)),
        "ripples-fine": ripples(52),
        "bokeh-more": bokeh(62),
        "snow-more": snow(82),
        "clouds-rising": glide(texture(26, 14.0), 0.0, -2.5),
        "turntable": turntable(41, (205, 200, 190)),
        "turntable-dark": turntable(42, (52, 48, 60)),
        "ripples": ripples(51),
        "bokeh": bokeh(61),
        "dawn": dawn(71),
        "snow": snow(81),
    }


PROMPTS = (
    "a red bottle rotating, navy background, soft light",
    "a gold perfume sliding left, beige background",
    "a pink jar rising on a pedestal, gray background",
    "a blue mug swinging, white background",
    "a green can zoom in, purple background, dramatic lighting",
    "a silver lipstick falling, teal background",
    "a black dropper sliding right, orange background",
    "a white pump rotating on water, blue background, sparkles",
    "an orange tube zoom out, black background",
    "a purple candle glowing, brown background, warm light",
    "a teal serum rising, pink background",
    "a yellow soap sliding left on a pedestal, navy background",
    "a brown bottle swinging, green background, soft light",
    "a gold ball falling on water, gray background",
    "a red perfume zoom in, white background, sparkles",
    "a blue dropper rotating, red background",
)


def render(folder: Path) -> None:
    """Render the prompts with the bundled model's standard preset, 16 frames each."""
    from motion import rendered  # noqa: PLC0415 - loads torch

    folder.mkdir(parents=True, exist_ok=True)
    for number, prompt in enumerate(PROMPTS):
        target = folder / f"fresh{number:02d}.npy"
        if not target.exists():
            np.save(target, rendered(prompt, 9000 + number, 1.0).frames)


def fresh(wheels: Path, spark: Path) -> dict[str, Clip]:
    """Every clip of this set by name. `spark` holds renders of the bundled model as `*.npy`."""
    found = {f"drawn/{name}": clip for name, clip in drawn().items()}
    found |= {f"ffmpeg/{name}": lavfi(name) for name in LAVFI}
    found |= {f"footage/{name}": footage(wheels, *place) for name, place in FOOTAGE.items()}
    found |= {f"photo/{name}": photo(wheels, name, *way) for name, way in PHOTOS.items()}
    for path in sorted(spark.glob("*.npy")):
        found[f"spark/{path.stem}"] = Clip(np.load(path), Fraction(8))
    return found


if __name__ == "__main__":
    render(Path(sys.argv[1]))

"""Clean clips of many kinds, made on the spot: drawn scenes and ffmpeg's own test sources."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction

import cv2
import imageio_ffmpeg
import numpy as np

from reelkiln.reel import Clip

FRAMES, HEIGHT, WIDTH = 16, 288, 512
RATE = Fraction(8)

LAVFI = {
    "testsrc": "testsrc=s={s}:r=8",
    "testsrc2": "testsrc2=s={s}:r=8",
    "mandelbrot": "mandelbrot=s={s}:r=8:start_scale=1:end_scale=0.2:end_pts=60",
    "mandelbrot-deep": "mandelbrot=s={s}:r=8:start_scale=0.02:end_scale=0.005:end_pts=60",
    "life": "life=s=64x36:r=8:seed=7:ratio=0.2:mold=10:life_color=#60c060:death_color=#203050"
    ":mold_color=#405080,scale={s}:flags=neighbor",
    "life-slow": "life=s=32x18:r=8:seed=3:mold=60:death_color=#804020:life_color=#f0e0a0"
    ":mold_color=#302010,scale={s}:flags=neighbor",
    "sierpinski": "sierpinski=s={s}:r=8:seed=4:jump=3:type=carpet",
    "perlin": "perlin=s={s}:r=8:seed=3:octaves=5:xscale=6:yscale=6:tscale=0.4",
    "bars-scrolled": "smptebars=s={s}:r=8,scroll=h=0.02",
    "hd-bars-zoomed": "smptehdbars=s={s}:r=8,rotate=a=0.02*t*8:c=gray",
    "chart-scrolled": "colorchart=r=8:patch_size=64x64,scale={s}:flags=neighbor,scroll=v=0.015",
    "rgb-rotated": "rgbtestsrc=s={s}:r=8,rotate=a=0.03*t*8:c=0x404040",
}


def lavfi(name: str) -> Clip:
    """Sixteen frames of one of ffmpeg's own sources."""
    # Studio levels: no camera gives the full range that test patterns use.
    levels = ",".join(f"colorlevels={c}omin=0.08:{c}omax=0.9" for c in "rgb")
    source = LAVFI[name].format(s=f"{WIDTH}x{HEIGHT}") + "," + levels
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-ss", "1", "-frames:v", str(FRAMES), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return Clip(np.frombuffer(raw, np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 3).copy(), RATE)


def _clip(draw: Callable[[int], np.ndarray]) -> Clip:
    frames = [np.clip(draw(at), 0, 255).astype(np.uint8) for at in range(FRAMES)]
    return Clip(np.stack(frames), RATE)


def texture(seed: int, sigma: float = 5.0, wide: int = WIDTH + 320) -> np.ndarray:
    """A field of coloured clouds with fine grain, float 0 to 255."""
    rng = np.random.default_rng(seed)
    rough = cv2.GaussianBlur(rng.random((HEIGHT + 160, wide, 3)).astype(np.float32), (0, 0), sigma)
    rough = (rough - rough.min()) / (rough.max() - rough.min())
    fine = cv2.GaussianBlur(rng.random((HEIGHT + 160, wide, 3)).astype(np.float32), (0, 0), 0.8)
    return (0.75 * rough + 0.25 * fine) * 235 + 10


def pan(seed: int, step: float = 4.0, sigma: float = 5.0) -> Clip:
    """The camera glides over clouds."""
    return glide(texture(seed, sigma), step)


def glide(picture: np.ndarray, step: float, rise: float = 0.0, zoom: float = 0.0) -> Clip:
    """The camera glides (pixels a frame) over a large picture, and nears it (share a frame)."""

    def draw(at: int) -> np.ndarray:
        scale = 1 / (1 + zoom * at)
        matrix = np.float32([[scale, 0, 8 + step * at], [0, scale, 8 + rise * at]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            picture.astype(np.float32),
            matrix,
            (WIDTH, HEIGHT),
            flags=flags,
            borderMode=cv2.BORDER_REFLECT,
        )

    return _clip(draw)


def product(
    colour: tuple[int, int, int],
    ground: tuple[int, int, int],
    step: float = 5.0,
    noise: int = 0,
    seed: int = 1,
) -> Clip:
    """A bottle with a label crosses a graded ground with a table: hard edges, soft shade."""
    rng = np.random.default_rng(seed)

    def draw(at: int) -> np.ndarray:
        shade = np.linspace(1.0, 0.72, HEIGHT, dtype=np.float32)[:, None, None]
        picture = np.ones((HEIGHT, WIDTH, 3), np.float32) * np.float32(ground) * shade
        picture[220:] *= 0.85
        x, y = round(120 + step * at), 70
        body = picture.copy()
        cv2.rectangle(body, (x, y + 40), (x + 80, y + 180), colour, -1, cv2.LINE_AA)
        cv2.rectangle(body, (x + 28, y), (x + 52, y + 40), (30, 30, 30), -1, cv2.LINE_AA)
        cv2.ellipse(body, (x + 40, y + 110), (30, 22), 0, 0, 360, (240, 240, 235), -1, cv2.LINE_AA)
        light = np.linspace(0.75, 1.15, WIDTH, dtype=np.float32)[None, :, None]
        grain = rng.normal(0, noise, picture.shape) if noise else 0
        return body * light + grain

    return _clip(draw)


def swarm(seed: int, count: int = 24) -> Clip:
    """Coloured balls on a checked ground, each on its own way."""
    rng = np.random.default_rng(seed)
    place, way = rng.random((count, 2)) * (WIDTH, HEIGHT), rng.normal(0, 4, (count, 2))
    inks = rng.integers(20, 255, (count, 3)).tolist()
    ground = np.kron(rng.integers(60, 130, (9, 16, 3)), np.ones((32, 32, 1))).astype(np.float32)

    def draw(at: int) -> np.ndarray:
        picture = ground.copy()
        for (x, y), (u, v), ink in zip(place, way, inks, strict=True):
            centre = (round(x + u * at), round(y + v * at))
            cv2.circle(picture, centre, 18, ink, -1, cv2.LINE_AA)
        return picture

    return _clip(draw)


def turning(seed: int, degrees: float = 3.0) -> Clip:
    """Clouds turn about the centre."""
    picture = texture(seed, 12.0)

    def draw(at: int) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((400, 220), degrees * at, 1.0 + 0.01 * at)
        return cv2.warpAffine(picture, matrix, (800, 440), borderMode=cv2.BORDER_REFLECT)[
            80 : 80 + HEIGHT, 140 : 140 + WIDTH
        ]

    return _clip(draw)


def drawn() -> dict[str, Clip]:
    """The drawn scenes."""
    return {
        "clouds": pan(1, 4.0, 24.0),
        "clouds-fast": pan(2, 9.0, 16.0),
        "clouds-turning": turning(4),
        "clouds-nearing": glide(texture(5, 30.0), 1.0, 1.0, 0.015),
        "bottle-beige": product((180, 40, 50), (225, 205, 170)),
        "bottle-white": product((30, 90, 180), (255, 255, 255)),
        "bottle-dark": product((190, 150, 60), (42, 40, 48)),
        "bottle-grain": product((60, 140, 90), (200, 215, 225), 4.0, 5),
        "bottle-slow": product((210, 90, 140), (150, 170, 200), 1.5),
        "swarm": swarm(6),
        "swarm-dense": swarm(7, 60),
    }

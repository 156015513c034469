"""Material for the film room's tests, and a second pair of eyes: ffmpeg itself."""

import re
import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from reelkiln.film.facts import Facts
from reelkiln.film.finish import Finish, finish
from reelkiln.film.waves import RATE
from reelkiln.reel import Clip, Size

BACKGROUND, BOX = (40, 60, 90), (220, 180, 40)


def moving_box(count: int, *, fps: float = 8, width: int = 64, height: int = 64, step: int = 2):
    """A bright box that moves `step` pixels to the right in each frame."""
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = BACKGROUND
    side = min(width, height) // 4
    for index in range(count):
        left = 4 + index * step
        frames[index, height // 2 - side // 2 : height // 2 + side // 2, left : left + side] = BOX
    return Clip(frames, Fraction(fps).limit_denominator(1001))


def plain(colour: tuple[int, int, int], count: int, *, fps: int = 24, side: int = 64):
    """Frames of one colour."""
    return Clip(np.full((count, side, side, 3), colour, np.uint8), Fraction(fps))


def box_at(frame: np.ndarray) -> float:
    """The horizontal middle of what differs from the left edge's colour, in pixels."""
    weight = np.abs(frame.astype(np.int32) - frame[:1, :1].astype(np.int32)).sum(axis=(0, 2))
    weight = np.where(weight > weight.max() * 0.1, weight, 0)
    return float((weight * np.arange(len(weight))).sum() / weight.sum())


def wish(seconds: float = 1, fps: float = 24, *, size: str = "64x64", loop: bool = False):
    width, height = map(int, size.split("x"))
    exact = Fraction(seconds).limit_denominator(1000), Fraction(fps).limit_denominator(1001)
    return Finish(Size(width, height), *exact, loop)


def make(target: Path, clip: Clip | None = None, **more) -> Facts:
    """Finish a small film of one second."""
    tags = more.pop("tags", {})
    on_frame = more.pop("on_frame", lambda done, total: None)
    return finish([clip or moving_box(8)], target, wish(**more), tags, on_frame)


def ffmpeg(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    """Run the ffmpeg of the tests, which is not the library that the room reads with."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    return subprocess.run(
        [program, "-hide_banner", "-nostdin", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        **more,
    )


def made_by_ffmpeg(target: Path, *arguments: str) -> Path:
    """A foreign film: made by ffmpeg with these arguments."""
    done = ffmpeg("-v", "error", "-y", *arguments, str(target))
    assert done.returncode == 0, done.stderr
    return target


def shown_frames(movie: Path) -> list[tuple[str, bool]]:
    """Picture type and key flag of every frame in the order it is shown, by ffmpeg's showinfo."""
    said = ffmpeg("-i", str(movie), "-vf", "showinfo", "-f", "null", "-").stderr
    return [(kind, key == "1") for key, kind in re.findall(r"iskey:(\d) type:(\w)", said)]


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write floats (samples x channels) as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path

"""What the sound of a film costs, how loud it comes out and whether it is in step; as Markdown.

    python benchmarks/sound.py [--seconds N]

"Film" figures are of the AAC track of a finished MP4, decoded again; its loudness and peak are read
by ffmpeg's own `ebur128`. `spiky` is faint noise with a sharp click four times a second, the worst
case of a limiter.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import tempfile
import time
import wave
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np

from reelkiln.film.beds import BEDS, Bed
from reelkiln.film.conform import Finish, conform
from reelkiln.film.encode import command, encode
from reelkiln.film.finish import ffmpeg_program
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.sound import Sound, write_sound
from reelkiln.film.track import Track
from reelkiln.film.waves import RATE, write_raw
from reelkiln.reel import Size

FORM = ("-f", "f32le", "-ar", str(RATE), "-ac", "2")


def ffmpeg(*arguments: str) -> str:
    """What ffmpeg says of this."""
    program = [ffmpeg_program(), "-hide_banner", "-nostdin", "-y", *arguments]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", check=True)
    return done.stderr


def heard(*source: str) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP), by ffmpeg's `ebur128`."""
    said = ffmpeg(*source, "-map", "0:a", "-af", "ebur128=peak=true", "-f", "null", "-")
    summary = said.rpartition("Summary:")[2]
    found = (re.search(rf"{word}:\s+(\S+) ", summary) for word in ("I", "Peak"))
    lufs, peak = (float(one[1]) for one in found if one)
    return lufs, peak


def film(folder: Path, sound: Path, seconds: int) -> Path:
    """A small film with this sound."""
    work = conform(Size(64, 64), Fraction(24), Finish(Size(64, 64), Fraction(seconds)))
    notes, target = folder / "tags.txt", folder / "film.mp4"
    notes.write_bytes(b";FFMETADATA1\n")
    frames = (np.full((64, 64, 3), 90, np.uint8) for _ in range(work.fed))
    arguments = command(ffmpeg_program(), work, notes, target, sound=sound)
    encode(arguments, frames, target, lambda _: None, Interrupts())
    return target


def spiky(path: Path, seconds: int) -> Path:
    """A track that is hard to make loud."""
    sound = np.random.default_rng(5).uniform(-0.02, 0.02, (seconds * RATE, 2))
    sound[:: RATE // 4] = 0.99
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    return path


def plain(source: Bed | Track, folder: Path, seconds: int) -> Path:
    """The same music before it is levelled, as far as loudnorm is concerned."""
    path = folder / "plain.f32"
    write_sound(Sound(source=source, gain=-30), Fraction(seconds), path)
    return path


def loudnorm(source: tuple[str, ...], folder: Path) -> tuple[float, float, float, str]:
    """ffmpeg's filter in two passes: seconds, LUFS, dBTP and which of its two ways it went."""
    begin, aim = time.perf_counter(), "loudnorm=I=-14:TP=-2:LRA=11:print_format=json"
    said = json.loads(re.findall(r"\{[^{}]*\}", ffmpeg(*source, "-af", aim, "-f", "null", "-"))[-1])
    names = {"I": "input_i", "TP": "input_tp", "LRA": "input_lra", "thresh": "input_thresh"}
    known = ":".join(f"measured_{name}={said[key]}" for name, key in names.items())
    out = str(folder / "norm.f32")
    again = ffmpeg(*source, "-af", f"{aim}:{known}:linear=true", *FORM, out)
    way = json.loads(re.findall(r"\{[^{}]*\}", again)[-1])["normalization_type"]
    spent = time.perf_counter() - begin
    return spent, *heard(*FORM, "-i", out), way


def late(folder: Path, at: float) -> int:
    """By how many samples a click comes too late out of the film."""
    sound = np.zeros((3 * RATE, 2), np.float32)
    sound[round(at * RATE)] = 0.9
    write_raw([sound], folder / "click.f32")
    with av.open(str(film(folder, folder / "click.f32", 3))) as container:
        blocks = [frame.to_ndarray().T for frame in container.decode(audio=0)]
    return int(np.argmax(np.abs(np.concatenate(blocks)).max(axis=1))) - round(at * RATE)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=15)
    seconds = parser.parse_args().seconds
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, numpy {version('numpy')}, PyAV {version('av')}.\n")
    print(f"{seconds} seconds of | ours, s | LUFS | dBTP | film LUFS | film dBTP ", end="")
    print("| loudnorm, s | LUFS | dBTP | its way\n|" + "---|" * 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources: dict[str, Bed | Track] = {**BEDS}
        sources["spiky"] = Track(spiky(folder / "spiky.wav", seconds))
        for title, source in sources.items():
            begin = time.perf_counter()
            ours = write_sound(Sound(source=source), Fraction(seconds), folder / "ours.f32")
            spent = time.perf_counter() - begin
            lufs, peak = heard("-i", str(film(folder, folder / "ours.f32", seconds)))
            raw = (*FORM, "-i", str(plain(source, folder, seconds)))
            if isinstance(source, Track):
                raw = ("-i", str(source.path))
            took, norm, top, way = loudnorm(raw, folder)
            print(
                f"{title} | {spent:.1f} | {ours.lufs:.1f} | {ours.peak:.1f} | {lufs} | {peak} ",
                end="",
            )
            print(f"| {took:.1f} | {norm} | {top} | {way}")
        places = (0.1, 0.7, 1.3, 2.9)
        print(f"\nA click comes late by {[late(folder, at) for at in places]} samples.")


if __name__ == "__main__":
    main()

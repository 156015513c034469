"""Films from elsewhere, good but for one thing: made by ffmpeg, or patched byte by byte."""

import struct
from pathlib import Path

from film.scenes import made_by_ffmpeg

PICTURE = "testsrc2=s={size}:r={rate}:d={seconds}"
TONE = "aevalsrc={left}|{left}:s={rate}:d={seconds}"
TIDY = ("-movflags", "+faststart+negative_cts_offsets", "-use_editlist", "0")
GROUPS = ("-g", "12", "-keyint_min", "12", "-sc_threshold", "0", "-bf", "2")
CLOSED = ("-flags:v", "+cgop", "-x264-params", "b-adapt=0:b-pyramid=none:open-gop=0")


def foreign(
    target: Path,
    *,
    seconds: float = 4,
    size: str = "540x960",
    rate: str = "24",
    volume: float = 0.2,
    sound_seconds: float | None = None,
    sound_rate: int = 48_000,
    codec: tuple[str, ...] = ("libx264", *CLOSED),
    pixels: str = "yuv420p",
    sound: tuple[str, ...] | None = ("-c:a", "aac", "-b:a", "128k"),
    tidy: tuple[str, ...] = TIDY,
    more: tuple[str, ...] = (),
) -> Path:
    """A film that every vertical platform takes, unless an argument says otherwise.

    A tone of 1 kHz of amplitude 0.2 in both channels is -14 LUFS loud (EBU Tech 3341).
    """
    lasts = seconds if sound_seconds is None else sound_seconds
    tone = TONE.format(left=f"{volume}*sin(2*PI*1000*t)", rate=sound_rate, seconds=lasts)
    return made_by_ffmpeg(
        target,
        *("-f", "lavfi", "-i", PICTURE.format(size=size, rate=rate, seconds=seconds)),
        *(("-f", "lavfi", "-i", tone) if sound else ()),
        *("-c:v", codec[0], "-preset", "ultrafast", "-pix_fmt", pixels, *GROUPS, *codec[1:]),
        *(sound or ()),
        *tidy,
        *more,
    )


def patched(source: Path, target: Path, *changes: tuple[int, bytes]) -> Path:
    """A copy with other bytes at some places."""
    data = bytearray(source.read_bytes())
    for at, what in changes:
        data[at : at + len(what)] = what
    target.write_bytes(data)
    return target


def body_of(data: bytes, kind: bytes, number: int = 0) -> int:
    """Where the body of the nth box of a kind begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(kind, at + 1)
    return at + 4


def claiming(source: Path, target: Path, seconds: int) -> Path:
    """A copy whose movie header claims another length."""
    at = body_of(source.read_bytes(), b"mvhd")
    (scale,) = struct.unpack_from(">I", source.read_bytes(), at + 12)
    return patched(source, target, (at + 16, struct.pack(">I", seconds * scale)))


def moved_chunk(source: Path, target: Path, to: int) -> Path:
    """A copy whose first chunk of pictures is said to lie elsewhere."""
    return patched(
        source, target, (body_of(source.read_bytes(), b"stco") + 8, struct.pack(">I", to))
    )


def wiped(source: Path, target: Path, at: int, count: int) -> Path:
    """A copy with some bytes overwritten."""
    return patched(source, target, (at, b"\xff" * count))

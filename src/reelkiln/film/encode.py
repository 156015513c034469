"""Frames through ffmpeg into an MP4: one child process, fed on its stdin."""

import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from reelkiln.film import child
from reelkiln.film.conform import Conform, filters
from reelkiln.film.faults import encoder_failed
from reelkiln.film.interrupt import Interrupts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PRESET", "command", "encode"]

PRESET, CRF = "veryfast", 18
"""x264's speed and quality, chosen by measurement: docs/measured/finish.md."""

THREADS = 4
"""Fixed, because x264's choices depend on it: equal input gives equal bytes on every machine."""

SOUND_RATE = 48_000
PRIMING = 1024
"""Samples that an AAC encoder puts before the first: without edit lists they play. So sound begins
as many samples further in, which keeps it with the picture, and lasts exactly as long as it."""


def command(
    program: str,
    work: Conform,
    tags: Path,
    target: Path,
    *,
    preset: str = PRESET,
    sound: Path | None = None,
) -> list[str]:
    """The argument list: raw RGB frames on stdin, `frame=N` lines on stdout, the MP4 in `target`.

    Closed groups of half the rate with fixed pairs of B-frames, the moov in front and no edit lists
    are what Instagram and YouTube ask for. `negative_cts_offsets` is what lets B-frames start at 0
    without an edit list.

    `sound` is a file of raw little-endian 32-bit floats, 48 kHz stereo, which begins with the film;
    cut, or continued by silence, to its length. Without it the sound track is silent.
    """
    source, rate = work.source, f"{work.source_fps.numerator}/{work.source_fps.denominator}"
    samples = max(1, round(Fraction(work.frames) / work.fps * SOUND_RATE) - PRIMING)
    gop = str(max(1, round(work.fps / 2)))
    return [
        program,
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-nostats", "-y"),
        *("-progress", "pipe:1", "-stats_period", "0.2"),
        *("-f", "rawvideo", "-pixel_format", "rgb24", "-framerate", rate),
        *("-video_size", str(source), "-i", "pipe:0"),
        *_heard(sound, samples),
        *("-f", "ffmetadata", "-i", f"file:{tags}"),
        *("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "-1"),
        *("-vf", filters(work), "-frames:v", str(work.frames), "-fps_mode", "passthrough"),
        *("-c:v", "libx264", "-preset", preset, "-crf", str(CRF), "-profile:v", "high"),
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", "2"),
        *("-x264-params", "b-adapt=0:b-pyramid=none", "-threads", str(THREADS)),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-color_range", "tv", *_in_step(sound, samples), "-c:a", "aac", "-b:a", "128k"),
        *("-flags:v", "+cgop+bitexact", "-flags:a", "+bitexact", "-fflags", "+bitexact"),
        *("-movflags", "+faststart+negative_cts_offsets+use_metadata_tags"),
        *("-use_editlist", "0", "-f", "mp4", f"file:{target}"),
    ]


def _heard(sound: Path | None, samples: int) -> tuple[str, ...]:
    if sound is None:
        silence = f"anullsrc=r={SOUND_RATE}:cl=stereo,atrim=end_sample={samples}"
        return ("-f", "lavfi", "-i", silence)
    return ("-f", "f32le", "-ar", str(SOUND_RATE), "-ac", "2", "-i", f"file:{sound}")


def _in_step(sound: Path | None, samples: int) -> tuple[str, ...]:
    if sound is None:
        return ()
    begun = f"atrim=start_sample={PRIMING},asetpts=PTS-STARTPTS"
    return ("-af", f"{begun},apad=whole_len={samples},atrim=end_sample={samples}")


def encode(
    arguments: list[str],
    frames: Iterable["NDArray[np.uint8]"],
    target: Path,
    on_frame: Callable[[int], None],
    ctrl_c: Interrupts,
) -> None:
    """Run ffmpeg, feed it frames (uint8, height x width x 3) and wait for its end.

    `on_frame` hears how many frames are encoded, in the calling thread. An exception from it, from
    `frames`, or Ctrl-C ends the child before it leaves here.

    Raises:
        DiskFull: ffmpeg found no room; the message names `target`.
        FilmError: ffmpeg failed in another way; the message holds the last line it said.
    """
    with tempfile.TemporaryFile() as errors:
        code = _run(arguments, frames, errors, on_frame, ctrl_c)
        if code != 0:
            errors.seek(0)
            said = errors.read(100_000).decode("utf-8", "replace")
            raise encoder_failed(target, code, said)


def _run(
    arguments: list[str],
    frames: Iterable["NDArray[np.uint8]"],
    errors: IO[bytes],
    on_frame: Callable[[int], None],
    ctrl_c: Interrupts,
) -> int:
    counts: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    ctrl_c.held = True  # from here until the `try`, nobody would end the child
    process = child.start(arguments, errors)
    listener = threading.Thread(target=_listen, args=(process.stdout, counts), daemon=True)
    listener.start()
    try:
        ctrl_c.release()
        _feed(process, frames, lambda: _report(counts, on_frame, wait=False))
        _report(counts, on_frame, wait=True)
        return process.wait()
    finally:
        ctrl_c.held = True
        child.end(process, listener)
        ctrl_c.release()


def _listen(lines: IO[bytes], counts: "queue.SimpleQueue[int | None]") -> None:
    for line in lines:
        key, _, value = line.partition(b"=")
        if key == b"frame" and value.strip().isdigit():
            counts.put(int(value))
    counts.put(None)


def _feed(
    process: "subprocess.Popen[bytes]",
    frames: Iterable["NDArray[np.uint8]"],
    between: Callable[[], None],
) -> None:
    stdin = cast("IO[bytes]", process.stdin)
    for frame in frames:
        try:
            stdin.write(np.ascontiguousarray(frame).data)
        except OSError:
            return  # ffmpeg has all it wants, or failed: its exit code tells
        between()
    try:
        stdin.close()
    except OSError:
        return


def _report(
    counts: "queue.SimpleQueue[int | None]", on_frame: Callable[[int], None], *, wait: bool
) -> None:
    while True:
        try:
            count = counts.get(block=wait)
        except queue.Empty:
            return
        if count is None:
            counts.put(None)
            return
        on_frame(count)

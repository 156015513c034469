"""Frames at another rate: motion interpolated by ffmpeg, blended where motion explains nothing.

A frame in between is blended where the measured flow from one source frame to the next leaves more
than half of their difference unexplained: something appears, flickers or turns into another thing,
and blocks that are moved about all the same tear the picture. Measured: docs/measured/reel.md.
"""

import queue
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from math import floor
from typing import IO, TYPE_CHECKING, cast

import cv2
import numpy as np

from reelkiln.errors import FilmError
from reelkiln.film import child
from reelkiln.film.conform import Conform, interpolation
from reelkiln.film.interrupt import Interrupts

if TYPE_CHECKING:
    import subprocess

    from reelkiln.reel import Frames

__all__ = ["UNEXPLAINED", "retime", "unexplained"]

UNEXPLAINED = 0.5
"""From this share on, frames are blended."""

STILL = 1.0
"""Levels of 255: frames that differ by less are told apart by no eye, and by no flow."""

SMALLEST = 32
"""Pixels of a side: of smaller frames ffmpeg's filter makes nothing (measured with ffmpeg 9.0)."""

LOOK = 192
"""Pixels of the longer side at which the flow is measured: enough to judge by, and quick."""


def unexplained(before: "Frames", after: "Frames") -> float:
    """The share (from 0, about 1 and more for a cut) of two frames' difference that is no motion.

    `before` and `after` are uint8, height x width x 3. The flow is OpenCV's DIS (Kroeger et al.,
    "Fast Optical Flow using Dense Inverse Search", 2016).
    """
    one, two = _looked_at(before), _looked_at(after)
    differ = float(cv2.absdiff(one, two).mean())
    if differ < STILL:
        return 0.0
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(one, two, None)
    down, across = np.indices(one.shape, np.float32)
    moved = cv2.remap(
        two, across + flow[..., 0], down + flow[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return float(cv2.absdiff(one, moved).mean()) / differ


def _looked_at(frame: "Frames") -> "Frames":
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, LOOK / max(grey.shape))
    # The flow's patches are of 8 pixels, and its pyramid needs a few of them.
    size = tuple(max(32, round(side * scale)) for side in grey.shape[::-1])
    return cast("Frames", cv2.resize(grey, size, interpolation=cv2.INTER_AREA))


def retime(
    frames: "Iterator[Frames]", work: Conform, program: str, ctrl_c: Interrupts
) -> "Generator[Frames, None, None]":
    """`work.fed` cropped source frames in, `work.frames` of the same size at `work.fps` out.

    Only a few dozen are held at once. Frames that lie on a source frame are that frame itself.
    Closing the generator ends ffmpeg; so does whatever is raised.

    Raises:
        FilmError: a side is under 32 pixels, or ffmpeg failed: the message holds its last line.
    """
    if min(work.crop.width, work.crop.height) < SMALLEST:
        raise FilmError(
            f"frames of {work.crop.width}x{work.crop.height} are too small to interpolate",
            hint="render larger ones, or at the rate of the film",
        )
    with tempfile.TemporaryFile() as errors:
        before, ctrl_c.held = ctrl_c.held, True  # until the `try`, nobody would end the child
        process = child.start(_command(program, work), errors)
        drawn: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, drawn, work), daemon=True)
        reader.start()
        try:
            if not before:
                ctrl_c.release()
            yield from _between(frames, process, drawn, work, errors)
        finally:
            before, ctrl_c.held = ctrl_c.held, True
            child.end(process, reader)
            if not before:
                ctrl_c.release()


def _command(program: str, work: Conform) -> list[str]:
    rate = f"{work.source_fps.numerator}/{work.source_fps.denominator}"
    return [
        program,
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-nostats"),
        *("-f", "rawvideo", "-pixel_format", "rgb24", "-framerate", rate),
        *("-video_size", f"{work.crop.width}x{work.crop.height}", "-i", "pipe:0"),
        *("-vf", interpolation(work), "-frames:v", str(work.frames), "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
    ]


def _read(stdout: IO[bytes], drawn: "queue.SimpleQueue[bytes | None]", work: Conform) -> None:
    count = work.crop.width * work.crop.height * 3
    while len(data := stdout.read(count)) == count:
        drawn.put(data)
    drawn.put(None)


def _between(
    frames: "Iterator[Frames]",
    process: "subprocess.Popen[bytes]",
    drawn: "queue.SimpleQueue[bytes | None]",
    work: Conform,
    errors: IO[bytes],
) -> "Iterator[Frames]":
    """One source frame goes in whenever nothing is there to come out: ffmpeg sets the pace."""
    step = work.source_fps / work.fps
    near: deque[Frames] = deque()
    passed, judged, torn = 0, -1, False
    feeding = True
    for number in range(work.frames):
        while feeding and drawn.empty():
            feeding = _feed(process, frames, near)
        data = drawn.get()
        if data is None:
            raise _failed(process, errors)
        at = number * step
        pair = floor(at)
        for _ in range(pair - passed):
            near.popleft()
        passed = pair
        if at == pair:
            yield near[0]
            continue
        if judged != pair:
            judged, torn = pair, unexplained(near[0], near[1]) > UNEXPLAINED
        yield _blended(near[0], near[1], at - pair) if torn else _picture(data, work)


def _picture(data: bytes, work: Conform) -> "Frames":
    return np.frombuffer(data, np.uint8).reshape(work.crop.height, work.crop.width, 3)


def _blended(one: "Frames", two: "Frames", share: Fraction) -> "Frames":
    return cast("Frames", cv2.addWeighted(one, 1 - float(share), two, float(share), 0))


def _feed(
    process: "subprocess.Popen[bytes]", frames: "Iterator[Frames]", near: "deque[Frames]"
) -> bool:
    """Whether there may be more."""
    stdin = cast("IO[bytes]", process.stdin)
    frame = next(frames, None)
    try:
        if frame is None:
            stdin.close()
            return False
        near.append(frame)
        stdin.write(np.ascontiguousarray(frame).data)
        stdin.flush()
    except OSError:
        return False  # ffmpeg has all it wants, or failed: what comes out tells
    return True


def _failed(process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> FilmError:
    code = process.wait()
    errors.seek(0)
    lines = errors.read(100_000).decode("utf-8", "replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    last = said[-1][:200] if said else f"it ended with code {code}"
    return FilmError(
        f"motion could not be interpolated: {last}", hint="try again; report it if it stays"
    )

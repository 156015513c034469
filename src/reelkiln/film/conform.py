"""Making material match its delivery: which frames, in which order, filtered how. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from reelkiln.errors import UsageError
from reelkiln.reel import Size

__all__ = [
    "Conform",
    "Crop",
    "Finish",
    "conform",
    "cover",
    "filters",
    "forth_and_back",
    "interpolation",
]

SIDE_MIN, SIDE_MAX = 32, 4096
"""The smallest side with room for the sharpening filter; the largest that H.264 level 5.2 knows."""

FPS_MAX = 60
SECONDS_MAX = 600

ENLARGED = Fraction(5, 4)
"""From this enlargement on, edges get softer than they need be: the source is sharpened a little
(before it is enlarged, where it costs nothing and reaches the edges as the model drew them)."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The wish: the delivered size (even sides, 32 to 4096), seconds (to 600) and rate (1 to 60).

    With `forth_and_back`, material that is too short is played to its end, back, forth again and
    so on. Without, it must last.
    """

    size: Size
    seconds: Fraction
    fps: Fraction = Fraction(24)
    forth_and_back: bool = False

    def __post_init__(self) -> None:
        sides = (self.size.width, self.size.height)
        if not all(SIDE_MIN <= side <= SIDE_MAX and side % 2 == 0 for side in sides):
            raise UsageError(
                f"no film can be {self.size}",
                hint=f"both sides must be even, from {SIDE_MIN} to {SIDE_MAX}",
            )
        if not 1 <= self.fps <= FPS_MAX:
            raise UsageError(f"no film can have {self.fps} frames per second", hint="use 24")
        if not 0 < self.seconds <= SECONDS_MAX:
            raise UsageError(f"no film can last {float(self.seconds):g} seconds")

    @property
    def frames(self) -> int:
        """Seconds times rate, rounded to the nearest whole frame, at least 1."""
        return max(1, floor(self.seconds * self.fps + Fraction(1, 2)))


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of source pixels."""

    width: int
    height: int
    left: int
    top: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conform:
    """What is done to the frames.

    `needed` frames of material last for the whole film; `fed` frames go into the filters (the
    material's further ones, else its last one again), `frames` come out.
    """

    source: Size
    source_fps: Fraction
    crop: Crop
    size: Size
    fps: Fraction
    interpolated: bool
    sharpened: bool
    needed: int
    fed: int
    frames: int


def conform(source: Size, source_fps: Fraction, wish: Finish) -> Conform:
    """Decide how material of this size and rate becomes what is wished.

    ffmpeg's minterpolate looks one frame ahead of the pair it works on, so its last picture lies at
    the last frame but one: 16 frames at 8 fps give 43 at 24, not 48 (measured with ffmpeg 9.0). Two
    further frames therefore go in behind the last moment that is wanted. Of fewer than 3 it makes
    nothing.

    >>> conform(Size(128, 128), Fraction(8), Finish(Size(72, 128), Fraction(2))).fed
    18
    """
    frames = wish.frames
    same = source_fps == wish.fps
    last = ceil(Fraction(frames - 1) * source_fps / wish.fps)
    needed = ceil(Fraction(frames) * source_fps / wish.fps)
    crop = cover(source, wish.size)
    return Conform(
        source=source,
        source_fps=source_fps,
        crop=crop,
        size=wish.size,
        fps=wish.fps,
        interpolated=not same,
        sharpened=wish.size.width >= crop.width * ENLARGED,
        needed=frames if same else needed,
        fed=frames if same else max(needed, last + 2, 3),
        frames=frames,
    )


def cover(source: Size, size: Size) -> Crop:
    """The largest centred rectangle of the source with the aspect of `size`, to the whole pixel.

    >>> cover(Size(128, 128), Size(720, 1280))
    Crop(width=72, height=128, left=28, top=0)
    """
    aspect = Fraction(size.width, size.height)
    width = min(source.width, max(1, round(source.height * aspect)))
    height = min(source.height, max(1, round(source.width / aspect)))
    return Crop(width, height, (source.width - width) // 2, (source.height - height) // 2)


def forth_and_back(count: int) -> Iterator[int]:
    """Frame numbers without end: 0 to the last, back to 0, and again. No end is shown twice.

    >>> from itertools import islice
    >>> list(islice(forth_and_back(4), 10))
    [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    """
    while True:
        yield from range(count - 1)
        yield from range(count - 1, 0, -1)
        if count == 1:
            yield 0


def filters(work: Conform) -> str:
    """ffmpeg's filter chain: numbers only, never a word that a person wrote.

    From RGB to Y'CbCr once, by the matrix that the file is tagged with and at full chroma. Motion
    is interpolated on the few source pixels, before anything is enlarged. The transfer curve stays:
    the pictures are meant for a screen, and players show what is tagged BT.709 unchanged.
    """
    crop = work.crop
    chain = [
        "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int+bitexact",
        "format=yuv444p",
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
        f"crop={crop.width}:{crop.height}:{crop.left}:{crop.top}:exact=1",
    ]
    if work.interpolated:
        chain.append(_minterpolate(work))
    if work.sharpened:
        chain.append("unsharp=3:3:0.6:3:3:0")
    if Size(crop.width, crop.height) != work.size:
        flags = "lanczos+accurate_rnd+full_chroma_inp+bitexact"
        chain.append(f"scale={work.size.width}:{work.size.height}:flags={flags}")
    chain.append("format=yuv420p")
    return ",".join(chain)


def interpolation(work: Conform) -> str:
    """ffmpeg's filter chain from cropped RGB to RGB at the wished rate, and nothing else.

    At full range and full chroma, so that the way to Y'CbCr and back costs a level at most. Cuts
    are not looked for: who asks for this judges each pair of frames (`reelkiln.film.motion`).
    """
    exact = "flags=accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
    return ",".join((
        f"scale=out_color_matrix=bt709:out_range=pc:{exact}", "format=yuv444p",
        f"{_minterpolate(work)}:scd=none",
        f"scale=in_color_matrix=bt709:in_range=pc:{exact}", "format=rgb24",
    ))  # fmt: skip


def _minterpolate(work: Conform) -> str:
    rate = f"{work.fps.numerator}/{work.fps.denominator}"
    return f"minterpolate=fps={rate}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"

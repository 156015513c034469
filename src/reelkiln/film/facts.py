"""What a film is: read from its boxes and packets, and proved by decoding every frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from av.video.frame import VideoFrame

from reelkiln.errors import FilmError
from reelkiln.film.boxes import BrokenBoxes, furthest_sample, scan
from reelkiln.film.container import frames_of, has_codec, opened, packets_of, picture
from reelkiln.reel import Size

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["Colour", "Facts", "Sound", "probe"]

# ITU-T H.273, tables 2 to 4: the numbers that the bit stream carries. Others are given as numbers.
_PRIMARIES = {1: "bt709", 2: "", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 12: "smpte432"}
_TRANSFER = {1: "bt709", 2: "", 6: "smpte170m", 13: "srgb", 14: "bt2020-10", 16: "pq", 18: "hlg"}
_MATRIX = {0: "rgb", 1: "bt709", 2: "", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc"}
_RANGE = {0: "", 1: "tv", 2: "pc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """The colour tags of the stream, empty where it says nothing (H.273's names)."""

    primaries: str
    transfer: str
    matrix: str
    range: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The first sound track: codec, samples per second, channels, and its length in seconds."""

    codec: str
    rate: int
    channels: int
    seconds: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a film is.

    `frames` is the number of pictures: decoded where `decoded`, else counted as packets. `fps` is
    their rate, an average where not `constant_rate`; `seconds` is how long the picture track lasts
    and `start` when its first frame is shown. `gop` is the longest distance between two frames at
    which a player may start, in frames; `closed_gop` says that no frame needs one before it.
    `b_frames` is the longest run of frames that are stored after one they precede. `edit_lists` and
    `moov_first` are about MP4 only (0 and False elsewhere). `bytes` is the file's size.
    """

    frames: int
    decoded: bool
    size: Size
    fps: Fraction
    seconds: Fraction
    start: Fraction
    constant_rate: bool
    codec: str
    profile: str
    pixel_format: str
    colour: Colour
    gop: int
    closed_gop: bool
    b_frames: int
    sound: Sound | None
    moov_first: bool
    edit_lists: int
    bytes: int

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track."""
        return self.sound is not None


@dataclass(frozen=True, slots=True)
class _Layout:
    moov_first: bool
    edit_lists: int


@dataclass(frozen=True, slots=True)
class _Shown:
    """A packet of the picture: when it is shown, how long, and whether one may start there."""

    at: int
    lasts: int
    key: bool


def probe(path: Path, *, decode: bool = True) -> Facts:
    """Read the facts of a film; with `decode`, prove that every frame decodes.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: it is no film, has no picture, is cut short, or (with `decode`) a frame or a
            sound packet is damaged or missing.
    """
    with opened(path) as film:
        layout = _layout(path) if "mp4" in film.format.name else _Layout(False, 0)
        stream = picture(film, path)
        shown = [_seen(packet) for packet in packets_of(film, stream) if _is_shown(packet)]
        if not shown:
            raise FilmError(f"{path} has no frames", hint="make or copy the file again")
        sound = _sound(film)
        facts = _facts(path, stream, shown, sound, layout)
    if not decode:
        return facts
    frames = _decoded(path)
    if frames != facts.frames:
        raise FilmError(
            f"{path} is damaged: {frames} of its {facts.frames} frames decode",
            hint="make or copy the file again",
        )
    return replace(facts, decoded=True)


def _layout(path: Path) -> _Layout:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            boxes = scan(file, size)
            if furthest_sample(file, boxes) > size:
                raise BrokenBoxes("its samples lie beyond its end")
    except BrokenBoxes as error:
        raise FilmError(
            f"{path} is cut short or damaged: {error}", hint="make or copy the file again"
        ) from error
    kinds = [box.kind for box in boxes]
    first = "mdat" not in kinds or ("moov" in kinds and kinds.index("moov") < kinds.index("mdat"))
    return _Layout(first, kinds.count("elst"))


def _is_shown(packet: Packet[VideoStream]) -> bool:
    return packet.size > 0 and not packet.is_discard  # an edit list may hide frames


def _seen(packet: Packet[VideoStream]) -> _Shown:
    at = packet.pts if packet.pts is not None else packet.dts
    return _Shown(at or 0, packet.duration or 0, packet.is_keyframe)


def _facts(
    path: Path, stream: VideoStream, shown: Sequence[_Shown], sound: Sound | None, layout: _Layout
) -> Facts:
    code, base = stream.codec_context, Fraction(stream.time_base or Fraction(1))
    times = sorted(packet.at for packet in shown)
    steps = {after - before for before, after in pairwise(times)}
    last = max(shown, key=lambda packet: packet.at)
    seconds = (last.at + last.lasts - times[0]) * base
    constant = len(steps) <= 1 and (not steps or last.lasts in (0, *steps))
    rate = stream.average_rate or stream.guessed_rate or Fraction(0)
    return Facts(
        frames=len(shown),
        decoded=False,
        size=Size(code.width, code.height),
        fps=1 / (base * next(iter(steps))) if constant and steps else Fraction(rate),
        seconds=seconds,
        start=times[0] * base,
        constant_rate=constant,
        codec=code.name,
        profile=code.profile or "",
        pixel_format=code.pix_fmt or "",
        colour=Colour(
            primaries=_PRIMARIES.get(int(code.color_primaries), str(int(code.color_primaries))),
            transfer=_TRANSFER.get(int(code.color_trc), str(int(code.color_trc))),
            matrix=_MATRIX.get(int(code.colorspace), str(int(code.colorspace))),
            range=_RANGE.get(int(code.color_range), str(int(code.color_range))),
        ),
        gop=_gop([packet.key for packet in shown]),
        closed_gop=_closed(shown),
        b_frames=_b_frames([packet.at for packet in shown]),
        sound=sound,
        moov_first=layout.moov_first,
        edit_lists=layout.edit_lists,
        bytes=path.stat().st_size,
    )


def _gop(keys: Sequence[bool]) -> int:
    """The longest run from one key frame to the next or to the end, in stored order.

    >>> _gop([True, False, False, True, False])
    3
    """
    starts = [index for index, key in enumerate(keys) if key] or [0]
    return max(after - before for before, after in pairwise([*starts, len(keys)]))


def _closed(shown: Sequence[_Shown]) -> bool:
    """Whether nothing that is stored after a key frame is shown before it."""
    newest = shown[0].at
    for packet in shown:
        newest = packet.at if packet.key else newest
        if packet.at < newest:
            return False
    return True


def _b_frames(times: Sequence[int]) -> int:
    """The longest run of frames shown before one that was stored earlier.

    >>> _b_frames([0, 3, 1, 2, 6, 4, 5]), _b_frames([0, 1, 2])
    (2, 0)
    """
    longest = run = 0
    newest = times[0]
    for at in times:
        run = run + 1 if at < newest else 0
        longest, newest = max(longest, run), max(newest, at)
    return longest


def _sound(film: InputContainer) -> Sound | None:
    stream = next(filter(has_codec, film.streams.audio), None)
    if stream is None:
        return None
    code = stream.codec_context
    length = Fraction(stream.duration or 0) * Fraction(stream.time_base or 0)
    return Sound(
        codec=code.name,
        rate=code.sample_rate or 0,
        channels=code.layout.nb_channels,
        seconds=length,
    )


def _decoded(path: Path) -> int:
    """How many frames decode; every sound packet is decoded too."""
    frames = 0
    with opened(path) as film:
        stream = picture(film, path)
        for frame in frames_of(film, stream, *filter(has_codec, film.streams.audio[:1])):
            frames += isinstance(frame, VideoFrame)
    return frames

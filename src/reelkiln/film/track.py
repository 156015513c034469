"""A person's own music, read as a stream; and whose it is, as far as they said."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.container import frames_of, has_codec, opened_sound
from reelkiln.film.waves import RATE, samples_of

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from reelkiln.film.waves import Wave

__all__ = ["RIGHTS_NOT_STATED", "Rights", "Track", "play_track", "rights_words"]

SECONDS_MAX = 2 * 60 * 60
"""Longer than any piece that fits under a reel: what lasts longer is most likely the wrong file."""

RIGHTS_NOT_STATED = "music rights not stated"

GUESSED = {"mp3", "aac"}
"""Formats whose length is reckoned from the first packets, not written down."""

SHORT = Fraction(1, 2)
"""Seconds that a file may end before the time it states. (A WAV or Ogg that is cut is believed:
FFmpeg reckons their length from where the file ends.)"""

LOUDEST = 1000.0
"""Full scale is 1; floating-point files may go beyond, but not by 60 dB."""

_CONVERT = "convert it to WAV or FLAC"


@dataclass(frozen=True, slots=True)
class Rights:
    """Under which licence the music is used, and where it is from; both in the person's words.

    Raises:
        UsageError: one of them is blank or not printable on one line.
    """

    licence: str
    source: str

    def __post_init__(self) -> None:
        for what, words in (("licence", self.licence), ("source", self.source)):
            if not words.strip() or not words.isprintable():
                raise UsageError(
                    f"the music's {what} is blank or no plain line of text",
                    hint=f"state the {what}, or neither licence nor source",
                )


@dataclass(frozen=True, slots=True)
class Track:
    """A file with music and the rights to it, None where nobody stated them.

    When its beats fall is not known: no beat is guessed.
    """

    path: Path
    rights: Rights | None = None


def rights_words(rights: Rights | None) -> str:
    """What a sidecar says of the rights.

    >>> rights_words(None)
    'music rights not stated'
    >>> rights_words(Rights("CC BY 4.0", "example.org/song"))
    'CC BY 4.0, example.org/song'
    """
    return f"{rights.licence}, {rights.source}" if rights else RIGHTS_NOT_STATED


def play_track(track: Track, samples: int, start: int = 0) -> "Iterator[Wave]":
    """At most so many samples of a track from sample `start` on, as blocks (float32, samples x 2).

    Whatever its rate and channels, it comes at 48 kHz in stereo. Only what is asked for is decoded
    and checked, and never held whole; a track that ends earlier gives what it has.

    Raises:
        UsageError: the file is missing or may not be read, or ends before `start`.
        FilmError: it is no music, has no sound track or an empty one, lasts over 2 hours, or is
            damaged within the part that is asked for.
    """
    path = track.path
    with opened_sound(path) as container:
        stream = _stream(container, path)
        stated = _stated(container, stream)
        if stated is not None and stated > SECONDS_MAX:
            raise FilmError(
                f"{path} lasts {_span(stated)}; music may last up to {_span(SECONDS_MAX)}",
                hint="cut out the part that you want",
            )
        heard = 0
        for block in _decoded(container, stream, path):
            kept = block[max(0, start - heard) : max(0, start + samples - heard)]
            heard += len(block)
            if len(kept):
                yield kept
            if heard >= start + samples:
                return
    _check_end(path, heard, start, stated if container.format.name not in GUESSED else None)


def _stream(container: "InputContainer", path: Path) -> "AudioStream":
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise FilmError(f"{path} has no sound track", hint="name a file with music")
    if not has_codec(stream):
        raise FilmError(f"{path} uses a codec that is not known here", hint=_CONVERT)
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def _stated(container: "InputContainer", stream: "AudioStream") -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _decoded(container: "InputContainer", stream: "AudioStream", path: Path) -> "Iterator[Wave]":
    into = AudioResampler(format="flt", layout="stereo", rate=RATE)
    form: tuple[object, ...] | None = None
    for frame in frames_of(container, stream):
        found = (frame.sample_rate, frame.format.name, frame.layout.name)
        form = form or found
        if found != form:
            raise FilmError(f"{path} changes its sound on the way", hint=_CONVERT)
        frame.pts = None  # the samples follow each other; damaged times would tear them apart
        yield from _blocks(into.resample(frame), path)
    if form is not None:
        yield from _blocks(into.resample(None), path)


def _blocks(frames: list[AudioFrame], path: Path) -> "Iterator[Wave]":
    for frame in frames:
        block = np.asarray(frame.to_ndarray(), np.float32).reshape(-1, 2)
        if len(block) and not np.max(np.abs(block)) <= LOUDEST:  # NaN is not below either
            raise FilmError(f"{path} holds numbers that are no sound", hint=_CONVERT)
        yield block


def _check_end(path: Path, heard: int, start: int, stated: Fraction | None) -> None:
    if heard == 0:
        raise FilmError(f"{path} has a sound track of no length", hint="name a file with music")
    if stated is not None and heard < samples_of(stated - SHORT):
        raise FilmError(
            f"{path} is cut short: it states {_span(stated)} and holds {heard / RATE:.1f} s",
            hint="make or copy the file again",
        )
    if heard <= start:
        raise UsageError(
            f"{path} lasts {heard / RATE:.1f} s and cannot start at {start / RATE:.1f} s",
            hint="start it earlier",
        )


def _span(seconds: Fraction | int) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"

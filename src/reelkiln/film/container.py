"""Opening a film with PyAV: only files on this machine, only containers that hold a film."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast, overload

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from reelkiln.errors import FilmError
from reelkiln.film.faults import translated

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet
    from av.video.frame import VideoFrame

__all__ = ["frames_of", "has_codec", "opened", "opened_sound", "packets_of", "picture"]

_Stream = TypeVar("_Stream", bound=Stream)

# A playlist with a film's name could otherwise make ffmpeg open other files, or the network.
_LOCAL_FILMS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts",
}
_LOCAL_SOUND = {
    "protocol_whitelist": "file",
    "format_whitelist": "mp3,wav,w64,flac,ogg,aac,aiff,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
}


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A container, open for reading; PyAV's errors inside the `with` become ours.

    Raises:
        UsageError: the file is missing, is a folder or may not be read.
        FilmError: it is no film, or is damaged.
    """
    with (
        translated(path),
        av.open(
            str(path.absolute()), "r", options=dict(_LOCAL_FILMS), metadata_errors="replace"
        ) as container,
    ):
        yield container


@contextmanager
def opened_sound(path: Path) -> Iterator[InputContainer]:
    """A file with music, or a film with sound; as `opened`, but what it says is about music.

    Raises:
        UsageError: the file is missing, is a folder or may not be read.
        FilmError: it is no music, or is damaged.
    """
    with (
        translated(path, sound=True),
        av.open(
            str(path.absolute()), "r", options=dict(_LOCAL_SOUND), metadata_errors="replace"
        ) as container,
    ):
        yield container


def picture(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream, decoded on all cores; a damaged frame is an error, not a smear.

    Raises:
        FilmError: there is none, its codec is unknown, or its frames have no size.
    """
    if not container.streams.video:
        raise FilmError(f"{path} has no picture", hint="name a film, not a sound file")
    stream = container.streams.video[0]
    if not has_codec(stream):
        raise FilmError(f"{path} uses a codec that is not known here", hint="convert it to H.264")
    if stream.codec_context.width < 1 or stream.codec_context.height < 1:
        raise FilmError(f"{path} has a picture of no size", hint="make or copy the file again")
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def has_codec(stream: VideoStream | AudioStream) -> bool:
    """Whether the stream can be decoded at all (PyAV's types promise it; damaged files do not)."""
    return bool(stream.codec_context)


def packets_of(
    container: InputContainer, *streams: _Stream
) -> "Generator[Packet[_Stream], None, None]":
    """The packets of some streams, in stored order, as `InputContainer.demux`.

    Whoever looks for one picture leaves before the end. PyAV 18 frees what it read into only where
    its iterator came to its end or was closed, and that of its `decode` cannot close the one
    inside; each time 150 bytes stay, and hold the large buffers around them. This one closes it.
    """
    demuxed = cast("Generator[Packet[_Stream], None, None]", container.demux(*streams))
    with closing(demuxed) as packets:
        yield from packets


@overload
def frames_of(container: InputContainer, *streams: VideoStream) -> "Iterator[VideoFrame]": ...
@overload
def frames_of(container: InputContainer, *streams: AudioStream) -> "Iterator[AudioFrame]": ...
@overload
def frames_of(
    container: InputContainer, *streams: VideoStream | AudioStream
) -> "Iterator[VideoFrame | AudioFrame]": ...
def frames_of(
    container: InputContainer, *streams: VideoStream | AudioStream
) -> "Iterator[VideoFrame | AudioFrame]":
    """The frames of some streams, as `InputContainer.decode`; see `packets_of`."""
    with closing(packets_of(container, *streams)) as packets:
        for packet in packets:
            yield from cast("list[VideoFrame | AudioFrame]", packet.decode())

"""Errors of PyAV, ffmpeg and the disk, in our words. The one table of this room.

`tests/film/test_faults.py` walks PyAV's tree of exceptions and fails when a new one is not here.
"""

import errno
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.error

from reelkiln.errors import DiskFull, FilmError, ReelkilnError, UsageError

__all__ = ["TABLE", "Fault", "encoder_failed", "on_disk", "translated"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a foreign error means: one of ours, what to say after the file's name, a hint."""

    kind: type[ReelkilnError]
    says: str
    hint: str = ""


_NOT_A_FILM = Fault(
    FilmError, "is not a film that can be read, or is cut short", "make or copy the file again"
)
_UNREADABLE = Fault(
    FilmError, "uses a codec or container that is not read here", "convert it to H.264 in MP4"
)
_INSIDE = Fault(FilmError, "could not be read", "try again; if it stays, the file is damaged")
_DISK = Fault(FilmError, "could not be read from the disk", "check the disk or the network drive")
_NEVER = Fault(FilmError, "points to another place", "only files on this machine are read")
_DENIED = Fault(UsageError, "may not be read", "check the rights of the file")

TABLE: Mapping[type[av.error.FFmpegError], Fault] = {
    av.error.InvalidDataError: _NOT_A_FILM,
    av.error.EOFError: _NOT_A_FILM,
    av.error.ArgumentError: _NOT_A_FILM,  # what ffmpeg says of a container that is not let in
    av.error.InputChangedError: _NOT_A_FILM,
    av.error.OutputChangedError: _NOT_A_FILM,
    av.error.LookupError: _UNREADABLE,
    av.error.PatchWelcomeError: _UNREADABLE,
    av.error.NotImplementedError: _UNREADABLE,
    av.error.ExperimentalError: _UNREADABLE,
    av.error.FileNotFoundError: Fault(UsageError, "is missing", "check the path"),
    av.error.IsADirectoryError: Fault(UsageError, "is a folder", "name a file"),
    av.error.NotADirectoryError: Fault(UsageError, "is missing", "check the path"),
    av.error.PermissionError: _DENIED,
    av.error.MemoryError: Fault(
        FilmError, "needs more memory than there is", "close other programs and try again"
    ),
    av.error.HTTPError: _NEVER,
    av.error.HTTPClientError: _NEVER,
    av.error.ConnectionAbortedError: _NEVER,
    av.error.ConnectionRefusedError: _NEVER,
    av.error.ConnectionResetError: _NEVER,
    av.error.ProtocolNotFoundError: _NEVER,
    av.error.OSError: _DISK,
    av.error.TimeoutError: _DISK,
    av.error.BlockingIOError: _DISK,
    av.error.InterruptedError: _DISK,
    av.error.BrokenPipeError: _DISK,
    av.error.FileExistsError: _DISK,
    av.error.ChildProcessError: _INSIDE,
    av.error.ProcessLookupError: _INSIDE,
    av.error.BufferTooSmallError: _INSIDE,
    av.error.BugError: _INSIDE,
    av.error.ExitError: _INSIDE,
    av.error.ExternalError: _INSIDE,
    av.error.OverflowError: _INSIDE,
    av.error.PyAVCallbackError: _INSIDE,
    av.error.UndefinedError: _INSIDE,
    av.error.UnknownError: _INSIDE,
}
"""Each exception of PyAV, or the nearest of its ancestors below FFmpegError, to what it means."""


_OF_SOUND: Mapping[Fault, Fault] = {
    _NOT_A_FILM: Fault(
        FilmError, "is not music that can be read, or is cut short", "make or copy the file again"
    ),
    _UNREADABLE: Fault(
        FilmError, "uses a codec or container that is not read here", "convert it to WAV or FLAC"
    ),
}


def fault_of(kind: type[BaseException]) -> Fault | None:
    """The nearest row of the table among a class and its ancestors."""
    return next((TABLE[parent] for parent in kind.__mro__ if parent in TABLE), None)


@contextmanager
def translated(path: Path, *, sound: bool = False) -> Iterator[None]:
    """Turn PyAV's errors inside the `with` into ours, naming the file: a film, or else `sound`.

    Raises:
        UsageError: the file is missing, is a folder or may not be read.
        FilmError: everything else.
    """
    try:
        yield
    except av.error.FFmpegError as error:
        fault = fault_of(type(error)) or _INSIDE
        fault = _OF_SOUND.get(fault, fault) if sound else fault
        raise fault.kind(f"{path} {fault.says}", hint=fault.hint) from error


_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_FULL_WORDS = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_TARGET_SAYS: Mapping[int, str] = {
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder is a file",
    errno.EISDIR: "a folder has this name",
    errno.EEXIST: "a file has this name",
    errno.EACCES: "the folder may not be written to",
    errno.EPERM: "the folder may not be written to",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EINVAL: "the name is not allowed on this disk",
}


def _full(target: Path) -> DiskFull:
    return DiskFull(
        f"{target} could not be written: the disk is full",
        hint="free some space, then run the same command again",
    )


@contextmanager
def on_disk(target: Path) -> Iterator[None]:
    """Turn the system's errors while writing `target` into ours.

    Raises:
        DiskFull: the disk or the quota is full, or the file is larger than the disk allows.
        UsageError: the folder is missing, or it or the name cannot be written.
        FilmError: the disk failed in another way.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(target) from error
        says = _TARGET_SAYS.get(error.errno or 0)
        if says is not None:
            hint = "name a folder that exists and that you may write to"
            raise UsageError(f"{target} cannot be written: {says}", hint=hint) from error
        raise FilmError(
            f"{target} could not be written: {error.strerror or error}", hint="check the disk"
        ) from error


def encoder_failed(target: Path, code: int, stderr: str) -> ReelkilnError:
    """What to raise when ffmpeg ended with `code` (negative: killed by that signal).

    `stderr` is what it wrote; its last line goes into the message.
    """
    too_large = getattr(signal, "SIGXFSZ", None)
    if _FULL_WORDS.search(stderr) or (too_large is not None and code == -too_large):
        return _full(target)
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1][:200] if lines else f"it ended with code {code}"
    return FilmError(
        f"{target} could not be encoded: {last}", hint="try again; report it if it stays"
    )

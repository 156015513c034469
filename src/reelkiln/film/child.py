"""ffmpeg as a child process: started so that only we hear Ctrl-C, and never left behind."""

import subprocess
import threading
from typing import IO

from reelkiln.errors import FilmError

__all__ = ["end", "start"]


def start(arguments: list[str], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start ffmpeg with pipes on stdin and stdout; what it complains of goes to `errors`.

    Raises:
        FilmError: there is no such program, or it is none.
    """
    # A group of its own: Ctrl-C is for us to hear, and for us to end the child. The flags exist on
    # Windows only, where the new session means nothing.
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            creationflags=group | hidden,
        )
    except OSError as error:
        raise FilmError(
            f"ffmpeg at {arguments[0]} cannot be started: {error.strerror or error}",
            hint="reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to another ffmpeg",
        ) from error


def end(process: "subprocess.Popen[bytes]", listener: threading.Thread) -> None:
    """End the child where it still runs, then the thread that reads its stdout; close the pipes."""
    if process.poll() is None:
        process.kill()
        process.wait()
    listener.join()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            pass  # what was still buffered for a child that is gone

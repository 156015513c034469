"""The sidecar: what a film was made from, as JSON beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelkiln.errors import FilmError, UsageError
from reelkiln.film.names import companions
from reelkiln.film.partfile import write_bytes

__all__ = ["read_sidecar", "write_sidecar"]

BYTES_MAX = 16 * 2**20


def write_sidecar(movie: Path, content: Mapping[str, Any]) -> Path:
    """Write `NAME.mp4.json` beside `NAME.mp4`: UTF-8, sorted keys, whole or not at all.

    Raises:
        ValueError, TypeError: the content is no JSON (NaN and infinity are none either).
        UsageError, DiskFull, FilmError: the system refused; the message names the sidecar.
    """
    path = companions(movie).sidecar
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())
    return path


def read_sidecar(movie: Path) -> dict[str, Any] | None:
    """What `write_sidecar` wrote beside this film, or None when there is no sidecar.

    Raises:
        UsageError: the sidecar may not be read.
        FilmError: it is over 16 MiB, or no JSON object.
    """
    path = companions(movie).sidecar
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        content = json.loads(data.decode()) if len(data) <= BYTES_MAX else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise FilmError(f"{path} is no sidecar of ours", hint="remove it, or restore it")
    return content

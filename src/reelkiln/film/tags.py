"""Words that travel inside the film: a title, a comment, the whole recipe.

They reach ffmpeg as a file in its own metadata format, never as an option or inside a filter, so
nothing that a person writes is ever read as a command.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from reelkiln.errors import UsageError
from reelkiln.film.container import opened

__all__ = ["COMMENT", "RECIPE", "TITLE", "check_tags", "ffmetadata", "read_tags"]

RECIPE, TITLE, COMMENT = "reelkiln.recipe", "title", "comment"
"""The keys we write: the recipe as JSON (or only its hash), and two lines for people."""

BYTES_MAX = 4 * 2**20
"""More than this is no description of a film; players read it before the first frame."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse what an MP4 cannot carry exactly.

    Raises:
        UsageError: a value holds a NUL or half a surrogate pair, or all are over 4 MiB together.
        ValueError: a key is not plain ASCII, or is one that the container writes itself.
    """
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or key in _CONTAINER:
            raise ValueError(f"{key!r} cannot be the key of a tag")
        if "\0" in value or not _is_text(value):
            raise UsageError(
                f"the {key} holds characters that no file can carry",
                hint="remove the NUL bytes and broken characters",
            )
    if sum(len(value.encode()) for value in tags.values()) > BYTES_MAX:
        raise UsageError("the film's description is over 4 MiB", hint="shorten the prompt")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def ffmetadata(tags: Mapping[str, str]) -> bytes:
    r"""The tags in ffmpeg's metadata format, sorted by key (ffmpeg-formats, section "Metadata").

    A value that ends in a backslash is followed by a NUL: ffmpeg's reader takes any line feed after
    a backslash as part of the value, escaped backslash or not, and the NUL ends the value first.

    >>> ffmetadata({"title": "a=b"})
    b';FFMETADATA1\ntitle=a\\=b\n'

    Raises:
        UsageError, ValueError: as `check_tags`.
    """
    check_tags(tags)
    lines = [";FFMETADATA1\n"]
    for key in sorted(tags):
        end = "\0\n" if tags[key].endswith("\\") else "\n"
        lines.append(f"{key}={_escaped(tags[key])}{end}")
    return "".join(lines).encode()


def _escaped(value: str) -> str:
    return re.sub(r"([=;#\\\n\r])", r"\\\1", value)


def read_tags(path: Path) -> dict[str, str]:
    """The tags of any film that ffmpeg can open, without those that the container writes itself.

    Raises:
        UsageError: the file is missing or may not be read.
        FilmError: it is no film.
    """
    with opened(path) as film:
        return {key: value for key, value in film.metadata.items() if key not in _CONTAINER}

"""Names that every desktop accepts: rules for files, skus, templates and paths inside a workspace.

The rules are Windows' (https://learn.microsoft.com/windows/win32/fileio/naming-a-file), the
strictest of the three systems. Pure: nothing here looks at a disk.
"""

import re
import unicodedata

__all__ = ["NAME_MAX", "slug", "wrong_path", "wrong_slug"]

NAME_MAX = 64
"""The longest slug, in characters."""

_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def slug(text: str, *, most: int = NAME_MAX) -> str:
    """Text as a file name: lower-case letters, digits and single hyphens, 1 to `most` characters.

    >>> slug("A gold serum bottle, slowly rotating!")
    'a-gold-serum-bottle-slowly-rotating'
    >>> slug("Crème brûlée"), slug("CON"), slug("日本")
    ('creme-brulee', 'con-1', 'untitled')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    joined = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:most].strip("-") or "untitled"
    return f"{joined}-1" if joined in _RESERVED else joined


def wrong_slug(name: str) -> str | None:
    """What is wrong with a sku, template or storyboard name, or None when every desktop takes it.

    >>> wrong_slug("vitamin-c-serum") is None
    True
    >>> wrong_slug("../x")
    'must be lower-case letters, digits and single hyphens'
    """
    if len(name) > NAME_MAX:
        return f"is {len(name)} characters long, at most {NAME_MAX} are allowed"
    if not _SLUG.fullmatch(name):
        return "must be lower-case letters, digits and single hyphens"
    return "is a name that Windows keeps for itself" if name in _RESERVED else None


def wrong_path(path: str) -> str | None:
    """What is wrong with a path relative to the workspace (forward slashes), or None.

    >>> wrong_path("photos/serum.jpg") is None
    True
    >>> wrong_path("../secret"), wrong_path("a/CON.txt")
    ('must stay inside the workspace', 'CON.txt is a name that Windows keeps for itself')
    """
    if not path or len(path) > 200:
        return "must have 1 to 200 characters"
    if "\\" in path:
        return "must use / between folders"
    if path.startswith(("/", "~")) or ":" in path.split("/", 1)[0]:
        return "must be relative to the workspace"
    return next(filter(None, map(_wrong_part, path.split("/"))), None)


def _wrong_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "must stay inside the workspace"
    if _FORBIDDEN.search(part) or part != part.rstrip(". "):
        return f"{part} has a character that Windows does not allow"
    if part.split(".", 1)[0].rstrip(" ").lower() in _RESERVED:
        return f"{part} is a name that Windows keeps for itself"
    return None

"""A picture from the user's disk, a logo or a photo: looked at before it is unpacked."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reelkiln.errors import UsageError

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["PIXELS_MAX", "open_picture", "read_photo", "small_png", "unpack_png"]

PIXELS_MAX = 64_000_000
"""The most pixels, by its header: what cameras make, 256 MB once unpacked."""

BYTES_MAX = 64 * 2**20

_SMALLER = "Save it smaller: 2000 pixels on the longer side are plenty."


def open_picture(path: Path, what: str, place: str) -> Image.Image:
    """A PNG, JPEG or WebP file, upright, as RGBA.

    Args:
        what: what it is for, in messages: "logo", "photo".
        place: where it is named, for the hint of a missing file.

    Raises:
        UsageError: it is missing, no such picture, damaged, over 64 megapixels or 64 MiB.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise UsageError(f"{what} {path}: more than 64 MiB", hint=_SMALLER)
        return _unpacked(path, what)
    except UnidentifiedImageError:
        raise UsageError(f"{what} {path}: no PNG, JPEG or WebP", hint="Save it as PNG.") from None
    except FileNotFoundError:
        raise UsageError(
            f"{what} {path}: there is no such file", hint=f"Mend its place in {place}."
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError) as wrong:
        raise UsageError(f"{what} {path}: cannot be read: {wrong}", hint="Save it anew.") from None


def read_photo(path: Path, place: str, side: int = 320) -> Frames:
    """A photo of a product: uint8 RGBA (height, width, 4), its longer side at most `side` pixels.

    Raises:
        UsageError: as `open_picture`; `place` is where the photo is named.
    """
    photo = open_picture(path, "photo", place)
    photo.thumbnail((side, side))
    return cast("Frames", np.asarray(photo))


def small_png(photo: Frames) -> bytes:
    """A photo as PNG, to be sent to another computer; `unpack_png` gives back equal pixels."""
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "PNG")
    return buffer.getvalue()


def unpack_png(data: bytes) -> Frames:
    """The photo in what `small_png` made: uint8 RGBA (height, width, 4).

    Raises:
        UsageError: it is no such picture, or has over a million pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height <= 10**6:
                return cast("Frames", np.asarray(image.convert("RGBA")))
    except (OSError, ValueError, SyntaxError, EOFError):
        pass
    raise UsageError("a photo that came with an order is no small PNG", hint="Send it anew.")


def _unpacked(path: Path, what: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels and refuses from 179: our bound lies below both.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path, formats=("PNG", "JPEG", "WEBP"))
    except Image.DecompressionBombError:
        raise UsageError(f"{what} {path}: far too many pixels", hint=_SMALLER) from None
    with opened as image:
        if image.width * image.height > PIXELS_MAX:
            million = image.width * image.height / 1e6
            raise UsageError(
                f"{what} {path}: {million:.0f} megapixels, at most {PIXELS_MAX / 1e6:.0f} are read",
                hint=_SMALLER,
            )
        return ImageOps.exif_transpose(image).convert("RGBA")

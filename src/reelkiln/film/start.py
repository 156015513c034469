"""A start picture from the user's disk: looked at before it is unpacked, then made one frame."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from reelkiln.errors import UsageError
from reelkiln.reel import Clip, Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GROUND", "PIXELS_MAX", "SIDE_LEAST", "Start", "read_start"]

PIXELS_MAX = 40_000_000
"""The most pixels a start picture may have, by its header: 160 MB once unpacked."""
BYTES_MAX = 256 * 2**20
SIDE_LEAST = 64
"""The shortest side in pixels: less is a blur once it fills a frame."""
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
GROUND = "white"
"""What transparent parts are laid on: the ground of most product pictures."""
CUT = 0.1
"""Share of the picture that may be cut off its edges without a word."""

_NAMES = "PNG, JPEG, WebP, TIFF or BMP"
_SMALLER = "Save it smaller: 2000 pixels on the longer side are plenty."
_ANEW = "Open it in an image program and save it anew as PNG or JPEG."


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A picture as a clip of one frame, and what was done to it that a person should know."""

    clip: Clip
    notes: tuple[str, ...] = ()


def read_start(path: Path, size: Size) -> Start:
    """The picture as one frame of `size`: upright, without transparency, in sRGB.

    EXIF's rotation is applied, an embedded colour profile (phones' Display P3, CMYK of a printer)
    is converted, 16 bits become 8, transparent parts are laid on white. The middle is cut to the
    shape of `size` and scaled.

    Args:
        path: PNG, JPEG, WebP, TIFF or BMP of at most 40 megapixels.
        size: of the frame, in pixels.

    Raises:
        UsageError: it is missing, no such picture, damaged, animated, smaller than 64 pixels, over
            40 megapixels (told by its header) or 256 MiB.
    """
    where = f"start picture {path}"
    try:
        if path.stat().st_size > BYTES_MAX:
            raise UsageError(f"{where}: more than 256 MiB", hint=_SMALLER)
        with warnings.catch_warnings():
            # Pillow warns of strange EXIF and from 89 megapixels on: our own bounds say it.
            warnings.simplefilter("ignore")
            picture, notes = _upright(path, where)
            return Start(_frame(picture, size), (*notes, *_cut(picture, size)))
    except UnidentifiedImageError:
        raise UsageError(f"{where}: is no {_NAMES}", hint=_ANEW) from None
    except Image.DecompressionBombError:
        raise UsageError(f"{where}: far too many pixels", hint=_SMALLER) from None
    except FileNotFoundError:
        raise UsageError(f"{where}: there is no such file", hint="Check the path.") from None
    except IsADirectoryError:
        raise UsageError(f"{where}: is a folder", hint="Name a picture in it.") from None
    except PermissionError:
        raise UsageError(f"{where}: may not be read", hint="Check the file's rights.") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as wrong:
        raise UsageError(f"{where}: is damaged ({wrong})", hint=_ANEW) from None


def _upright(path: Path, where: str) -> tuple[Image.Image, tuple[str, ...]]:
    """The whole picture as RGB, the right way up."""
    with Image.open(path, formats=FORMATS) as opened:
        _check(opened, where)
        opened.load()
        turned = ImageOps.exif_transpose(opened)
        picture, notes = _flat(turned, where)
        return _in_srgb(picture, opened.info.get("icc_profile")), notes


def _check(opened: Image.Image, where: str) -> None:
    """What its header says, before a pixel is unpacked."""
    width, height = opened.size
    if width * height > PIXELS_MAX:
        raise UsageError(
            f"{where}: {width * height / 1e6:.0f} megapixels, at most {PIXELS_MAX / 1e6:.0f}"
            " are read",
            hint=_SMALLER,
        )
    if min(width, height) < SIDE_LEAST:
        raise UsageError(
            f"{where}: {width}x{height} pixels are too few to begin from",
            hint=f"Take one whose sides are at least {SIDE_LEAST} pixels, better 500.",
        )
    # A phone's JPEG may hold a second, hidden picture: that is no animation.
    frames = getattr(opened, "n_frames", 1)
    if opened.format in ("PNG", "WEBP") and frames > 1:
        raise UsageError(
            f"{where}: moves, it holds {frames} pictures",
            hint="Save the one to begin from as a picture of its own.",
        )


def _flat(picture: Image.Image, where: str) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in RGB or CMYK at 8 bits, without transparency, and whether any was there."""
    if picture.mode.startswith(("I", "F")):
        return _eight_bits(picture, where).convert("RGB"), ()
    if picture.mode in ("RGB", "CMYK", "L") and "transparency" not in picture.info:
        return picture.convert("RGB") if picture.mode == "L" else picture, ()
    if not picture.has_transparency_data:
        return picture.convert("RGB"), ()
    clear = picture.convert("RGBA")
    ground = Image.new("RGBA", clear.size, GROUND)
    seen = clear.getchannel("A").getextrema() != (255, 255)
    note = (f"transparent parts of the start picture are filled with {GROUND}",) if seen else ()
    return Image.alpha_composite(ground, clear).convert("RGB"), note


def _eight_bits(picture: Image.Image, where: str) -> Image.Image:
    """One channel of 16 or 32 bits as 8: white is the largest number of 16 bits."""
    if picture.mode == "F":
        raise UsageError(f"{where}: holds floating-point numbers, no colours", hint=_ANEW)
    values = np.asarray(picture).astype(np.int64)
    return Image.fromarray((values.clip(0, 65_535) // 257).astype(np.uint8))


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture's colours as sRGB, by its own profile where it has one that can be used."""
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile of other channels, or a broken one: as if it had none
        if converted is not None:
            return converted
    return picture.convert("RGB")


def _frame(picture: Image.Image, size: Size) -> Clip:
    fitted = ImageOps.fit(picture, (size.width, size.height), Image.Resampling.LANCZOS)
    frame: NDArray[np.uint8] = np.asarray(fitted, dtype=np.uint8)[None].copy()
    return Clip(frame, Fraction(1), 1.0)


def _cut(picture: Image.Image, size: Size) -> tuple[str, ...]:
    """A line where much of the picture lies outside the frame."""
    has, wanted = picture.width / picture.height, size.width / size.height
    lost = 1 - min(has, wanted) / max(has, wanted)
    if lost <= CUT:
        return ()
    edges = "left and right" if has > wanted else "top and bottom"
    return (f"{lost:.0%} of the start picture, {edges}, lie outside {size}",)

"""A logo from the user's disk: PNG or JPEG, looked at before it is unpacked."""

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from reelkiln.errors import UsageError

__all__ = ["PIXELS_MAX", "read_logo"]

PIXELS_MAX = 40_000_000
"""The most pixels a logo may have, by its header: 160 MB once unpacked."""

BYTES_MAX = 64 * 2**20

_SMALLER = "Save it smaller: 2000 pixels on the longer side are plenty."


def read_logo(path: Path, width: int, height: int) -> Image.Image:
    """The picture as RGBA, without its transparent border, as large as fits the box given.

    Args:
        path: PNG or JPEG.
        width, height: pixels; at least 1.

    Raises:
        UsageError: it is missing, no such picture, damaged, empty, over 40 megapixels or 64 MiB.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise UsageError(f"logo {path}: more than 64 MiB", hint=_SMALLER)
        return _fit(_unpacked(path), path, width, height)
    except UnidentifiedImageError:
        raise UsageError(f"logo {path}: no PNG or JPEG", hint="Save it as PNG.") from None
    except FileNotFoundError:
        raise UsageError(
            f"logo {path}: there is no such file", hint="Mend its place in brand.yaml."
        ) from None
    except (OSError, ValueError, SyntaxError, EOFError) as wrong:
        raise UsageError(f"logo {path}: cannot be read: {wrong}", hint="Save it anew.") from None


def _unpacked(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels and refuses from 179: our bound lies below both.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(path, formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        raise UsageError(f"logo {path}: far too many pixels", hint=_SMALLER) from None
    with opened as image:
        if image.width * image.height > PIXELS_MAX:
            million = image.width * image.height / 1e6
            raise UsageError(
                f"logo {path}: {million:.0f} megapixels, at most {PIXELS_MAX / 1e6:.0f} are read",
                hint=_SMALLER,
            )
        return ImageOps.exif_transpose(image).convert("RGBA")


def _fit(image: Image.Image, path: Path, width: int, height: int) -> Image.Image:
    box = image.getchannel("A").getbbox()
    if box is None:
        raise UsageError(f"logo {path}: all of it is transparent", hint="Save it anew.")
    image = image.crop(box)
    scale = min(width / image.width, height / image.height)
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    # Pillow weighs colours by alpha: hidden colours of clear pixels do not bleed into the edge.
    return image.resize(size, Image.Resampling.LANCZOS)

"""A logo from the user's disk, without its transparent border."""

from pathlib import Path

from PIL import Image

from reelkiln.errors import UsageError
from reelkiln.film.picture import open_picture

__all__ = ["read_logo"]


def read_logo(path: Path, width: int, height: int) -> Image.Image:
    """The picture as RGBA, without its transparent border, as large as fits the box given.

    Args:
        path: PNG, JPEG or WebP.
        width, height: pixels; at least 1.

    Raises:
        UsageError: as `open_picture`, or all of it is transparent.
    """
    image = open_picture(path, "logo", "brand.yaml")
    box = image.getchannel("A").getbbox()
    if box is None:
        raise UsageError(f"logo {path}: all of it is transparent", hint="Save it anew.")
    image = image.crop(box)
    scale = min(width / image.width, height / image.height)
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    # Pillow weighs colours by alpha: hidden colours of clear pixels do not bleed into the edge.
    return image.resize(size, Image.Resampling.LANCZOS)

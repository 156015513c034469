"""Pictures that lie in a frame: words on plates, and where they lie."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from reelkiln.film.colour import Colour, Plate
from reelkiln.film.ink import coverage
from reelkiln.film.stage import Stage
from reelkiln.film.typeset import Block
from reelkiln.reel import Size

__all__ = ["Picture", "centred", "inked", "on_plate", "rounded"]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An RGBA picture, straight alpha, and where its top left lies in a frame of `size`.

    `inner` is the part of the frame that must stay visible (left, top, right, bottom), where that
    is less than the whole picture: an end card's ground may be covered, its words may not.
    """

    image: Image.Image
    left: int
    top: int
    size: Size
    inner: tuple[int, int, int, int] | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in the frame of what must stay visible."""
        right, bottom = self.left + self.image.width, self.top + self.image.height
        return self.inner or (self.left, self.top, right, bottom)

    def whole(self) -> Image.Image:
        """The picture in a clear frame of the delivery's size."""
        frame = Image.new("RGBA", (self.size.width, self.size.height))
        frame.paste(self.image, (self.left, self.top))
        return frame


def centred(stage: Stage, image: Image.Image) -> int:
    """Where a picture's left edge lies in the middle of the stage."""
    return (stage.box[0] + stage.box[2] - image.width) // 2


def inked(block: Block, ink: Colour) -> Image.Image:
    """Words in one colour on nothing."""
    image = Image.new("RGBA", (block.width, block.height), (*ink, 0))
    image.putalpha(Image.fromarray(coverage(block)))
    return image


def on_plate(
    block: Block, plate: Plate, pad: tuple[int, int], round_share: float = 0.0
) -> Image.Image:
    """Words on a plate with round corners: of half an em, or of that share of its height."""
    width, height = block.width + 2 * pad[0], block.height + 2 * pad[1]
    radius = round_share * height if round_share else 0.4 * block.size
    image = Image.new("RGBA", (width, height), (*plate.colour, 0))
    image.putalpha(rounded(width, height, min(radius, height / 2), plate.opacity))
    image.alpha_composite(inked(block, plate.ink), pad)
    return image


def rounded(width: int, height: int, radius: float, opacity: float) -> Image.Image:
    """The coverage of a rectangle with round corners, by each pixel's distance to its edge."""
    across = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
    down = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(across, 0)[None], np.maximum(down, 0)[:, None])
    cover = np.clip(radius + 0.5 - outside, 0, 1)
    return Image.fromarray(np.round(cover * opacity * 255).astype(np.uint8))

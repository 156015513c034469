"""The delivery as a stage: its size, what of it stays visible, and a preview of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from reelkiln.film.rules import SafeZone
from reelkiln.reel import Size

if TYPE_CHECKING:
    from reelkiln.reel import Frames

__all__ = ["Stage", "show_safe_zone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The delivery's size, and the box (left, top, right, bottom in pixels) that stays visible."""

    size: Size
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, size: Size, zone: SafeZone) -> "Stage":
        """The stage of a platform."""
        return cls(size=size, box=zone.box(size))

    @property
    def width(self) -> int:
        """Of the box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        """Of the box, in pixels."""
        return self.box[3] - self.box[1]

    def below(self, pixels: int) -> "Stage":
        """The same stage with so many pixels kept free at the top of its box."""
        left, top, right, bottom = self.box
        return Stage(size=self.size, box=(left, min(top + pixels, bottom - 1), right, bottom))

    def clear_of(self, boxes: Sequence[tuple[int, int, int, int]], least: float) -> "Stage":
        """The same stage below, or around its middle between, boxes that hang from its top: as high
        up as `least` of its width is free, 0 to 1."""
        left, top, right, bottom = self.box
        gap, middle = self.share(0.02), (left + right) / 2
        for height in sorted({top, *(box[3] + gap for box in boxes)}):
            beside = [box for box in boxes if box[3] + gap > height]
            half = min(
                [
                    (right - left) / 2,
                    *(max(box[0] - middle, middle - box[2]) - gap for box in beside),
                ]
            )
            if 2 * half >= least * self.width:
                box = (ceil(middle - half), min(height, bottom - 1), int(middle + half), bottom)
                return Stage(size=self.size, box=box)
        return self

    def share(self, of: float) -> int:
        """A share of the shorter side, in pixels, at least 1."""
        return max(1, round(of * min(self.size.width, self.size.height)))


def show_safe_zone(frame: "Frames", stage: Stage) -> Image.Image:
    """A frame (uint8, height x width x 3) with what the platform covers darkened and the zone
    outlined: a preview, never part of a film."""
    picture = Image.fromarray(frame)
    left, top, right, bottom = stage.box
    covered = Image.new("L", picture.size, 150)
    covered.paste(0, stage.box)
    picture.paste((150, 20, 30), (0, 0), covered)
    outline = (left, top, right - 1, bottom - 1)
    ImageDraw.Draw(picture).rectangle(outline, outline=(255, 235, 60), width=stage.share(0.004))
    return picture

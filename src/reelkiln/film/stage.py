"""The delivery as a stage: its size, what of it stays visible, and a preview of that."""

from dataclasses import dataclass
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

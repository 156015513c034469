"""Glyphs to coverage: HarfBuzz's own rasteriser, which comes in the same wheel as its shaper.

Docs: `docs/decisions/0009-harfbuzz-draws-the-words.md` says why not Pillow.
"""

from typing import TYPE_CHECKING

import numpy as np
import uharfbuzz as hb

from reelkiln.film.typeset import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["coverage"]


def coverage(block: Block) -> "NDArray[np.uint8]":
    """The block's ink, lines centred: uint8 of (height, width), 0 nothing to 255 all of a pixel.

    Glyphs of a line are filled together, so that strokes that meet show no seam.
    """
    canvas = np.zeros((block.height, block.width), np.uint8)
    draw = hb.RasterDraw()
    for line, baseline in zip(block.lines, block.baselines, strict=True):
        left = (block.width - (line.right - line.left) * block.size) / 2 - line.left * block.size
        for glyph in line.glyphs:
            scale = block.size / glyph.face.upem
            across, up = left + glyph.x * block.size, glyph.y * block.size - round(baseline)
            draw.transform = (scale, 0, 0, scale, across, up)
            draw.draw_glyph(glyph.face.font, glyph.number)
    _paint(draw, canvas)
    return canvas


def _paint(draw: hb.RasterDraw, canvas: "NDArray[np.uint8]") -> None:
    """Into the canvas, whose top left is the origin; HarfBuzz counts rows from below."""
    image = draw.render()
    if image is None or not image.extents.height:
        return
    box = image.extents
    rows = np.frombuffer(image.buffer, np.uint8).reshape(box.height, box.stride)
    ink = rows[::-1, : box.width]
    top, left = -(box.y_origin + box.height), box.x_origin
    height, width = canvas.shape
    high, low = max(top, 0), min(top + box.height, height)
    near, far = max(left, 0), min(left + box.width, width)
    canvas[high:low, near:far] = ink[high - top : low - top, near - left : far - left]

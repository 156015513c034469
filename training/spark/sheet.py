"""Contact sheets: clips as rows of four frames, with or without their prompts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw

__all__ = ["MOMENTS", "write_sheet"]

MOMENTS = (0, 5, 10, 15)
_GAP, _TEXT = 8, 34


def write_sheet(
    clips: torch.Tensor, target: Path, *, columns: int = 4, captions: Sequence[str] | None = None
) -> None:
    """Write a picture of clips.

    Args:
        clips: uint8 (clips, 16, 3, height, width).
        target: the picture's path; its ending names the format.
        columns: clips side by side.
        captions: a line under each clip, numbered; None leaves only numbers out.
    """
    count, _, _, height, width = clips.shape
    wide = len(MOMENTS) * width + _GAP
    high = height + (_TEXT if captions else _GAP)
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * wide, rows * high), (246, 246, 246))
    draw = ImageDraw.Draw(sheet)
    for i in range(count):
        left, top = (i % columns) * wide, (i // columns) * high
        for j, moment in enumerate(MOMENTS):
            frame = clips[i, moment].permute(1, 2, 0).cpu().numpy()
            sheet.paste(Image.fromarray(frame), (left + j * width, top))
        if captions:
            lines = textwrap.wrap(f"{i}: {captions[i]}", width // 6 * len(MOMENTS))[:2]
            draw.text((left + 2, top + height + 2), "\n".join(lines), (30, 30, 30))
    sheet.save(target)

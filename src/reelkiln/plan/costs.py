"""What a model's networks take, counted: bytes and operations for each cell, pixel and frame."""

from dataclasses import dataclass

from reelkiln.plan.source import must

__all__ = ["Costs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one render costs, for predictions. Sources and formulas: `plan.estimate`.

    `cell` is the side of one latent cell in pixels. After the first frame, each run of
    `cell_frames` frames shares one latent frame (1: every frame has its own).
    `denoise_bytes` is working memory per latent cell, latent frame and guidance half at 16 bits;
    `split_bytes` the same when attention and feed-forward run in chunks (0: the network has no such
    way); `led_bytes` is added to either where a start picture or a lead is given; `encode_bytes` is
    per pixel and frame that is given of these, at 16 bits (0: none are encoded); `decode_bytes` is
    per output pixel and frame at 16 bits. `denoise_flops` and `decode_flops` are operations per
    latent cell and latent frame.

    `decode_window` is how many frames are decoded together where not all are (1, or a
    multiple of `cell_frames`, to which one frame is added), `decode_long` the same where there is
    more room (0: there are no long windows). `decode_tile` is the side in pixels of the tiles that
    a picture can be decoded in (0: it cannot).
    """

    cell: int
    denoise_bytes: int
    decode_bytes: int
    denoise_flops: float
    decode_flops: float
    split_bytes: int = 0
    led_bytes: int = 0
    encode_bytes: int = 0
    cell_frames: int = 1
    decode_window: int = 1
    decode_long: int = 0
    decode_tile: int = 0

    def __post_init__(self) -> None:
        least = min(self.cell, self.cell_frames, self.denoise_bytes, self.decode_bytes)
        must(least > 0, "cells and working memory must be above 0")
        must(self.denoise_flops > 0 and self.decode_flops > 0, "operations must be above 0")
        must(
            0 <= self.split_bytes < self.denoise_bytes,
            "split_bytes must be 0, or less than denoise_bytes",
        )
        must(
            min(self.led_bytes, self.encode_bytes) >= 0,
            "led_bytes and encode_bytes must not be below 0",
        )
        must(
            self.decode_window == 1
            or (self.decode_window > 0 and self.decode_window % self.cell_frames == 0),
            "decode_window must be a multiple of cell_frames",
        )
        must(
            self.decode_long == 0
            or (self.decode_long > self.decode_window and self.decode_long % self.cell_frames == 0),
            "decode_long must be 0, or a multiple of cell_frames above decode_window",
        )
        must(
            self.decode_tile >= 0 and self.decode_tile % self.cell == 0,
            "decode_tile must be a multiple of cell",
        )

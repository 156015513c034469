"""The ladder: ways to run a model, from lavish to frugal. Planning is walking down it."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["LADDER", "Rung"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to run a model.

    `residence`: "resident" keeps every part on the device; "staged" keeps one stage's parts there
    at a time; "streamed" copies one block at a time, overlapped with compute; "cpu" uses no GPU.
    `storage_bits`: width of stored weights (32, 16 or 8; computing stays at the plan's dtype).
    `split`: run attention and feed-forward in chunks, the same numbers in less working memory.
    `decode`: "whole" decodes all frames in one call, "frames" one frame at a time.
    """

    residence: Literal["resident", "staged", "streamed", "cpu"]
    storage_bits: Literal[32, 16, 8] = 16
    split: bool = False
    decode: Literal["whole", "frames"] = "frames"


LADDER: tuple[Rung, ...] = (
    Rung(residence="resident", decode="whole"),
    Rung(residence="staged"),
    Rung(residence="staged", split=True),
    Rung(residence="streamed"),
    Rung(residence="streamed", split=True),
)
"""The GPU rungs, fastest first."""

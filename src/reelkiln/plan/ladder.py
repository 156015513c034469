"""The ladder: ways to run a model, from lavish to frugal. Planning is walking down it."""

from dataclasses import dataclass, replace
from typing import Literal

from reelkiln.plan.card import Card, Preset

__all__ = ["CPU_LADDER", "LADDER", "Rung", "illegal", "rungs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to run a model.

    `residence`: "resident" keeps every part on the device; "staged" keeps one stage's parts there
    at a time; "streamed" copies one block at a time, overlapped with compute; "cpu" uses no GPU.
    `storage_bits`: width of stored weights (32, 16 or 8; computing stays at the plan's dtype).
    `two_pass`: run the guided and the unguided half of a step one after the other, not as a batch
    of two: the same arithmetic in half the working memory.
    `split`: run attention and feed-forward in chunks, the same numbers in less working memory.
    `decode`: "whole" decodes all frames in one call, "frames" a few at a time (the card's
    `decode_window`), "tiles" a few frames at a time and each in tiles.
    """

    residence: Literal["resident", "staged", "streamed", "cpu"]
    storage_bits: Literal[32, 16, 8] = 16
    two_pass: bool = False
    split: bool = False
    decode: Literal["whole", "frames", "tiles"] = "frames"

    def __str__(self) -> str:
        """The rung in words, for reasons and tables.

        >>> str(Rung(residence="streamed", two_pass=True))
        'streamed, guidance in two passes'
        """
        words = [{"cpu": "on the processor"}.get(self.residence, self.residence)]
        if self.storage_bits == 8:
            words.append("weights in 8 bits")
        if self.two_pass:
            words.append("guidance in two passes")
        if self.split:
            words.append("in chunks")
        if self.decode == "whole":
            words.append("decoded in one go")
        if self.decode == "tiles":
            words.append("decoded in tiles")
        return ", ".join(words)


LADDER: tuple[Rung, ...] = (
    Rung(residence="resident", decode="whole"),
    Rung(residence="resident"),
    Rung(residence="staged"),
    Rung(residence="staged", two_pass=True),
    Rung(residence="streamed"),
    Rung(residence="streamed", two_pass=True),
    Rung(residence="streamed", two_pass=True, split=True),
)
"""The GPU rungs, fastest first. Chunks come last: they cost a few percent, and where staging with
chunks fits, streaming without them does too, at no cost while a step outlasts its copy."""

NARROW: tuple[Rung, ...] = (
    Rung(residence="staged", storage_bits=8, decode="whole"),
    Rung(residence="staged", storage_bits=8),
    Rung(residence="staged", storage_bits=8, two_pass=True),
    Rung(residence="staged", storage_bits=8, two_pass=True, decode="tiles"),
    Rung(residence="streamed", storage_bits=8, two_pass=True),
    Rung(residence="streamed", storage_bits=8, two_pass=True, decode="tiles"),
)
"""The rungs with weights in 8 bits. A model that lies on the disk in 8 bits loses nothing on them:
for it they come before streaming, whose copying no longer hides behind a short step. For others
they come last."""

CPU_LADDER: tuple[Rung, ...] = (
    Rung(residence="cpu", storage_bits=32),
    Rung(residence="cpu", storage_bits=32, two_pass=True),
)
"""The rungs without a GPU: the last resort of a machine whose GPU is too small."""


def illegal(rung: Rung, card: Card) -> str:
    """Why this model cannot run on this rung at all, or an empty string where it can."""
    denoisers = [part for part in card.parts if part.stage == "denoise"]
    if rung.residence == "streamed" and not all(part.largest_block for part in denoisers):
        return f"{card.name} cannot be streamed"
    if rung.storage_bits == 8 and not any(part.castable for part in denoisers):
        return f"{card.name} cannot be stored in 8 bits"
    if rung.decode == "tiles" and not card.costs.decode_tile:
        return f"{card.name} cannot be decoded in tiles"
    if rung.split and not card.costs.split_bytes:
        return f"{card.name} cannot run in chunks"
    return ""


def rungs(card: Card, preset: Preset, *, gpu: bool, bits: Literal[32, 16]) -> tuple[Rung, ...]:
    """The rungs on which this model can run, fastest first, the processor last.

    `bits` is the width of the dtype the GPU computes in. Without guidance there are no two passes
    to make: a rung that differs from an earlier one in nothing else falls away.
    """
    ladder = [
        replace(rung, storage_bits=bits) if rung.storage_bits == 16 else rung
        for rung in (_gpu_ladder(card) if gpu else ())
    ]
    ladder += CPU_LADDER
    if preset.halves == 1:
        ladder = [replace(rung, two_pass=False) for rung in ladder]
    return tuple(dict.fromkeys(rung for rung in ladder if not illegal(rung, card)))


def _gpu_ladder(card: Card) -> tuple[Rung, ...]:
    if not card.narrow:
        return (*LADDER, *NARROW)
    unstreamed = tuple(rung for rung in LADDER if rung.residence != "streamed")
    return (*unstreamed, *NARROW)

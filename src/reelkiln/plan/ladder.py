"""The ladder: ways to run a model, from lavish to frugal. Planning is walking down it."""

from dataclasses import dataclass, replace
from typing import Literal

from reelkiln.plan.card import Card, Preset

__all__ = ["CPU_LADDER", "LADDER", "Rung", "illegal", "rungs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to run a model.

    `residence`: "resident" keeps every part on the device; "staged" keeps one stage's parts there
    at a time; "streamed" keeps as much of the denoiser there as there is room for, and copies the
    rest a layer at a time while others compute; "cpu" uses no GPU.
    `storage_bits`: width of stored weights (32, 16 or 8; computing stays at the plan's dtype).
    `two_pass`: run the guided and the unguided half of a step one after the other, not as a batch
    of two: the same arithmetic in half the working memory.
    `split`: run feed-forward layers in chunks of rows, the same numbers in less working memory.
    `decode`: "whole" decodes all frames in one call, "long" many at a time (the card's
    `decode_long`), "frames" a few at a time (its `decode_window`), "tiles" a few frames at a time
    and each in tiles.
    """

    residence: Literal["resident", "staged", "streamed", "cpu"]
    storage_bits: Literal[32, 16, 8] = 16
    two_pass: bool = False
    split: bool = False
    decode: Literal["whole", "long", "frames", "tiles"] = "frames"

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
        if self.decode == "long":
            words.append("decoded in long runs")
        if self.decode == "tiles":
            words.append("decoded in tiles")
        return ", ".join(words)


LADDER: tuple[Rung, ...] = (
    Rung(residence="resident", decode="whole"),
    Rung(residence="resident"),
    Rung(residence="resident", split=True),
    Rung(residence="staged", split=True),
    Rung(residence="streamed", split=True),
    Rung(residence="streamed", split=True, two_pass=True),
)
"""The GPU rungs, fastest first. Chunks cost about a percent and leave room for weights that would
else be copied; two passes halve what a GPU has to do at once and copy the weights twice a step.
Each rung stands here because it is the best one that fits some machine (`tests/plan/test_walk.py`
finds a machine for each)."""

NARROW: tuple[Rung, ...] = (
    Rung(residence="staged", storage_bits=8, decode="whole"),
    Rung(residence="staged", storage_bits=8, decode="long"),
    Rung(residence="staged", storage_bits=8),
    Rung(residence="staged", storage_bits=8, two_pass=True),
    Rung(residence="streamed", storage_bits=8, two_pass=True),
    Rung(residence="streamed", storage_bits=8, two_pass=True, decode="tiles"),
)
"""The rungs with weights in 8 bits. A model that lies on the disk in 8 bits loses nothing on them:
for it they come before streaming, whose copying no longer hides behind a short step. For others
they come last."""

CPU_LADDER: tuple[Rung, ...] = (
    Rung(residence="cpu", storage_bits=32),
    Rung(residence="cpu", storage_bits=32, split=True),
    Rung(residence="cpu", storage_bits=32, split=True, two_pass=True),
)
"""The rungs without a GPU: the last resort of a machine whose GPU is too small."""

CAST_BY_LIBRARY = frozenset({"animatediff"})
"""Families whose 8-bit weights the library widens, a whole module before its call. It would take
them out of what is streamed. Other families widen each weight where it is used."""


def illegal(rung: Rung, card: Card) -> str:
    """Why this model cannot run on this rung at all, or an empty string where it can.

    Ways that libraries offer and that do nothing or harm cannot be said as a rung at all; a test
    keeps their names out of the source (`tests/backends/test_refused.py`).
    """
    denoisers = [part for part in card.parts if part.stage == "denoise"]
    stored = rung.storage_bits == 8
    faults = (
        (
            rung.residence == "streamed" and not all(part.largest_block for part in denoisers),
            "cannot be streamed",
        ),
        (
            stored and not any(part.castable for part in denoisers),
            "cannot be stored in 8 bits",
        ),
        (
            stored and rung.residence == "cpu",
            "gains nothing from 8 bits on the processor, which has no use for them",
        ),
        (
            stored and rung.residence == "streamed" and card.family in CAST_BY_LIBRARY,
            "cannot be streamed in 8 bits",
        ),
        (rung.decode == "tiles" and not card.costs.decode_tile, "cannot be decoded in tiles"),
        (rung.decode == "long" and not card.costs.decode_long, "cannot be decoded in long runs"),
        (rung.split and not card.costs.split_bytes, "cannot run in chunks"),
    )
    return next((f"{card.name} {why}" for wrong, why in faults if wrong), "")


def rungs(card: Card, preset: Preset, *, gpu: bool, bits: Literal[32, 16]) -> tuple[Rung, ...]:
    """The rungs on which this model can run, fastest first, the processor last.

    `bits` is the width of the dtype the GPU computes in. Without guidance there are no two passes
    to make, and a network may have no chunks: a rung that differs from an earlier one in nothing
    else falls away.
    """
    ladder = [
        replace(rung, storage_bits=bits) if rung.storage_bits == 16 else rung
        for rung in (_gpu_ladder(card) if gpu else ())
    ]
    ladder += CPU_LADDER
    if preset.halves == 1:
        ladder = [replace(rung, two_pass=False) for rung in ladder]
    if not card.costs.split_bytes:
        ladder = [replace(rung, split=False) for rung in ladder]
    return tuple(dict.fromkeys(rung for rung in ladder if not illegal(rung, card)))


def _gpu_ladder(card: Card) -> tuple[Rung, ...]:
    if not card.narrow:
        return (*LADDER, *NARROW)
    unstreamed = tuple(rung for rung in LADDER if rung.residence != "streamed")
    return (*unstreamed, *NARROW)

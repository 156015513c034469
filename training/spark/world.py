"""The world that `spark` knows: six factors, their labels, and how scenes are drawn from them.

A scene is described by one label per factor, held as a row of an int64 tensor (scenes, 6) whose
columns follow `FACTORS`. Combinations of product and colour are split in two: `HELD_OUT` is never
trained on and is what the evaluation asks for.
"""

from __future__ import annotations

import torch

__all__ = [
    "BACKGROUNDS",
    "COLOURS",
    "FACTORS",
    "HELD_OUT",
    "JUDGED",
    "METALS",
    "column",
    "draw_factors",
    "judged_labels",
    "names",
]

RGB = tuple[float, float, float]

COLOURS: dict[str, RGB] = {
    "red": (0.80, 0.06, 0.08),
    "pink": (0.97, 0.45, 0.64),
    "orange": (0.97, 0.43, 0.05),
    "yellow": (0.99, 0.84, 0.10),
    "gold": (0.88, 0.63, 0.22),
    "green": (0.11, 0.52, 0.20),
    "teal": (0.03, 0.60, 0.58),
    "blue": (0.08, 0.26, 0.82),
    "purple": (0.46, 0.16, 0.70),
    "black": (0.035, 0.035, 0.045),
    "white": (0.95, 0.95, 0.94),
    "silver": (0.70, 0.72, 0.75),
    "brown": (0.42, 0.20, 0.08),
}
"""A product's main colour (sRGB, 0 to 1)."""

METALS = frozenset({"gold", "silver"})
"""Colours that are painted as polished metal."""

BACKGROUNDS: dict[str, tuple[RGB, RGB]] = {
    "white": ((0.985, 0.985, 0.985), (0.87, 0.88, 0.89)),
    "beige": ((0.97, 0.91, 0.80), (0.83, 0.72, 0.57)),
    "pink": ((0.99, 0.82, 0.87), (0.92, 0.58, 0.69)),
    "purple": ((0.85, 0.76, 0.98), (0.58, 0.45, 0.83)),
    "green": ((0.77, 0.93, 0.78), (0.42, 0.70, 0.50)),
    "blue": ((0.72, 0.88, 1.00), (0.36, 0.63, 0.92)),
    "navy": ((0.13, 0.22, 0.48), (0.03, 0.06, 0.19)),
    "black": ((0.17, 0.17, 0.18), (0.015, 0.015, 0.02)),
    "gray": ((0.68, 0.69, 0.70), (0.42, 0.43, 0.45)),
    "yellow": ((1.00, 0.93, 0.52), (0.97, 0.76, 0.18)),
    "orange": ((1.00, 0.73, 0.48), (0.94, 0.46, 0.18)),
    "red": ((0.88, 0.22, 0.22), (0.52, 0.03, 0.07)),
    "teal": ((0.52, 0.88, 0.85), (0.12, 0.56, 0.58)),
    "brown": ((0.63, 0.46, 0.34), (0.33, 0.19, 0.12)),
}
"""A backdrop's lit and unlit colour (sRGB, 0 to 1)."""

FACTORS: dict[str, tuple[str, ...]] = {
    "product": (
        "bottle",
        "jar",
        "tube",
        "dropper",
        "pump",
        "soap",
        "lipstick",
        "mug",
        "candle",
        "ball",
        "perfume",
        "can",
    ),
    "colour": tuple(COLOURS),
    "background": tuple(BACKGROUNDS),
    "surface": ("floor", "pedestal", "water"),
    "motion": (
        "rotate",
        "slide_left",
        "slide_right",
        "rise",
        "fall",
        "zoom_in",
        "zoom_out",
        "swing",
        "glow",
        "sweep",
    ),
    "light": ("soft", "dramatic", "warm", "sparkle"),
}
"""Every factor and its labels, in the order of the columns of a factors tensor."""

JUDGED = ("product", "colour", "background", "surface", "motion")
"""The factors that the judge reads off a clip."""

_WEIGHTS: dict[str, tuple[float, ...]] = {
    "surface": (0.4, 0.35, 0.25),
    "motion": (1.5, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    "light": (0.45, 0.2, 0.2, 0.15),
}


def _held_out() -> torch.Tensor:
    """Two colours of every product, spread so that every colour is seen with ten products."""
    product = torch.arange(len(FACTORS["product"]))[:, None]
    colour = torch.arange(len(FACTORS["colour"]))[None, :]
    return (3 * product + 5 * colour) % len(FACTORS["colour"]) < 2


HELD_OUT = _held_out()
"""Bool (products, colours): the combinations that no training scene shows."""


def column(factors: torch.Tensor, factor: str) -> torch.Tensor:
    """The labels of one factor, int64 (scenes,)."""
    return factors[:, list(FACTORS).index(factor)]


def judged_labels(factors: torch.Tensor) -> torch.Tensor:
    """The columns that the judge reads, int64 (scenes, 5), as in `JUDGED`."""
    return torch.stack([column(factors, f) for f in JUDGED], 1)


def names(row: torch.Tensor) -> dict[str, str]:
    """The label names of one scene, from its row (6,)."""
    return {f: labels[int(row[i])] for i, (f, labels) in enumerate(FACTORS.items())}


def draw_factors(
    count: int, generator: torch.Generator, *, held_out: bool | None = False
) -> torch.Tensor:
    """Draw scenes on the CPU.

    Args:
        count: how many.
        generator: the source of chance; equal states give equal scenes.
        held_out: False draws only combinations of product and colour to train on, True only those
            held out, None all.

    Returns:
        int64 (count, 6), columns as in `FACTORS`.
    """
    columns = []
    allowed = torch.ones_like(HELD_OUT) if held_out is None else held_out == HELD_OUT
    pair = torch.multinomial(allowed.flatten().float(), count, True, generator=generator)
    columns += [pair // HELD_OUT.shape[1], pair % HELD_OUT.shape[1]]
    for factor, labels in list(FACTORS.items())[2:]:
        weights = torch.tensor(_WEIGHTS.get(factor, (1.0,) * len(labels)), dtype=torch.float32)
        columns.append(torch.multinomial(weights, count, True, generator=generator))
    return torch.stack(columns, 1)

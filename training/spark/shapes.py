"""The twelve products, as profiles turned or extruded around an upright axis.

A product is a list of parts; a part is a polyline of (height, half width) with one material, one
cross-section (ellipse or box) and one ratio of depth to width, linear from its foot to its head.
`TABLE` samples them in rows, so that the painter looks a height up instead of walking parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.spark.world import FACTORS

__all__ = ["MATERIALS", "PRODUCTS", "ROWS", "TABLE", "TOPS", "Y_MAX", "Y_MIN", "Part", "Product"]

MATERIALS = ("main", "accent", "metal", "dark")
ROWS = 512
Y_MIN, Y_MAX = -0.06, 1.16
"""Heights that the table covers; a product stands at 0 and is about 1 high."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece: `outline` is (height, half width) from foot to head, heights rising."""

    outline: tuple[tuple[float, float], ...]
    material: str = "main"
    box: bool = False
    depth: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Product:
    """Parts from foot to head, and what lies on top.

    `top` is (height, half width, depth ratio, material index or 4 for wax, 5 for coffee) of the
    face seen from above, half width 0 where the product closes by itself. `label` is the label's
    (foot, head), equal where there is none. `size` scales the product to the frame.
    """

    parts: tuple[Part, ...]
    top: tuple[float, float, float, int] = (0.0, 0.0, 1.0, 0)
    label: tuple[float, float] = (0.0, 0.0)
    size: float = 1.2


PRODUCTS: dict[str, Product] = {
    "bottle": Product(
        (
            Part(
                ((0, 0.19), (0.03, 0.215), (0.58, 0.215), (0.66, 0.18), (0.72, 0.09), (0.76, 0.08))
            ),
            Part(((0.76, 0.1), (0.95, 0.1)), "accent"),
        ),
        (0.95, 0.1, 1.0, 1),
        (0.16, 0.48),
        1.22,
    ),
    "jar": Product(
        (
            Part(((0, 0.33), (0.05, 0.38), (0.36, 0.38), (0.41, 0.34))),
            Part(((0.41, 0.4), (0.62, 0.4)), "accent"),
        ),
        (0.62, 0.4, 1.0, 1),
        (0.1, 0.33),
        1.3,
    ),
    "tube": Product(
        (
            Part(((0, 0.15), (0.17, 0.155)), "accent"),
            Part(((0.17, 0.2), (0.24, 0.235), (0.93, 0.29)), "main", False, (1.0, 0.16)),
            Part(((0.93, 0.3), (1.03, 0.305)), "main", False, (0.12, 0.1)),
        ),
        (0.0, 0.0, 1.0, 0),
        (0.36, 0.72),
        1.18,
    ),
    "dropper": Product(
        (
            Part(((0, 0.2), (0.03, 0.235), (0.42, 0.235), (0.5, 0.2), (0.55, 0.11), (0.58, 0.1))),
            Part(((0.58, 0.125), (0.71, 0.125)), "metal"),
            Part(((0.71, 0.075), (0.78, 0.095), (0.92, 0.085), (0.99, 0.06), (1.03, 0.01)), "dark"),
        ),
        (0.0, 0.0, 1.0, 0),
        (0.1, 0.37),
        1.2,
    ),
    "pump": Product(
        (
            Part(((0, 0.21), (0.03, 0.24), (0.54, 0.24), (0.61, 0.2), (0.65, 0.12))),
            Part(((0.65, 0.13), (0.74, 0.13)), "accent"),
            Part(((0.74, 0.035), (0.86, 0.035)), "metal"),
            Part(((0.86, 0.09), (0.93, 0.085)), "accent"),
        ),
        (0.93, 0.085, 1.0, 1),
        (0.13, 0.44),
        1.2,
    ),
    "soap": Product(
        (
            Part(
                ((0, 0.36), (0.03, 0.43), (0.1, 0.48), (0.2, 0.48), (0.27, 0.45), (0.31, 0.39)),
                "main",
                False,
                (0.6, 0.6),
            ),
        ),
        (0.31, 0.39, 0.6, 0),
        size=1.3,
    ),
    "lipstick": Product(
        (
            Part(((0, 0.165), (0.36, 0.165))),
            Part(((0.36, 0.135), (0.56, 0.135)), "metal"),
            Part(((0.56, 0.105), (0.96, 0.105), (1.04, 0.1))),
        ),
        (0.0, 0.0, 1.0, 0),
        (0.1, 0.26),
        1.18,
    ),
    "mug": Product(
        (Part(((0, 0.25), (0.04, 0.3), (0.64, 0.32))),),
        (0.64, 0.32, 1.0, 5),
        (0.2, 0.46),
        1.3,
    ),
    "candle": Product(
        (Part(((0, 0.26), (0.04, 0.29), (0.52, 0.29))),),
        (0.52, 0.29, 1.0, 4),
        (0.14, 0.38),
        1.3,
    ),
    "ball": Product(
        (
            Part(
                tuple(
                    (0.37 - 0.37 * c, 0.37 * s)
                    for c, s in (
                        (1.0, 0.0),
                        (0.985, 0.174),
                        (0.94, 0.342),
                        (0.866, 0.5),
                        (0.766, 0.643),
                        (0.643, 0.766),
                        (0.5, 0.866),
                        (0.342, 0.94),
                        (0.174, 0.985),
                        (0.0, 1.0),
                        (-0.174, 0.985),
                        (-0.342, 0.94),
                        (-0.5, 0.866),
                        (-0.643, 0.766),
                        (-0.766, 0.643),
                        (-0.866, 0.5),
                        (-0.94, 0.342),
                        (-0.985, 0.174),
                        (-1.0, 0.0),
                    )
                )
            ),
        ),
        size=1.35,
    ),
    "perfume": Product(
        (
            Part(((0, 0.3), (0.02, 0.31), (0.57, 0.31), (0.59, 0.3)), "main", True, (0.5, 0.5)),
            Part(((0.59, 0.08), (0.66, 0.08)), "metal"),
            Part(((0.66, 0.125), (0.86, 0.125)), "accent"),
        ),
        (0.86, 0.125, 1.0, 1),
        (0.13, 0.43),
        1.22,
    ),
    "can": Product(
        (
            Part(((0, 0.2), (0.04, 0.21)), "metal"),
            Part(((0.04, 0.22), (0.09, 0.25), (0.8, 0.25), (0.87, 0.215))),
            Part(((0.87, 0.215), (0.91, 0.22)), "metal"),
        ),
        (0.91, 0.22, 1.0, 2),
        (0.26, 0.66),
        1.2,
    ),
}


def _rows(product: Product) -> torch.Tensor:
    """Float (ROWS, 9), see `TABLE`."""
    y = torch.linspace(Y_MIN, Y_MAX, ROWS)
    out = torch.zeros(ROWS, 8)
    for part in product.parts:
        heights = torch.tensor([p[0] for p in part.outline])
        widths = torch.tensor([p[1] for p in part.outline])
        inside = (y >= heights[0]) & (y < heights[-1])
        right = torch.searchsorted(heights, y.contiguous(), right=True).clamp(1, len(heights) - 1)
        share = (y - heights[right - 1]) / (heights[right] - heights[right - 1])
        row = torch.zeros(ROWS, 8)
        row[:, 0] = torch.lerp(widths[right - 1], widths[right], share)
        along = (y - heights[0]) / (heights[-1] - heights[0])
        row[:, 1] = part.depth[0] + (part.depth[1] - part.depth[0]) * along
        row[:, 2] = float(part.box)
        row[:, 3] = 1.0
        row[:, 4 + MATERIALS.index(part.material)] = 1.0
        out = torch.where(inside[:, None], row, out)
    return _soften(out)


def _soften(rows: torch.Tensor) -> torch.Tensor:
    """Blur widths and materials over about a pixel, so that steps do not shimmer in motion."""
    kernel = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
    cover = rows[:, 3:4]
    padded = torch.cat([rows[:1].expand(2, 8), rows, rows[-1:].expand(2, 8)])
    weight = torch.cat([cover[:1].expand(2, 1), cover, cover[-1:].expand(2, 1)])
    total = sum(kernel[i] * (padded * weight)[i : i + len(rows)] for i in range(5))
    share = sum(kernel[i] * weight[i : i + len(rows)] for i in range(5))
    out = total / share.clamp(min=1e-3)
    out[:, 2] = (out[:, 2] > 0.5).float()
    out[:, 3] = share[:, 0]
    out[:, 1] = torch.where(share[:, 0] > 0, out[:, 1], torch.ones(len(rows)))
    return torch.cat([out, _slope(out[:, 0])[:, None]], 1)


def _slope(width: torch.Tensor) -> torch.Tensor:
    """How fast the half width shrinks upwards, over six rows, within -3 and 3."""
    low = torch.cat([width[:1].expand(3), width[:-3]])
    high = torch.cat([width[3:], width[-1:].expand(3)])
    return ((low - high) / (6 * (Y_MAX - Y_MIN) / (ROWS - 1))).clamp(-3, 3)


TABLE = torch.stack([_rows(PRODUCTS[name]) for name in FACTORS["product"]])
"""Float (products, ROWS, 9): half width, depth ratio, box, cover, four material shares, slope."""

TOPS = torch.tensor(
    [[*PRODUCTS[n].top, *PRODUCTS[n].label, PRODUCTS[n].size] for n in FACTORS["product"]]
)
"""Float (products, 7): top height, half width, depth ratio, material; label foot, head; size."""

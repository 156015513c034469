"""The product itself: its visible surface, its materials, its label and what sticks out of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.spark.canvas import KIND, Canvas, Local
from training.spark.extras import (
    paint_flame,
    paint_foam,
    paint_handle,
    paint_nozzle,
    paint_top,
)
from training.spark.scenes import Scene
from training.spark.shapes import ROWS, TABLE, TOPS, Y_MAX, Y_MIN

__all__ = ["paint_product"]


@dataclass(frozen=True, slots=True)
class _Surface:
    """What a ray meets: height, its row of the table, depth, normal and angle around the axis."""

    height: torch.Tensor
    row: torch.Tensor
    depth: torch.Tensor
    normal: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    angle: torch.Tensor
    cover: torch.Tensor


def paint_product(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    """Lay the product, and on wet floors its mirror image, over the picture."""
    at = _fold(scene, canvas)
    surface = _meet(scene, at, canvas.tilt)
    colour = _label(scene, surface, _shade(scene, surface), at.pixel)
    layer = (_light(scene, surface, colour, at), surface.cover)
    layer = paint_top(scene, at, canvas.tilt, layer)
    layer = paint_nozzle(scene, at, canvas.tilt, layer)
    colour, cover = paint_handle(scene, at, layer)
    colour = colour * (1 + 0.45 * scene.motion.glow)[:, None]
    share = cover * torch.where(at.mirror, _mirror_share(scene, canvas), torch.ones_like(cover))
    picture = torch.lerp(picture, colour, share[:, None].expand_as(picture))
    return paint_foam(scene, at, paint_flame(scene, canvas, at, picture))


def _fold(scene: Scene, canvas: Canvas) -> Local:
    """Product coordinates of every pixel; below the foot the picture is folded upwards."""
    line = canvas.base - 0.02
    mirror = canvas.ys < line
    depth = (line - canvas.ys).clamp(min=0)
    wave = torch.sin(42 * depth + 9 * scene.motion.time) * 0.022 * scene.stage.water
    xs = canvas.xs - scene.motion.across + wave * mirror * (0.4 + depth)
    ys = torch.where(mirror, line + depth, canvas.ys) - canvas.base - scene.motion.up
    x, y = xs / scene.stage.size, ys / scene.stage.size
    pivot = 0.4
    cos, sin = torch.cos(scene.motion.swing), torch.sin(scene.motion.swing)
    turned = x * cos - (y - pivot) * sin
    y = x * sin + (y - pivot) * cos + pivot
    return Local(turned, y, canvas.pixel / scene.stage.size, mirror)


def _mirror_share(scene: Scene, canvas: Canvas) -> torch.Tensor:
    depth = (canvas.base - canvas.ys).clamp(min=0)
    wet = scene.stage.water * 0.55 * torch.exp(-1.2 * depth)
    dry = (1 - scene.stage.water) * (1 - scene.stage.pedestal) * 0.16 * torch.exp(-5 * depth)
    # In front of the mirror line the foot itself is still seen: its lowest rim bends downwards.
    return wet + dry


def _look(scene: Scene, height: torch.Tensor) -> torch.Tensor:
    """Rows (frames, height, width, 9) of the product's table at these heights."""
    index = ((height - Y_MIN) * ((ROWS - 1) / (Y_MAX - Y_MIN))).round().clamp(0, ROWS - 1).long()
    table = TABLE.to(height.device).flatten(0, 1)
    return table[index + scene.product[:, None, None] * ROWS]


def _cross(
    row: torch.Tensor, x: torch.Tensor, yaw: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The front of a turned ellipse or box over x: half extent, depth, normal x, z, and angle."""
    a = row[..., 0].clamp(min=1e-3)
    b = (a * row[..., 1]).clamp(min=1e-3)
    cos, sin = torch.cos(yaw), torch.sin(yaw)
    m = sin**2 / a**2 + cos**2 / b**2
    k = cos * sin * (1 / b**2 - 1 / a**2)
    z = (-x * k + torch.sqrt((m - (x / (a * b)) ** 2).clamp(min=0))) / m
    lx, lz = x * cos - z * sin, x * sin + z * cos
    nx, nz = lx / a**2, lz / b**2
    length = torch.sqrt(nx * nx + nz * nz).clamp(min=1e-6)
    ex, ez = (nx * cos + nz * sin) / length, (nz * cos - nx * sin) / length
    angle = torch.atan2(lx / a, lz / b)
    extent = torch.sqrt(a**2 * cos**2 + b**2 * sin**2)

    sc = torch.where(cos < 0, -1.0, 1.0)
    ss = torch.where(sin < 0, -1.0, 1.0)
    front = (b - sc * x * sin) / cos.abs().clamp(min=1e-3)
    flank = (a + ss * x * cos) / sin.abs().clamp(min=1e-3)
    share = ((flank - front) / 0.05 + 0.5).clamp(0, 1)
    bz = torch.minimum(front, flank)
    bx = x * cos - bz * sin
    box_angle = torch.where(front < flank, bx / a * 0.8 + 3.14 * (cos < 0), torch.full_like(bx, 2))
    box_extent = a * cos.abs() + b * sin.abs()
    normal_x = torch.lerp(-ss * cos, sc * sin, share)
    normal_z = torch.lerp(sin.abs(), cos.abs(), share)
    box = row[..., 2] > 0.5
    return (
        torch.where(box, box_extent, extent),
        torch.where(box, bz, z),
        torch.where(box, normal_x, ex),
        torch.where(box, normal_z, ez),
        torch.where(box, box_angle, angle),
    )


def _meet(scene: Scene, at: Local, tilt: float) -> _Surface:
    """Follow the tilted view: a point nearer to the camera is seen lower than it stands."""
    x, y, yaw = at.x, at.y, scene.motion.yaw
    extent, depth, *_ = _cross(_look(scene, y), x, yaw)
    height = y + tilt * depth
    row = _look(scene, height)
    extent, depth, nx, nz, angle = _cross(row, x, yaw)
    ny = row[..., 8] * row[..., 3]
    length = torch.sqrt(1 + ny * ny)
    cover = row[..., 3] * ((extent - x.abs()) / at.pixel + 0.5).clamp(0, 1)
    cover = cover * _cut(scene, at, depth, height)
    return _Surface(height, row, depth, (nx / length, ny / length, nz / length), angle, cover)


def _cut(scene: Scene, at: Local, z: torch.Tensor, height: torch.Tensor) -> torch.Tensor:
    """The slanted tip of a lipstick."""
    yaw = scene.motion.yaw
    edge = 0.94 - 1.1 * (at.x * torch.cos(yaw) - z * torch.sin(yaw))
    kept = ((edge - height) / at.pixel + 0.5).clamp(0, 1)
    slanted = (scene.product == KIND["lipstick"])[:, None, None]
    return torch.where(slanted & (height > 0.6), kept, torch.ones_like(kept))


def _shade(scene: Scene, surface: _Surface) -> torch.Tensor:
    """Materials in soft studio light: (frames, 3, height, width)."""
    nx, ny, nz = surface.normal
    side = scene.stage.side
    shares = surface.row[..., 4:8]
    albedo = torch.einsum("fhwm,fmc->fchw", shares, scene.palette.materials)
    metal = shares[..., 0] * scene.palette.metal + shares[..., 2]
    diffuse = (0.5 * nx * side + 0.42 * ny + 0.68 * nz).clamp(min=0)
    soft = 0.42 + 0.66 * diffuse
    bands = 0.5 + 0.5 * torch.cos(6.0 * nx - 1.3 * side)
    polished = 0.34 + 0.78 * bands**1.3 + 0.18 * ny
    level = torch.lerp(soft, polished, metal)
    level = level * (1 - 0.28 * scene.stage.dramatic * (0.5 - 0.5 * nx * side))
    stripes = _stripes(scene, surface)
    return albedo * (level * stripes)[:, None]


def _stripes(scene: Scene, surface: _Surface) -> torch.Tensor:
    """A ball has no label: three broad darker bands show that it turns."""
    wave = torch.sin(2 * surface.angle + 0.6 + 5 * (surface.height - 0.37))
    band = (wave * 4 + 0.5).clamp(0, 1) * 0.42
    return 1 - band * (scene.product == KIND["ball"])[:, None, None]


def _label(
    scene: Scene, surface: _Surface, colour: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """A paper label with a disc and two lines in front, three lines on the back."""
    tops = TOPS.to(colour.device)[scene.product]
    foot, head = tops[:, 4, None, None], tops[:, 5, None, None]
    middle, half = (foot + head) / 2, ((head - foot) / 2).clamp(min=1e-3)
    v = (surface.height - middle) / half
    width = surface.row[..., 0].clamp(min=0.05)
    blur_u = pixel / width / surface.normal[2].clamp(min=0.15)
    blur_v = pixel / half
    has = (head > foot) * (surface.row[..., 4] > 0.5)

    def box(u0: float, v0: float, hu: float, hv: float) -> torch.Tensor:
        return ((hu - (surface.angle - u0).abs()) / blur_u + 0.5).clamp(0, 1) * (
            (hv - (v - v0).abs()) / blur_v + 0.5
        ).clamp(0, 1)

    paper = box(0, 0, 0.95, 1.0) * has
    lit = (0.62 + 0.42 * surface.normal[2])[:, None]
    colour = torch.lerp(colour, scene.palette.paper * lit, paper[:, None].expand_as(colour))
    radius = torch.sqrt((surface.angle * width) ** 2 + ((v - 0.3) * half) ** 2)
    disc = ((0.075 - radius) / pixel + 0.5).clamp(0, 1)
    text = torch.maximum(box(0, -0.3, 0.55, 0.11), box(0, -0.62, 0.36, 0.08))
    ink = torch.maximum(disc, text) * paper
    colour = torch.lerp(colour, scene.palette.ink * lit, ink[:, None].expand_as(colour))
    back = _back(surface, v) * has
    return torch.lerp(colour, scene.palette.paper * lit, back[:, None].expand_as(colour))


def _back(surface: _Surface, v: torch.Tensor) -> torch.Tensor:
    """Three lines on the back of the label, 0 to 1; `v` is the height on the label, -1 to 1."""
    away = 3.1416 - surface.angle.abs()
    lines = (torch.cos(v * 3.1416 * 2.5) * 3).clamp(0, 1) * (v.abs() < 1.0)
    return (away.abs() < 0.6) * lines * 0.7


def _light(scene: Scene, surface: _Surface, colour: torch.Tensor, at: Local) -> torch.Tensor:
    """Softbox stripes, and the band of light that sweeps over a resting product."""
    nx, ny, _ = surface.normal
    side = scene.stage.side
    round_ = 1 - surface.row[..., 2]
    key = torch.exp(-(((nx - 0.48 * side) / 0.13) ** 2)) * 0.42
    rim = torch.exp(-(((nx + 0.80 * side) / 0.07) ** 2)) * 0.22
    spot = torch.exp(-(((nx - 0.4 * side) ** 2 + (ny - 0.5) ** 2) / 0.035)) * 0.85
    ball = (scene.product == KIND["ball"])[:, None, None]
    gloss = torch.where(ball, spot, (key + rim) * round_ * (1 - ny.abs()))
    reach = (at.x * 0.9 + (at.y - 0.42) * 0.55 - scene.motion.sweep) / 0.13
    sweep = torch.exp(-(reach**2)) * 0.95
    return colour + (gloss + sweep)[:, None] * scene.palette.tint

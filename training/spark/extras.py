"""What sticks out of a product or lies on it: lids, a nozzle, a handle, a flame, foam."""

from __future__ import annotations

import torch

from training.spark.canvas import KIND, Canvas, Layer, Local
from training.spark.scenes import Scene
from training.spark.shapes import TOPS

__all__ = ["paint_flame", "paint_foam", "paint_handle", "paint_nozzle", "paint_top"]


def paint_top(scene: Scene, at: Local, tilt: float, layer: Layer) -> Layer:
    """The face seen from above: lids, wax, coffee."""
    (colour, cover), x, y = layer, at.x, at.y
    tops = TOPS.to(colour.device)[scene.product]
    high, half, depth = (tops[:, i, None, None] for i in range(3))
    half = half.clamp(min=1e-4)
    z = (high - y) / tilt
    cos, sin = torch.cos(scene.motion.yaw), torch.sin(scene.motion.yaw)
    u, w = (x * cos - z * sin) / half, (x * sin + z * cos) / (half * depth)
    rho = torch.sqrt(u * u + w * w)
    share = ((1 - rho) * half * tilt * 2 / at.pixel + 0.5).clamp(0, 1) * (half > 1e-3)
    materials = scene.palette.materials
    extra = materials.new_tensor([[0.97, 0.92, 0.80], [0.20, 0.10, 0.05]])
    table = torch.cat([materials, extra.expand(len(materials), 2, 3)], 1)
    face = table[torch.arange(len(table), device=table.device), tops[:, 3].long()]
    face = face[:, :, None, None] * 0.98
    rim = materials[:, 0, :, None, None] * 0.9
    filled = (tops[:, 3] >= 4).float()[:, None, None]
    edge = filled * ((rho - 0.82) / 0.12).clamp(0, 1)
    shade = torch.lerp(face.expand_as(colour), rim.expand_as(colour), edge[:, None])
    colour = torch.lerp(colour, shade, share[:, None].expand_as(colour))
    return colour, torch.maximum(cover, share)


def paint_nozzle(scene: Scene, at: Local, tilt: float, layer: Layer) -> Layer:
    """The pump's arm, which turns with the bottle."""
    x, y = at.x, at.y
    yaw = scene.motion.yaw - 0.25
    end_x, end_y = -0.31 * torch.cos(yaw), -0.31 * torch.sin(yaw) * tilt
    along = ((x * end_x + (y - 0.9) * end_y) / (end_x**2 + end_y**2)).clamp(0, 1)
    distance = torch.sqrt((x - along * end_x) ** 2 + (y - 0.9 - along * end_y) ** 2)
    share = ((0.038 - distance) / at.pixel + 0.5).clamp(0, 1)
    drop = torch.maximum((x - end_x * 0.96).abs() / 0.028, (y - 0.855 - end_y).abs() / 0.05)
    share = torch.maximum(share, ((1 - drop) * 0.028 / at.pixel + 0.5).clamp(0, 1))
    share = share * (scene.product == KIND["pump"])[:, None, None]
    level = (0.85 + 3.5 * (y - 0.9 - along * end_y)).clamp(0.6, 1.05)
    paint = scene.palette.materials[:, 1, :, None, None] * level[:, None]
    return _blend(layer, paint, share)


def paint_handle(scene: Scene, at: Local, layer: Layer) -> Layer:
    """The mug's ear: beside the mug, or in front of it when it has turned to the camera."""
    cover, x, y = layer[1], at.x, at.y
    yaw = scene.motion.yaw + 0.2
    cos, sin = torch.cos(yaw), torch.sin(yaw)
    wide = (0.155 * cos.abs()).clamp(min=0.02)
    u, v = (x - 0.33 * cos) / wide, (y - 0.33 + 0.045 * sin) / 0.19
    rho = torch.sqrt(u * u + v * v).clamp(min=1e-3)
    scale = torch.sqrt((u * wide) ** 2 + (v * 0.19) ** 2) / rho
    share = ((0.042 - (rho - 1).abs() * scale) / at.pixel + 0.5).clamp(0, 1)
    share = share * (scene.product == KIND["mug"])[:, None, None]
    share = share * torch.where(sin > 0.15, 1 - cover, torch.ones_like(cover))
    share = torch.where(
        sin > 0.15, share, share * torch.maximum(1 - cover, sin.abs().expand_as(cover))
    )
    level = 0.72 + 0.25 * (v * 0.5 + 0.5)
    paint = scene.palette.materials[:, 0, :, None, None] * level[:, None]
    return _blend(layer, paint, share)


def paint_flame(scene: Scene, canvas: Canvas, at: Local, picture: torch.Tensor) -> torch.Tensor:
    """A candle burns, and flickers a little."""
    x, y, time = at.x, at.y, scene.motion.time
    lit = (scene.product == KIND["candle"])[:, None, None] * (~at.mirror)
    fx = x - 0.02 * torch.sin(14 * time) * (y - 0.55)
    fy = (y - 0.66) / (1 + 0.12 * torch.sin(19 * time))
    half = 0.05 * (1 - (fy / 0.12).clamp(-1, 1)) ** 0.6 * (1 + (fy / 0.12).clamp(-1, 1)) ** 0.5
    share = ((half - fx.abs()) / canvas.pixel + 0.3).clamp(0, 1) * (fy.abs() < 0.12) * lit
    near = torch.exp(-torch.sqrt(fx * fx + fy * fy) / 0.16) * 0.4 * lit
    orange = picture.new_tensor((1.0, 0.62, 0.16))[None, :, None, None]
    core = torch.exp(-((fx / 0.02) ** 2) - ((fy + 0.04) / 0.06) ** 2)
    picture = picture + near[:, None] * orange * 0.7
    flame = orange + core[:, None] * picture.new_tensor((0.0, 0.34, 0.6))[None, :, None, None]
    return torch.lerp(picture, flame, share[:, None].expand_as(picture))


def paint_foam(scene: Scene, at: Local, picture: torch.Tensor) -> torch.Tensor:
    """Bubbles on a bar of soap."""
    wet = (scene.product == KIND["soap"])[:, None, None] * (~at.mirror)
    for x0, y0, radius in ((-0.2, 0.37, 0.085), (-0.05, 0.4, 0.12), (0.13, 0.36, 0.07)):
        u, v = (at.x - x0) / radius, (at.y - y0) / radius
        rho = torch.sqrt(u * u + v * v)
        share = ((1 - rho) * radius / at.pixel + 0.5).clamp(0, 1) * wet
        shine = torch.exp(-(((u + 0.35) ** 2 + (v - 0.35) ** 2) / 0.08))
        level = (0.82 + 0.1 * v + 0.3 * shine).clamp(0, 1)
        picture = torch.lerp(picture, level[:, None].expand_as(picture), (share * 0.9)[:, None])
    return picture


def _blend(layer: Layer, paint: torch.Tensor, share: torch.Tensor) -> Layer:
    colour, cover = layer
    return torch.lerp(colour, paint, share[:, None].expand_as(colour)), torch.maximum(cover, share)

"""Scenes to pictures: the set, then the product on it, then light.

Orthographic, the camera a little above: a ring around the upright axis appears as an ellipse whose
height is `TILT` of its width. x runs right, y up, the short side of the picture from -1 to 1.
Everything is batched over frames and runs on the device of the scene.
"""

from __future__ import annotations

import dataclasses

import torch

from training.spark.body import paint_product
from training.spark.canvas import Canvas
from training.spark.scenes import FRAMES, Motion, Palette, Scene, Stage, draw_scene

__all__ = ["render", "render_frames"]

TILT = 0.14


def render(
    factors: torch.Tensor,
    size: tuple[int, int],
    generator: torch.Generator,
    *,
    device: torch.device | str = "cpu",
    times: torch.Tensor | None = None,
) -> torch.Tensor:
    """Paint clips.

    Args:
        factors: int64 (clips, 6) on the CPU, see `world.draw_factors`.
        size: width and height in pixels.
        generator: CPU generator of everything that the factors leave open.
        device: where to paint.
        times: moments 0 to 1 (clips, moments), by default the 16 of a clip.

    Returns:
        uint8 (clips, moments, 3, height, width).
    """
    scene = draw_scene(factors, generator, aspect=size[0] / size[1], times=times)
    moments = FRAMES if times is None else times.shape[1]
    chunks = []
    for start in range(0, len(scene.product), 512):
        part = _slice(scene, slice(start, start + 512), torch.device(device))
        picture = render_frames(part, size)
        chunks.append((picture * 255).round().to(torch.uint8))
    return torch.cat(chunks).view(len(factors), moments, 3, size[1], size[0])


def _slice(scene: Scene, where: slice, device: torch.device) -> Scene:
    def cut(value: object) -> object:
        if isinstance(value, Motion | Palette | Stage):
            return type(value)(*(cut(getattr(value, f.name)) for f in dataclasses.fields(value)))
        return value[where].to(device)  # type: ignore[index]

    return Scene(*(cut(getattr(scene, f.name)) for f in dataclasses.fields(scene)))  # type: ignore[arg-type]


def render_frames(scene: Scene, size: tuple[int, int]) -> torch.Tensor:
    """Paint a scene's frames: float32 (frames, 3, height, width) in 0 to 1."""
    canvas = _canvas(scene, size)
    picture = _backdrop(scene, canvas)
    picture = _floor(scene, canvas, picture)
    picture = _bokeh(scene, canvas, picture)
    picture = _pedestal(scene, canvas, picture)
    picture = _shadow(scene, canvas, picture)
    picture = _halo(scene, canvas, picture)
    picture = paint_product(scene, canvas, picture)
    return _finish(scene, canvas, picture)


def _canvas(scene: Scene, size: tuple[int, int]) -> Canvas:
    width, height = size
    device = scene.product.device
    pixel = 2.0 / min(size)
    x = ((torch.arange(width, device=device) + 0.5) * pixel - width * pixel / 2)[None, None, :]
    y = (height * pixel / 2 - (torch.arange(height, device=device) + 0.5) * pixel)[None, :, None]
    zoom = scene.motion.zoom
    base = scene.stage.ground + 0.13 * scene.stage.pedestal
    return Canvas(x, y, x / zoom, (y + 0.1) / zoom - 0.1, pixel / zoom, base, TILT)


def _smooth(low: float, high: float, value: torch.Tensor) -> torch.Tensor:
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _over(picture: torch.Tensor, colour: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    return torch.lerp(picture, colour.expand_as(picture), share[:, None].expand_as(picture))


def _backdrop(scene: Scene, canvas: Canvas) -> torch.Tensor:
    stage, colours = scene.stage, scene.palette
    distance = torch.sqrt((canvas.x + 0.25 * stage.side) ** 2 + (canvas.y - 0.25) ** 2)
    light = 0.65 * (1 - _smooth(0.1, 1.9, distance)) + 0.35 * (canvas.y * 0.4 + 0.5).clamp(0, 1)
    light = (light * (1 - 0.5 * stage.dramatic) * stage.haze).clamp(0, 1)
    return colours.unlit + (colours.lit - colours.unlit) * light[:, None]


def _floor(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    """A soft horizon, or water with rings running out from the product."""
    stage, colours = scene.stage, scene.palette
    horizon = stage.ground + 0.22
    depth = (horizon - canvas.ys).clamp(min=0)
    near = _smooth(-0.04, 0.04, horizon - canvas.ys)
    shade = (1.0 - 0.16 * depth.clamp(max=1.2))[:, None]
    ground = (0.6 * colours.lit + 0.4 * colours.unlit) * shade
    picture = _over(picture, ground, near * 0.55 * (1 - stage.water))
    wet = (0.3 * colours.lit + 0.7 * colours.unlit) * 0.86 * shade
    picture = _over(picture, wet, near * 0.9 * stage.water)
    ring = _rings(scene, canvas)
    return picture + (ring * near * stage.water * 0.16)[:, None] * (0.4 + colours.lit)


def _rings(scene: Scene, canvas: Canvas) -> torch.Tensor:
    """Waves around the product's foot, -1 to 1, fading outwards; (frames, height, width)."""
    x = canvas.xs - scene.motion.across
    y = (canvas.ys - canvas.base) / 0.30
    radius = torch.sqrt(x * x + y * y)
    return torch.sin(19 * radius - 9 * scene.motion.time) * torch.exp(-1.1 * radius)


def _bokeh(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    for disc in scene.stage.bokeh.unbind(1):
        x, y, radius, alpha = (v[:, None, None] for v in disc.unbind(1))
        distance = torch.sqrt((canvas.x - x) ** 2 + (canvas.y - y) ** 2)
        share = ((radius - distance) / (0.35 * radius) + 0.5).clamp(0, 1) * alpha
        picture = _over(picture, scene.palette.lit * 0.4 + 0.6, share * 0.75)
    return picture


def _pedestal(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    stage, colours = scene.stage, scene.palette
    half = 0.44 * stage.size
    x = (canvas.xs - scene.motion.across) / half
    high = canvas.tilt * 1.1 * half
    rise = torch.sqrt((1 - x * x).clamp(min=0)) * high
    down = canvas.base + 0.03 - canvas.ys
    inside = ((1 - x.abs()) * half / canvas.pixel + 0.5).clamp(0, 1) * stage.pedestal
    side = inside * ((0.26 + rise - down) / canvas.pixel + 0.5).clamp(0, 1)
    side = side * (down / canvas.pixel + 0.5).clamp(0, 1)
    shade = 0.72 + 0.22 * torch.exp(-(((x - 0.4 * stage.side) / 0.45) ** 2)) - 0.14 * x.abs() ** 3
    stone = colours.lit * 0.55 + colours.unlit * 0.15 + 0.30
    picture = _over(picture, stone * shade[:, None], side)
    rho = torch.sqrt(x * x + (down / high) ** 2)
    top = ((1 - rho) * high / canvas.pixel + 0.5).clamp(0, 1) * stage.pedestal
    return _over(picture, (stone * 1.04).clamp(0, 1), top)


def _shadow(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    """Where the product stands, wider and paler the higher it floats."""
    lift = scene.motion.up
    x = (canvas.xs - scene.motion.across + 0.05 * scene.stage.side) / (0.33 + 0.2 * lift)
    y = (canvas.ys - canvas.base + 0.02) / (0.07 + 0.05 * lift)
    share = 0.42 * torch.exp(-(x.abs() ** 3) - y * y) / (1 + 2 * lift)
    return picture * (1 - share * (1 - 0.7 * scene.stage.water))[:, None]


def _halo(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    size = scene.stage.size
    x = (canvas.xs - scene.motion.across) / (0.62 * size)
    y = (canvas.ys - canvas.base - 0.42 * size) / (0.78 * size)
    share = 0.85 * torch.exp(-2.2 * (x * x + y * y)) * scene.motion.glow
    warm = picture.new_tensor((1.0, 0.86, 0.52))[None, :, None, None]
    return _over(picture, scene.palette.lit * 0.2 + warm * 0.8, share)


def _finish(scene: Scene, canvas: Canvas, picture: torch.Tensor) -> torch.Tensor:
    reach = torch.sqrt(canvas.x**2 + canvas.y**2)
    dim = 1 - (0.06 + 0.26 * scene.stage.dramatic) * _smooth(0.7, 1.9, reach)
    return (picture * scene.palette.tint * dim[:, None]).clamp(0, 1)

"""From factors to the numbers that a painter needs: who moves where, in which light and colours.

Chance is always drawn on the CPU, so that equal generators give equal scenes on every device.
Per-frame values have the shape (frames, 1, 1), where frames is clips times moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from training.spark.shapes import TOPS
from training.spark.world import BACKGROUNDS, COLOURS, FACTORS, METALS, column

__all__ = ["FRAMES", "Motion", "Palette", "Scene", "Stage", "draw_scene"]

FRAMES = 16
"""Frames of a clip, at 8 frames a second."""

Uniform = Callable[..., torch.Tensor]


@dataclass(frozen=True, slots=True)
class Motion:
    """Where the product is: all (frames, 1, 1), in frame units unless said otherwise.

    `yaw` and `swing` are radians, `zoom` a factor, `glow` 0 to 1, `sweep` the place of the light
    band in product units (far outside where the motion is another), `time` 0 to 1.
    """

    across: torch.Tensor
    up: torch.Tensor
    yaw: torch.Tensor
    swing: torch.Tensor
    zoom: torch.Tensor
    glow: torch.Tensor
    sweep: torch.Tensor
    time: torch.Tensor


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours (frames, 3, 1, 1); `materials` (frames, 4, 3); the rest (frames, 1, 1)."""

    materials: torch.Tensor
    metal: torch.Tensor
    paper: torch.Tensor
    ink: torch.Tensor
    lit: torch.Tensor
    unlit: torch.Tensor
    tint: torch.Tensor


@dataclass(frozen=True, slots=True)
class Stage:
    """The set: all (frames, 1, 1), flags 0 or 1. `bokeh` is (frames, discs, 4): x, y, r, alpha."""

    ground: torch.Tensor
    size: torch.Tensor
    pedestal: torch.Tensor
    water: torch.Tensor
    dramatic: torch.Tensor
    warm: torch.Tensor
    side: torch.Tensor
    haze: torch.Tensor
    bokeh: torch.Tensor


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn, `product` int64 (frames,) and `key` the product's name index."""

    product: torch.Tensor
    motion: Motion
    palette: Palette
    stage: Stage


def draw_scene(
    factors: torch.Tensor,
    generator: torch.Generator,
    *,
    aspect: float,
    times: torch.Tensor | None = None,
) -> Scene:
    """Draw what the factors leave open and lay the motion out in time.

    Args:
        factors: int64 (clips, 6) on the CPU.
        generator: a CPU generator.
        aspect: width over height of the picture.
        times: moments in 0 to 1, float (clips, moments); by default the 16 of a clip.

    Returns:
        a scene of clips times moments frames, on the CPU.
    """
    clips = len(factors)
    if times is None:
        times = torch.linspace(0, 1, FRAMES).expand(clips, FRAMES)
    moments = times.shape[1]

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(clips, *shape, generator=generator)

    def frames(value: torch.Tensor) -> torch.Tensor:
        if value.dim() == 1:
            value = value[:, None].expand(clips, moments)
        return value.reshape(clips * moments, 1, 1)

    motion = _motion(factors, times, uniform, frames)
    return Scene(
        column(factors, "product").repeat_interleave(moments),
        motion,
        _palette(factors, moments, uniform),
        _stage(factors, times, uniform, frames, aspect),
    )


def _is(factors: torch.Tensor, factor: str, label: str) -> torch.Tensor:
    return (column(factors, factor) == FACTORS[factor].index(label)).float()


def _motion(factors: torch.Tensor, t: torch.Tensor, uniform: Uniform, frames: Uniform) -> Motion:
    def on(label: str) -> torch.Tensor:
        return _is(factors, "motion", label)[:, None]

    sign = torch.where(uniform(0, 1, 1) < 0.5, -1.0, 1.0)
    travel = uniform(0.34, 0.46, 1) * (2 * t - 1)
    lift = uniform(0.42, 0.58, 1)
    turn = uniform(0.95, 1.25, 1) * math.pi * sign * (t - 0.5)
    rock = uniform(0.20, 0.28, 1) * sign * torch.sin(2 * math.pi * uniform(1.0, 1.25, 1) * t)
    reach = uniform(0.26, 0.34, 1) * (2 * t - 1)
    pulse = 0.5 - 0.5 * torch.cos(2 * math.pi * (t * 1.5 + uniform(-0.05, 0.05, 1)))
    band = uniform(0.85, 1.0, 1) * (2 * t - 1)
    return Motion(
        across=frames((on("slide_right") - on("slide_left")) * travel + uniform(-0.03, 0.03, 1)),
        up=frames(
            on("rise") * lift * t + on("fall") * lift * (1 - t**1.4) + on("swing") * 0.06 * t**0
        ),
        yaw=frames(on("rotate") * turn + uniform(-0.12, 0.12, 1)),
        swing=frames(on("swing") * rock),
        zoom=frames(torch.exp((on("zoom_in") - on("zoom_out")) * reach)),
        glow=frames(on("glow") * (0.08 + 0.92 * pulse)),
        sweep=frames(torch.where(on("sweep") > 0, band, torch.full_like(band, 9.0))),
        time=frames(t),
    )


def _table(labels: tuple[str, ...], rows: dict[str, tuple[float, float, float]]) -> torch.Tensor:
    return torch.tensor([rows[label] for label in labels])


def _palette(factors: torch.Tensor, moments: int, uniform: Uniform) -> Palette:
    colour = column(factors, "colour")
    base = _table(FACTORS["colour"], COLOURS)[colour]
    base = (base * uniform(0.92, 1.08, 1) + uniform(-0.02, 0.02, 3)).clamp(0.02, 1)
    metal = torch.tensor([float(c in METALS) for c in FACTORS["colour"]])[colour]
    white, black = torch.tensor((0.95, 0.95, 0.93)), torch.tensor((0.06, 0.06, 0.07))
    gold, silver = torch.tensor(COLOURS["gold"]), torch.tensor(COLOURS["silver"])
    bright = (base @ torch.tensor((0.3, 0.59, 0.11)) > 0.6).float()[:, None]
    dark = (base @ torch.tensor((0.3, 0.59, 0.11)) < 0.14).float()[:, None]
    accent = black * bright + white * (1 - bright)
    metallic = torch.where(uniform(0, 1, 1) < 0.6, gold, silver)
    rubber = torch.where(dark > 0, silver * 0.9, black)
    paper = base * 0.3 * bright + torch.tensor((0.97, 0.96, 0.93)) * (1 - bright)
    ink = torch.tensor((0.95, 0.93, 0.88)) * bright + base * 0.7 * (1 - bright)
    lit = _table(FACTORS["background"], {k: v[0] for k, v in BACKGROUNDS.items()})
    unlit = _table(FACTORS["background"], {k: v[1] for k, v in BACKGROUNDS.items()})
    scene = column(factors, "background")
    warm = _is(factors, "light", "warm")[:, None]
    tint = 1 + warm * torch.tensor((0.03, 0.0, -0.05))

    def colours(value: torch.Tensor) -> torch.Tensor:
        return value.repeat_interleave(moments, 0)[:, :, None, None]

    return Palette(
        torch.stack([base, accent, metallic, rubber], 1).repeat_interleave(moments, 0),
        metal.repeat_interleave(moments)[:, None, None],
        colours(paper),
        colours(ink),
        colours((lit[scene] + uniform(-0.015, 0.015, 3)).clamp(0, 1)),
        colours((unlit[scene] + uniform(-0.015, 0.015, 3)).clamp(0, 1)),
        colours(tint),
    )


def _stage(
    factors: torch.Tensor, t: torch.Tensor, uniform: Uniform, frames: Uniform, aspect: float
) -> Stage:
    tall = min(1.0, max(0.0, (1 / aspect - 1) / 0.75))
    size = TOPS[column(factors, "product"), 6] * uniform(0.94, 1.04)
    sparkle = _is(factors, "light", "sparkle")[:, None]
    discs = 6
    x = uniform(-1, 1, discs)[:, None] * max(1.0, aspect)
    start, speed = uniform(-0.5, 1, discs)[:, None], uniform(0.1, 0.3, discs)[:, None]
    y = (start + speed * t[:, :, None]) * max(1.0, 1 / aspect)
    radius = uniform(0.04, 0.13, discs)[:, None].expand_as(y)
    alpha = (uniform(0.3, 0.8, discs) * sparkle)[:, None].expand_as(y)
    bokeh = torch.stack([x.expand_as(y), y, radius, alpha], -1)
    return Stage(
        ground=frames(-0.58 - 0.20 * tall + uniform(-0.03, 0.03)),
        size=frames(size * (1 + 0.28 * tall)),
        pedestal=frames(_is(factors, "surface", "pedestal")),
        water=frames(_is(factors, "surface", "water")),
        dramatic=frames(_is(factors, "light", "dramatic")),
        warm=frames(_is(factors, "light", "warm")),
        side=frames(torch.where(uniform(0, 1) < 0.7, -1.0, 1.0)),
        haze=frames(uniform(0.85, 1.0)),
        bokeh=bokeh.reshape(-1, discs, 4),
    )

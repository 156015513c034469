"""Drawn scenes of the gate's second set of clips (`gate_sets.py`)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from gate.sources import FRAMES, HEIGHT, RATE, WIDTH, glide, pan, product, swarm, texture, turning
from reelkiln.reel import Clip

__all__ = ["scenes"]


def _clip(draw: Callable[[int], np.ndarray]) -> Clip:
    frames = [np.clip(draw(at), 0, 255).astype(np.uint8) for at in range(FRAMES)]
    return Clip(np.stack(frames), RATE)


def turntable(seed: int, ground: tuple[int, int, int]) -> Clip:
    """A jar whose label turns before a still, graded wall."""
    label = texture(seed, 6.0)[:140]
    shade = np.linspace(1.0, 0.75, WIDTH, dtype=np.float32)[None, :, None]
    wall = np.ones((HEIGHT, WIDTH, 3), np.float32) * np.float32(ground) * shade
    angle = np.arcsin(np.linspace(-0.98, 0.98, 160)) / np.pi
    light = np.cos(np.linspace(-1.3, 1.3, 160))[None, :, None] * 0.5 + 0.5

    def draw(at: int) -> np.ndarray:
        columns = ((angle * 300 + 300 + 6 * at) % label.shape[1]).astype(int)
        picture = wall.copy()
        picture[80:220, 176:336] = label[:, columns] * light
        return picture

    return _clip(draw)


def ripples(seed: int) -> Clip:
    """Water: rings from two places, over sand."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    sand = texture(seed, 3.0)[:HEIGHT, :WIDTH]

    def draw(at: int) -> np.ndarray:
        one = np.sin(np.hypot(x - 150, y - 120) / 7 - 0.6 * at)
        two = np.sin(np.hypot(x - 380, y - 190) / 9 - 0.5 * at)
        return sand * (1 + 0.12 * (one + two))[..., None]

    return _clip(draw)


def bokeh(seed: int) -> Clip:
    """Soft lights drift behind a sharp bottle."""
    rng = np.random.default_rng(seed)
    place, way = rng.random((30, 2)) * (WIDTH, HEIGHT), rng.normal(0, 2, (30, 2))
    inks = rng.integers(60, 255, (30, 3)).tolist()

    def draw(at: int) -> np.ndarray:
        picture = np.full((HEIGHT, WIDTH, 3), (36, 32, 44), np.float32)
        for (x, y), (u, v), ink in zip(place, way, inks, strict=True):
            cv2.circle(picture, (round(x + u * at), round(y + v * at)), 16, ink, -1)
        picture = cv2.GaussianBlur(picture, (0, 0), 7)
        cv2.rectangle(picture, (220 + 2 * at, 90), (290 + 2 * at, 260), (200, 170, 90), -1)
        cv2.rectangle(picture, (240 + 2 * at, 50), (270 + 2 * at, 90), (240, 240, 240), -1)
        return picture

    return _clip(draw)


def dawn(seed: int) -> Clip:
    """The light rises over gliding clouds, by a quarter in all."""
    clouds = pan(seed, 3.0, 18.0).frames.astype(np.float32)
    return _clip(lambda at: clouds[at] * (0.7 + 0.018 * at))


def snow(seed: int) -> Clip:
    """Small flakes fall before a dark slope."""
    rng = np.random.default_rng(seed)
    place = rng.random((160, 2)) * (WIDTH, HEIGHT)
    fall = rng.uniform(3, 8, 160)
    slope = texture(seed, 20.0)[:HEIGHT, :WIDTH] * 0.4

    def draw(at: int) -> np.ndarray:
        picture = slope.copy()
        for (x, y), speed in zip(place, fall, strict=True):
            centre = (round(x + at), round((y + speed * at) % HEIGHT))
            cv2.circle(picture, centre, 2, (225, 230, 240), -1, cv2.LINE_AA)
        return picture

    return _clip(draw)


def scenes() -> dict[str, Clip]:
    """Scenes that were drawn for this set alone."""
    return {
        "clouds-left": pan(21, -3.0, 12.0),
        "clouds-fine": pan(22, 5.0, 8.0),
        "clouds-turning-slowly": turning(24, 1.5),
        "clouds-leaving": glide(texture(25, 26.0), 0.5, 1.5, -0.008),
        "bottle-mint": product((90, 190, 160), (235, 235, 225), 3.0, 0, 5),
        "bottle-black": product((25, 25, 30), (170, 60, 60), 4.0, 0, 6),
        "bottle-night": product((90, 110, 190), (30, 34, 46), 6.0, 3, 7),
        "bottle-cream": product((235, 215, 190), (120, 90, 80), 2.0, 2, 8),
        "swarm-few": swarm(31, 10),
        "swarm-many": swarm(32, 90),
        "bottle-rose": product((220, 120, 150), (245, 240, 235), 5.0, 0, 9),
        "bottle-ochre": product((200, 140, 40), (60, 80, 70), 3.5, 4, 10),
        "turntable-green": turntable(43, (120, 160, 130)),
        "ripples-fine": ripples(52),
        "bokeh-more": bokeh(62),
        "snow-more": snow(82),
        "clouds-rising": glide(texture(26, 14.0), 0.0, -2.5),
        "turntable": turntable(41, (205, 200, 190)),
        "turntable-dark": turntable(42, (52, 48, 60)),
        "ripples": ripples(51),
        "bokeh": bokeh(61),
        "dawn": dawn(71),
        "snow": snow(81),
    }

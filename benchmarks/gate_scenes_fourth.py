"""Drawn scenes of the gate's fourth set of clips (`gate_sets.py`), of kinds the others lack."""

from __future__ import annotations

import cv2
import numpy as np

from gate.sources import HEIGHT, WIDTH, texture
from gate_scenes_third import Ink, X, Y, drawn
from reelkiln.reel import Clip

__all__ = ["scenes"]


def _ground(ink: Ink, floor: float = 0.8) -> np.ndarray:
    """A wall with a floor, lit from the left."""
    shade = (1.05 - 0.25 * X / WIDTH)[..., None] * np.where(Y < 214, 1.0, floor)[..., None]
    return np.float32(ink) * shade


def _flask(picture: np.ndarray, x: float, ink: Ink) -> None:
    """A round flask with a collar and a band, drawn where it stands."""
    left = round(x)
    cv2.rectangle(picture, (left - 14, 60), (left + 14, 120), (214, 204, 190), -1, cv2.LINE_AA)
    cv2.circle(picture, (left, 168), 58, ink, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (left, 176), (54, 16), 0, 0, 360, (242, 236, 222), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (left - 18, 50), (left + 18, 64), (52, 44, 40), -1, cv2.LINE_AA)


def spotlight(ink: Ink, ground: Ink) -> Clip:
    """A beam glides over a flask that stands still."""
    still = _ground(ground)
    _flask(still, 256, ink)

    def draw(at: int) -> np.ndarray:
        beam = np.exp(-(((X - 0.5 * Y + 60 - 36 * at) / 50) ** 2))[..., None]
        return still * 0.8 + still * 0.55 * beam + 30 * beam

    return drawn(draw)


def lamp(ink: Ink) -> Clip:
    """A lamp behind a flask swells and fades."""
    still = _ground((92, 84, 98))
    _flask(still, 256, ink)
    halo = np.exp(-((np.hypot(X - 256, Y - 150) / 120) ** 2))[..., None]

    def draw(at: int) -> np.ndarray:
        return still + np.float32((120, 96, 50)) * halo * (0.5 + 0.5 * np.sin(0.65 * at))

    return drawn(draw)


def tiles(ink: Ink) -> Clip:
    """A flask passes before a wall of tiles with a leaf on each."""
    wall = _ground((206, 214, 208), 1.0)
    for top in range(0, HEIGHT, 48):
        for left in range(0, WIDTH, 64):
            cv2.rectangle(wall, (left, top), (left + 63, top + 47), (172, 180, 176), 1)
            cv2.ellipse(wall, (left + 32, top + 24), (16, 6), 35, 0, 360, (150, 172, 152), 1)

    def draw(at: int) -> np.ndarray:
        picture = wall.copy()
        _flask(picture, 90 + 21 * at, ink)
        return picture

    return drawn(draw)


def fence(seed: int) -> Clip:
    """Clouds pass behind a garden fence that stands still."""
    sky = texture(seed, 22.0)

    def draw(at: int) -> np.ndarray:
        picture = sky[40 : 40 + HEIGHT, 5 * at : 5 * at + WIDTH] * 0.7 + 60
        for left in range(4, WIDTH, 40):
            cv2.rectangle(picture, (left, 130), (left + 20, HEIGHT), (226, 220, 206), -1)
            cv2.line(picture, (left + 20, 130), (left + 20, HEIGHT), (120, 112, 100), 2)
        cv2.rectangle(picture, (0, 170), (WIDTH, 184), (206, 198, 184), -1)
        return picture

    return drawn(draw)


def train(seed: int) -> Clip:
    """A train passes before hills; its windows are lit."""
    rng = np.random.default_rng(seed)
    hills = texture(seed, 34.0)[:HEIGHT, :WIDTH] * 0.5 + 40
    cars = [(left, rng.integers(60, 210, 3)) for left in range(-900, 700, 190)]

    def draw(at: int) -> np.ndarray:
        picture = hills.copy()
        for left, ink in cars:
            x = round(left + 24 * at)
            cv2.rectangle(picture, (x, 130), (x + 182, 226), [float(c) for c in ink], -1)
            for pane in range(x + 14, x + 160, 42):
                cv2.rectangle(picture, (pane, 146), (pane + 28, 178), (244, 226, 160), -1)
        cv2.rectangle(picture, (0, 226), (WIDTH, 240), (54, 48, 44), -1)
        return picture

    return drawn(draw)


def gears(ink: Ink) -> Clip:
    """Two gears turn against each other."""

    def gear(x: int, y: int, reach: float, teeth: int, turn: float) -> np.ndarray:
        far, angle = np.hypot(X - x, Y - y), np.arctan2(Y - y, X - x)
        edge = reach + 9 * np.clip(3 * np.cos(teeth * (angle - turn)), -1, 1)
        spokes = (far > 0.75 * reach) | (np.cos(5 * (angle - turn)) > 0.6) | (far < 24)
        cover: np.ndarray = (np.clip(edge - far, 0, 1) * spokes)[..., None]
        return cover

    def draw(at: int) -> np.ndarray:
        picture = _ground((70, 74, 82), 1.0)
        for x, reach, teeth, way, shade in ((170, 90, 18, 1, 1.0), (352, 72, 14, -1.286, 0.7)):
            cover = gear(x, 144, reach, teeth, way * 0.05 * at)
            picture = picture * (1 - cover) + np.float32(ink) * shade * cover
        return picture

    return drawn(draw)


def bouncing(seed: int, ink: Ink) -> Clip:
    """Balls bounce on a table, as fast as they fall."""
    rng = np.random.default_rng(seed)
    balls = [(70 + 92 * one, rng.uniform(0, 16), rng.integers(40, 230, 3)) for one in range(5)]

    def draw(at: int) -> np.ndarray:
        picture = _ground(ink)
        for x, start, colour in balls:
            moment = (at + start) % 16 / 16
            y = round(232 - 150 * 4 * moment * (1 - moment))
            cv2.ellipse(picture, (x, 254), (24, 5), 0, 0, 360, (90, 80, 72), -1, cv2.LINE_AA)
            cv2.circle(picture, (x, y), 21, [float(c) for c in colour], -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def carousel(seed: int, ground: Ink) -> Clip:
    """Parcels go round on a ring that is seen from the side."""
    inks = np.random.default_rng(seed).integers(50, 235, (7, 3))

    def draw(at: int) -> np.ndarray:
        picture = _ground(ground)
        turns = [2 * np.pi * one / 7 + 0.07 * at for one in range(7)]
        for turn, ink in sorted(zip(turns, inks, strict=True), key=lambda one: np.sin(one[0])):
            near = 1 + 0.3 * np.sin(turn)
            x, y = 256 + 170 * np.cos(turn), 150 + 44 * np.sin(turn)
            half = 27 * near
            corners = [round(c) for c in (x - half, y - half, x + half, y + half)]
            colour = [float(c) * (0.6 + 0.3 * near) for c in ink]
            cv2.rectangle(picture, corners[:2], corners[2:], colour, -1, cv2.LINE_AA)
            cv2.line(picture, (round(x), corners[1]), (round(x), corners[3]), (240, 236, 226), 3)
        return picture

    return drawn(draw)


def road(seed: int) -> Clip:
    """A drive on a straight road between posts."""
    fields = texture(seed, 18.0)[:HEIGHT, :WIDTH] * 0.35 + np.float32((70, 100, 50))

    def draw(at: int) -> np.ndarray:
        picture = fields.copy()
        picture[:110] = np.float32((170, 196, 224)) - 0.3 * Y[:110, :, None]
        depth = 1 / np.maximum(0.02, (Y - 110) / 178)
        wide = np.abs(X - 256) < 210 / depth
        picture[(Y > 110) & wide] = (92, 92, 96)
        dash = (Y > 112) & (np.abs(X - 256) < 7 / depth) & ((depth + 0.22 * at) % 1.4 < 0.7)
        picture[dash] = (236, 232, 220)
        for post in range(12):
            far = (post * 0.8 - 0.22 * at) % 9.6 + 0.9
            base, high = 110 + 178 / far, 84 / far
            for side in (-1, 1):
                x = 256 + side * 262 / far
                ends = (round(x), round(base)), (round(x), round(base - high))
                cv2.line(picture, *ends, (232, 230, 226), max(1, round(6 / far)), cv2.LINE_AA)
        return picture

    return drawn(draw)


def fish(seed: int) -> Clip:
    """Fish swim through weeds that sway."""
    rng = np.random.default_rng(seed)
    shoal = [(*rng.uniform((0, 30), (WIDTH, 240)), rng.uniform(3, 8)) for _ in range(14)]
    inks = rng.integers(90, 250, (14, 3)).tolist()

    def draw(at: int) -> np.ndarray:
        picture = np.float32((30, 92, 124)) * (1.15 - 0.5 * Y / HEIGHT)[..., None]
        for root in range(12, WIDTH, 34):
            ys = np.arange(150 + root % 60, HEIGHT, 6)
            xs = root + (HEIGHT - ys) * 0.12 * np.sin(0.3 * at + root)
            line = np.stack([xs, ys], 1).astype(np.int32)
            cv2.polylines(picture, [line], False, (46, 120, 70), 5, cv2.LINE_AA)
        for (x, y, speed), ink in zip(shoal, inks, strict=True):
            at_x, at_y = (
                round((x + speed * at) % (WIDTH + 80) - 40),
                round(y + 5 * np.sin(0.5 * at + x)),
            )
            tail = np.int32([(at_x - 18, at_y), (at_x - 34, at_y - 11), (at_x - 34, at_y + 11)])
            cv2.fillConvexPoly(picture, tail, ink, cv2.LINE_AA)
            cv2.ellipse(picture, (at_x, at_y), (22, 10), 0, 0, 360, ink, -1, cv2.LINE_AA)
            cv2.circle(picture, (at_x + 12, at_y - 2), 2, (20, 20, 24), -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def harbour(seed: int) -> Clip:
    """A dark harbour: few lights, and what the water makes of them."""
    rng = np.random.default_rng(seed)
    lights = [(rng.uniform(0, WIDTH), rng.uniform(110, 150), rng.integers(2, 5)) for _ in range(26)]

    def draw(at: int) -> np.ndarray:
        picture = (
            np.float32((9, 11, 19))
            + np.where(Y > 160, 4, 0)[..., None]
            + np.zeros_like(X)[..., None]
        )
        for x, y, size in lights:
            at_x = x - 3 * at
            cv2.circle(
                picture, (round(at_x), round(y)), int(size), (240, 214, 150), -1, cv2.LINE_AA
            )
            for low in range(166, 240, 9):
                sway = 6 * np.sin(0.7 * at + low + x)
                ends = (round(at_x + sway - 5), low), (round(at_x + sway + 5), low)
                cv2.line(picture, *ends, (96, 84, 60), 2, cv2.LINE_AA)
        return picture

    return drawn(draw)


def curtain(ink: Ink) -> Clip:
    """Two curtains open before a flask."""
    still = _ground((228, 214, 196))
    _flask(still, 256, (60, 110, 130))

    def draw(at: int) -> np.ndarray:
        picture = still.copy()
        fold = (0.75 + 0.25 * np.sin(np.where(X < 256, X + 14 * at, X - 14 * at) / 9))[..., None]
        drawn = np.abs(X - 256) > 20 + 14 * at
        picture[drawn] = (np.float32(ink) * fold)[drawn]
        return picture

    return drawn(draw)


def swing(ink: Ink, ground: Ink) -> Clip:
    """A flask on a rope swings far, and a shadow with it."""

    def draw(at: int) -> np.ndarray:
        flask = np.full((HEIGHT, WIDTH, 3), -1, np.float32)
        _flask(flask, 256, ink)
        turn = cv2.getRotationMatrix2D((256, -40), 24 * np.sin(2 * np.pi * at / 16), 1)
        moved = cv2.warpAffine(flask, turn, (WIDTH, HEIGHT), borderValue=(-1, -1, -1))
        picture = _ground(ground)
        shown = moved.min(axis=2) >= 0
        picture[shown] = moved[shown]
        return picture

    return drawn(draw)


def scenes() -> dict[str, Clip]:
    """Scenes that were drawn for this set alone."""
    return {
        "spotlight": spotlight((170, 60, 66), (190, 180, 168)),
        "spotlight-dark": spotlight((70, 120, 150), (60, 56, 66)),
        "lamp": lamp((60, 130, 120)),
        "tiles": tiles((186, 92, 60)),
        "fence": fence(201),
        "train": train(202),
        "gears": gears((196, 170, 110)),
        "bouncing": bouncing(203, (216, 206, 190)),
        "carousel": carousel(204, (226, 220, 212)),
        "carousel-dusk": carousel(205, (84, 74, 96)),
        "road": road(206),
        "fish": fish(207),
        "harbour": harbour(208),
        "curtain": curtain((140, 34, 48)),
        "swing": swing((150, 70, 120), (214, 218, 206)),
    }

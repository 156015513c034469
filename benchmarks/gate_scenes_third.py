"""Drawn scenes of the gate's third set of clips (`gate_sets.py`), of kinds that the others lack."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from gate.sources import FRAMES, HEIGHT, RATE, WIDTH, texture
from reelkiln.reel import Clip

__all__ = ["Ink", "X", "Y", "drawn", "scenes"]

Y, X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
Ink = tuple[int, int, int]


def drawn(draw: Callable[[int], np.ndarray]) -> Clip:
    """A clip of the pictures that are drawn for each frame."""
    frames = [np.clip(draw(at), 0, 255).astype(np.uint8) for at in range(FRAMES)]
    return Clip(np.stack(frames), RATE)


def _wall(ink: Ink, fall: float = 0.25) -> np.ndarray:
    """A ground of one colour that darkens towards a corner."""
    shade = 1 - fall * np.hypot(X / WIDTH, Y / HEIGHT)[..., None]
    return np.float32(ink) * shade


def cube(ink: Ink, ground: Ink, degrees: float) -> Clip:
    """A box turns about its upright axis; each side has its own shade and a stripe."""

    def side(turn: float, reach: float) -> np.ndarray:
        """Where the corners of a side are seen from five units away, int32 (4, 2)."""
        along = np.float32([-1, 1, 1, -1])
        x, z = np.cos(turn) - along * np.sin(turn), np.sin(turn) + along * np.cos(turn)
        y, near = np.float32([-1, -1, 1, 1]) * reach, 420 / (z + 5)
        return np.round(np.stack([256 + near * x, 144 + near * y], 1)).astype(np.int32)

    def draw(at: int) -> np.ndarray:
        picture = _wall(ground)
        for turn in np.radians(20 + degrees * at) + np.pi / 2 * np.arange(4):
            light = -np.sin(turn)
            if light > 0.2:  # it faces the camera
                for reach, shade in ((1.0, 0.9), (0.35, 1.3)):
                    colour = [float((0.4 + 0.5 * light) * shade * c) for c in ink]
                    cv2.fillConvexPoly(picture, side(turn, reach), colour, cv2.LINE_AA)
        return picture

    return drawn(draw)


def flag(seed: int) -> Clip:
    """Striped cloth that waves before a sky."""
    rng = np.random.default_rng(seed)
    cloth = np.kron(rng.integers(40, 230, (7, 1, 3)), np.ones((60, 900, 1))).astype(np.float32)
    weave = texture(seed, 4.0, 900)[:420, :900]
    cloth = 0.8 * cloth + 0.2 * weave

    def draw(at: int) -> np.ndarray:
        wave = 0.5 * at - X / 60
        moved = cv2.remap(cloth, X + 9 * np.sin(wave), Y + 60 + 14 * np.cos(wave), cv2.INTER_LINEAR)
        picture = _wall((150, 190, 225), 0.15)
        where = (X > 60) & (X < 452) & (np.abs(Y - 144 - 10 * np.sin(wave)) < 95)
        picture[where] = (moved * (1 + 0.18 * np.sin(wave))[..., None])[where]
        return picture

    return drawn(draw)


def stars(seed: int) -> Clip:
    """Through a field of stars, which pass by."""
    rng = np.random.default_rng(seed)
    place, depth = rng.uniform(-1, 1, (500, 2)), rng.uniform(0.1, 1, 500)

    def draw(at: int) -> np.ndarray:
        picture = _wall((24, 20, 46), 0.6)
        for (x, y), far in zip(place, depth, strict=True):
            near = (far - 0.022 * at) % 1 + 0.08
            where = round(256 + 200 * x / near), round(144 + 120 * y / near)
            light = min(255, 90 / near)
            cv2.circle(picture, where, round(0.6 / near), (light, light, light), -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def record(ink: Ink) -> Clip:
    """A record turns; its grooves hold two beams of light."""
    far, angle = np.hypot(X - 256, Y - 144), np.arctan2(Y - 144, X - 256)

    def draw(at: int) -> np.ndarray:
        picture = _wall((196, 176, 150))
        groove = 40 + 14 * np.sin(far * 1.6) + 70 * np.abs(np.cos(angle - 0.4)) ** 20
        picture[far < 128] = groove[far < 128][:, None]
        label = (np.cos(3 * (angle + 0.11 * at)) > 0)[..., None] * 60 + np.float32(ink)
        picture[far < 46] = label[far < 46]
        picture[far < 4] = 20
        return picture

    return drawn(draw)


def pendulum(seed: int) -> Clip:
    """A ball swings on its string before a brick wall."""
    rng = np.random.default_rng(seed)
    wall = _wall((150, 84, 66))
    for row in range(0, HEIGHT, 24):
        for left in range(-48 + row // 24 % 2 * 24, WIDTH, 48):
            tint = [float(c) for c in rng.uniform(0.8, 1.15) * np.array((168, 92, 74))]
            cv2.rectangle(wall, (left + 2, row + 2), (left + 45, row + 21), tint, -1)
    wall += rng.normal(0, 5, wall.shape)

    def draw(at: int) -> np.ndarray:
        picture, swing = wall.copy(), 0.7 * np.sin(0.35 * at)
        end = round(256 + 210 * np.sin(swing)), round(210 * np.cos(swing))
        cv2.line(picture, (256, 0), end, (30, 30, 30), 2, cv2.LINE_AA)
        cv2.circle(picture, end, 26, (40, 110, 190), -1, cv2.LINE_AA)
        cv2.circle(picture, (end[0] - 8, end[1] - 9), 7, (200, 225, 245), -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def rain(seed: int) -> Clip:
    """Streaks fall before dark hills and a sharp railing."""
    rng = np.random.default_rng(seed)
    hills = texture(seed, 30.0)[:HEIGHT, :WIDTH] * 0.5
    drops = rng.random((220, 2)) * (WIDTH, HEIGHT)

    def draw(at: int) -> np.ndarray:
        picture = hills.copy()
        for x, y in drops:
            low = round((y + 31 * at) % (HEIGHT + 30))
            cv2.line(picture, (round(x), low - 14), (round(x) + 2, low), (170, 180, 190), 1)
        for left in range(10, WIDTH, 36):
            cv2.rectangle(picture, (left, 200), (left + 6, HEIGHT), (24, 24, 26), -1)
        cv2.rectangle(picture, (0, 192), (WIDTH, 202), (24, 24, 26), -1)
        return picture

    return drawn(draw)


def shelves(seed: int, step: float) -> Clip:
    """The camera passes a shelf of parcels; those behind pass more slowly."""
    rng = np.random.default_rng(seed)
    far = [(left, rng.integers(30, 70), rng.integers(70, 150, 3)) for left in range(0, 1400, 52)]
    near = [(left, rng.integers(60, 130), rng.integers(60, 235, 3)) for left in range(0, 1800, 96)]

    def draw(at: int) -> np.ndarray:
        picture = _wall((226, 216, 200))
        for rows, base, share, wide in ((far, 150, 0.5, 44), (near, 262, 1.0, 78)):
            for left, high, ink in rows:
                x = round(left - 100 - step * share * at)
                colour = [float(c) for c in ink]
                cv2.rectangle(picture, (x, base - high), (x + wide, base), colour, -1)
                lighter = [min(255.0, c + 40) for c in colour]
                cv2.rectangle(picture, (x + 8, base - high + 8), (x + 20, base - 8), lighter, -1)
            cv2.rectangle(picture, (0, base), (WIDTH, base + 8), (120, 84, 56), -1)
        return picture

    return drawn(draw)


def smoke(seed: int) -> Clip:
    """Smoke rises from a sharp bowl before a dark wall."""
    noise = texture(seed, 14.0)[..., 0] / 255

    def draw(at: int) -> np.ndarray:
        sway = X + 12 * np.sin(Y / 40 + 0.3 * at) + 120
        cloud = cv2.remap(noise, sway, (Y + 6 * at) % 430, cv2.INTER_LINEAR)
        wide = 18 + (HEIGHT - Y) * 0.25
        cover = np.clip(cloud - 0.3, 0, 1) * np.exp(-(((X - 256) / wide) ** 2)) * (Y < 232) * 2
        cover = np.clip(cover, 0, 1)[..., None]
        picture = _wall((54, 46, 60)) * (1 - cover) + 215 * cover
        cv2.ellipse(picture, (256, 240), (58, 16), 0, 0, 360, (170, 120, 60), -1, cv2.LINE_AA)
        cv2.ellipse(picture, (256, 236), (44, 9), 0, 0, 360, (40, 30, 24), -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def leaves(seed: int, ground: Ink) -> Clip:
    """Leaves fall and turn."""
    rng = np.random.default_rng(seed)
    rows = [
        (rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(3, 7), rng.uniform(-14, 14))
        for _ in range(40)
    ]
    inks = rng.integers(40, 220, (40, 3)).tolist()

    def draw(at: int) -> np.ndarray:
        picture = _wall(ground)
        for (x, y, fall, turn), ink in zip(rows, inks, strict=True):
            centre = round(x + 6 * np.sin(0.3 * at + y)), round((y + fall * at) % (HEIGHT + 40))
            angle = turn * at + 10 * x
            cv2.ellipse(picture, centre, (17, 7), angle, 0, 360, ink, -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def handheld(seed: int) -> Clip:
    """A camera in a calm hand looks at a table with things on it."""
    rng = np.random.default_rng(seed)
    table = texture(seed, 40.0)[: HEIGHT + 40, : WIDTH + 40] * 0.6 + 60
    for _ in range(14):
        x, y, size = rng.integers(40, WIDTH), rng.integers(40, HEIGHT), rng.integers(12, 46)
        ink = rng.integers(20, 245, 3).tolist()
        cv2.circle(table, (int(x), int(y)), int(size), ink, -1, cv2.LINE_AA)
        cv2.rectangle(table, (int(x), int(y)), (int(x + size), int(y + 9)), (230, 230, 225), -1)

    def draw(at: int) -> np.ndarray:
        across, down = 12 + 5 * np.sin(0.7 * at), 12 + 4 * np.sin(0.45 * at + 1)
        matrix = np.float32([[1, 0, across], [0, 1, down]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(table, matrix, (WIDTH, HEIGHT), flags=flags)

    return drawn(draw)


def kaleidoscope(seed: int) -> Clip:
    """Mirrored glass turns."""
    glass = texture(seed, 9.0)
    far, angle = np.hypot(X - 256, Y - 144), np.arctan2(Y - 144, X - 256)

    def draw(at: int) -> np.ndarray:
        folded = np.abs((angle + 0.02 * at) % (np.pi / 3) - np.pi / 6)
        across = 320 + far * np.cos(folded) + 3 * at
        return cv2.remap(glass, np.float32(across % 800), np.float32(200 + far * np.sin(folded)), 1)

    return drawn(draw)


def clock(ink: Ink) -> Clip:
    """A wall clock whose hand sweeps; all else stands still."""
    face = _wall((208, 212, 205))
    cv2.circle(face, (256, 144), 118, (245, 243, 238), -1, cv2.LINE_AA)
    cv2.circle(face, (256, 144), 118, (40, 40, 44), 6, cv2.LINE_AA)
    for hour in range(12):
        way = np.float32([np.sin(hour * np.pi / 6), -np.cos(hour * np.pi / 6)])
        ends = [tuple(int(c) for c in np.round((256, 144) + way * r)) for r in (96, 108)]
        cv2.line(face, ends[0], ends[1], (40, 40, 44), 4, cv2.LINE_AA)

    def draw(at: int) -> np.ndarray:
        picture, turn = face.copy(), 0.5 + 0.105 * at
        end = round(256 + 92 * np.sin(turn)), round(144 - 92 * np.cos(turn))
        cv2.line(picture, (256, 144), end, ink, 5, cv2.LINE_AA)
        cv2.circle(picture, (256, 144), 8, ink, -1, cv2.LINE_AA)
        return picture

    return drawn(draw)


def windows(seed: int) -> Clip:
    """A house front at night passes: few lit windows in the dark."""
    rng = np.random.default_rng(seed)
    front = np.full((HEIGHT, 900, 3), (13, 14, 20), np.float32)
    front += rng.normal(0, 1.2, front.shape)
    for row in range(18, HEIGHT - 20, 36):
        for left in range(10, 880, 44):
            ink = (232, 196, 120) if rng.random() < 0.2 else (30, 32, 42)
            cv2.rectangle(front, (left, row), (left + 22, row + 22), ink, -1)
            cv2.line(front, (left + 11, row), (left + 11, row + 22), (16, 16, 20), 2)

    return drawn(lambda at: front[:, 6 * at : 6 * at + WIDTH])


def glass(ink: Ink) -> Clip:
    """A glass fills on a white ground; its surface rocks."""

    def draw(at: int) -> np.ndarray:
        picture = np.full((HEIGHT, WIDTH, 3), 255, np.float32)
        level = 226 - 8 * at + 5 * np.sin(X / 14 + 0.9 * at)
        inside = (np.abs(X - 256) < 52) & (Y > 60) & (Y < 236)
        picture[inside] = (228, 236, 240)
        shade = (1.1 - 0.006 * np.abs(X - 240))[..., None] * np.float32(ink)
        picture[inside & (level < Y)] = shade[inside & (level < Y)]
        cv2.rectangle(picture, (202, 58), (310, 238), (120, 130, 136), 3, cv2.LINE_AA)
        return picture

    return drawn(draw)


def scenes() -> dict[str, Clip]:
    """Scenes that were drawn for this set alone."""
    return {
        "cube": cube((190, 60, 50), (210, 205, 190), 5.0),
        "cube-night": cube((70, 130, 180), (34, 32, 40), 4.0),
        "flag": flag(101),
        "stars": stars(102),
        "record": record((150, 60, 70)),
        "pendulum": pendulum(103),
        "rain": rain(104),
        "shelves": shelves(105, 7.0),
        "shelves-slow": shelves(106, 3.0),
        "smoke": smoke(107),
        "leaves": leaves(108, (236, 222, 196)),
        "leaves-dusk": leaves(109, (70, 60, 84)),
        "handheld": handheld(110),
        "kaleidoscope": kaleidoscope(111),
        "clock": clock((170, 40, 40)),
        "windows": windows(112),
        "glass": glass((150, 60, 110)),
    }

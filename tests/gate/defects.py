"""Defects made on purpose, each at three strengths: 0 weak, 1 middle, 2 strong."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from reelkiln.reel import Clip

Defect = Callable[[Clip, int, int], Clip]
"""(clean clip, strength, seed) to the spoilt clip."""

STRENGTHS = ("weak", "middle", "strong")


def _with(clip: Clip, frames: np.ndarray, finite: float = 1.0) -> Clip:
    return Clip(np.clip(np.round(frames), 0, 255).astype(np.uint8), clip.fps, finite)


def black(clip: Clip, strength: int, seed: int) -> Clip:
    """The last third black; all of it nearly black with noise; all of it black."""
    frames = clip.frames.copy()
    if strength == 0:
        frames[-(len(frames) // 3) :] = 0
    elif strength == 1:
        frames[:] = np.random.default_rng(seed).integers(0, 5, frames.shape)
    else:
        frames[:] = 0
    return _with(clip, frames)


def not_finite(clip: Clip, strength: int, seed: int) -> Clip:
    """One value in a million, a hundredth, half of the values lost: those pixels are black."""
    share = (1e-6, 0.01, 0.5)[strength]
    lost = np.random.default_rng(seed).random(clip.frames.shape[:3]) < share
    return _with(clip, np.where(lost[..., None], 0, clip.frames), 1 - share)


def flicker(clip: Clip, strength: int, seed: int) -> Clip:
    """Every other frame darker: 4 %, 10 %, 25 %."""
    gain = 1 - (0.04, 0.10, 0.25)[strength] * (np.arange(len(clip.frames)) % 2)
    return _with(clip, clip.frames * gain[:, None, None, None])


def frozen(clip: Clip, strength: int, seed: int) -> Clip:
    """The last half held; nearly all of it held; one frame throughout, with a little noise."""
    count = len(clip.frames)
    start = (count // 2, count // 8, 0)[strength]
    frames = clip.frames.astype(np.float32)
    frames[start:] = frames[start]
    if strength == 2:
        frames += np.random.default_rng(seed).normal(0, 0.6, frames.shape)
    return _with(clip, frames)


def cut(clip: Clip, strength: int, seed: int) -> Clip:
    """From the middle on: the scene mirrored; mirrored and recoloured; another picture."""
    frames, half = clip.frames.copy(), len(clip.frames) // 2
    if strength == 0:
        frames[half:] = frames[half:, :, ::-1]
    elif strength == 1:
        frames[half:] = frames[half:, ::-1, ::-1][..., [2, 0, 1]]
    else:
        frames[half:] = 255 - frames[half:, ::-1]
    return _with(clip, frames)


def jump(clip: Clip, strength: int, seed: int) -> Clip:
    """From the middle on the picture stands shifted by 5 %, 12 %, 25 % of its width."""
    frames, half = clip.frames.copy(), len(clip.frames) // 2
    shift = round((0.05, 0.12, 0.25)[strength] * frames.shape[2])
    frames[half:] = np.roll(frames[half:], shift, axis=2)
    return _with(clip, frames)


def blur(clip: Clip, strength: int, seed: int) -> Clip:
    """Gaussian blur of 0.7 %, 2 %, 4 % of the longer side."""
    sigma = (0.007, 0.02, 0.04)[strength] * max(clip.frames.shape[1:3])
    return _with(clip, np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in clip.frames]))


def burnt(clip: Clip, strength: int, seed: int) -> Clip:
    """Exposed until 25 %, 50 %, 80 % of the pixels are white."""
    share = (0.25, 0.5, 0.8)[strength]
    least = clip.frames.min(axis=3).astype(np.float32)
    level = max(1.0, float(np.quantile(least, 1 - share)))
    return _with(clip, clip.frames * max(1.0, 256 / level))


def letterbox(clip: Clip, strength: int, seed: int) -> Clip:
    """Black bars of 3 %, 8 %, 15 % at top and bottom."""
    frames = clip.frames.copy()
    bar = max(2, round((0.03, 0.08, 0.15)[strength] * frames.shape[1]))
    frames[:, :bar] = frames[:, -bar:] = 0
    return _with(clip, frames)


def off_palette(clip: Clip, strength: int, seed: int) -> Clip:
    """A cast of 15, 40, 70 units of CIELAB in a direction of its own for each clip."""
    angle = 2.399963 * seed
    cast = np.float32([0, np.cos(angle), np.sin(angle)]) * (15, 40, 70)[strength]
    frames = [
        cv2.cvtColor(
            cv2.cvtColor(one.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) + cast, cv2.COLOR_LAB2RGB
        )
        for one in clip.frames
    ]
    return _with(clip, np.stack(frames) * 255)


def seam(clip: Clip, strength: int, seed: int) -> Clip:
    """A new segment from the middle on: 4 %, 10 %, 20 % darker."""
    frames, half = clip.frames.astype(np.float32), len(clip.frames) // 2
    frames[half:] *= 1 - (0.04, 0.10, 0.20)[strength]
    return _with(clip, frames)


_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


def _written(
    shape: tuple[int, ...], words: str, height: float, at: tuple[float, float]
) -> np.ndarray:
    """A mask, 0 to 1, of words `height` of the frame high, centred at a share of each side."""
    mask = np.zeros(shape[:2], np.uint8)
    font, scale = cv2.FONT_HERSHEY_DUPLEX, height * shape[0] / 22
    thick = max(1, round(scale * 1.6))
    (wide, high), _ = cv2.getTextSize(words, font, scale, thick)
    fit = min(1.0, 0.9 * shape[1] / wide)
    scale, wide, high = scale * fit, wide * fit, high * fit
    where = (round(at[0] * shape[1] - wide / 2), round(at[1] * shape[0] + high / 2))
    cv2.putText(mask, words, where, font, scale, 255, thick, cv2.LINE_AA)
    return mask[None, ..., None].astype(np.float32) / 255


def garbled(clip: Clip, strength: int, seed: int) -> Clip:
    """Nonsense words, 6 %, 10 %, 16 % of the height high, that move with the camera a little."""
    rng = np.random.default_rng(seed)
    words = "".join(rng.choice(list(_LETTERS), 4)) + " " + "".join(rng.choice(list(_LETTERS), 5))
    mask = _written(clip.frames.shape[1:], words, (0.06, 0.10, 0.16)[strength], (0.5, 0.4))
    moved = np.stack([np.roll(mask[0], at // 2, axis=1) for at in range(len(clip.frames))])
    dark = clip.frames.mean() > 128
    return _with(clip, clip.frames * (1 - moved) + moved * (20 if dark else 235))


def watermark(clip: Clip, strength: int, seed: int) -> Clip:
    """A see-through word that stays in its place: 12 %, 25 %, 45 % opaque."""
    place = ((0.5, 0.5), (0.3, 0.7), (0.65, 0.3))[seed % 3]
    mask = _written(clip.frames.shape[1:], "stockphoto", 0.14, place)
    mask = mask * (0.12, 0.25, 0.45)[strength]
    return _with(clip, clip.frames * (1 - mask) + mask * (255 if clip.frames.mean() < 140 else 0))


def pattern(clip: Clip, strength: int, seed: int) -> Clip:
    """A see-through figure without letters, again and again over the frame, that stays in its
    place: 12 %, 25 %, 45 % opaque."""
    height, width = clip.frames.shape[1:3]
    step = round(width * (0.22, 0.28, 0.18)[seed % 3])
    mask = np.zeros((height, width), np.uint8)
    thick, size = max(1, width // 170), step // 4
    for row, y in enumerate(range(step // 3, height + step, round(step * 0.8))):
        for x in range(step // 2 + row % 2 * step // 2, width + step, step):
            if seed % 3 == 0:
                cv2.circle(mask, (x, y), size, 255, thick, cv2.LINE_AA)
                cv2.circle(mask, (x, y), size // 2, 255, thick, cv2.LINE_AA)
            elif seed % 3 == 1:
                cv2.line(mask, (x - size, y - size), (x + size, y + size), 255, thick, cv2.LINE_AA)
                cv2.line(mask, (x - size, y + size), (x + size, y - size), 255, thick, cv2.LINE_AA)
            else:
                box = cv2.boxPoints(((x, y), (1.6 * size, size), 30)).astype(int)
                cv2.polylines(mask, [box], True, 255, thick, cv2.LINE_AA)
    cover = mask[None, ..., None].astype(np.float32) / 255 * (0.12, 0.25, 0.45)[strength]
    return _with(clip, clip.frames * (1 - cover) + cover * (255 if clip.frames.mean() < 140 else 0))


DEFECTS: dict[str, Defect] = {
    "black": black,
    "NaN": not_finite,
    "flicker": flicker,
    "frozen": frozen,
    "cut": cut,
    "jump": jump,
    "blur": blur,
    "burnt": burnt,
    "garbled text": garbled,
    "watermark": watermark,
    "ghost pattern": pattern,
    "letterbox": letterbox,
    "off-palette": off_palette,
    "seam": seam,
}

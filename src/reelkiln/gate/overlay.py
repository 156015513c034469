"""Overlays: what stays where it is while the scene moves under it, such as a ghost watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelkiln.gate.view import Field, Plane, View

    Flags = NDArray[np.bool_]

__all__ = ["Overlay", "ghost", "held", "lasting", "repeats"]

_BLOCK = 8
"""Side of the blocks, in pixels of the middle picture, that are called static or not."""

_AGREE = 0.7
"""How much of its length a gradient keeps in the mean over time where it is called static."""

_STILL = 0.75
"""Share of static texture from which the scene itself may be what lasts: the camera stands."""

_TURN, _LEAST_FRAMES = 8, 12

_PASSES, _SMOOTH = 12, np.float32(1.5)
"""Levels by which a place differs where something passes over it, and how many times as steep as
the pattern that may be there."""

_HELD, _HELD_LEAST = 0.05, 100
"""How much of a pattern holds, under what passes, where it lies over the picture (a wall's own
bricks: up to 0.035; drawn patterns mostly 0.1 to 0.7), and how many of its pixels must tell."""

_LASTS, _SAME = 0.6, 0.15
"""How much of its length a gradient keeps where it may be an overlay's, and how alike both halves
are at least. Set on the clips of benchmarks/gate_sets.py, as the limit was."""

_ASIDE, _FAINT = 0.25, 0.05
"""Sine of the angle from which a second direction is another one; what is no repetition at all."""


def gradients(plane: Plane) -> Field:
    """Horizontal and vertical slopes of a grey picture in levels a pixel, float32 (h, w, 2)."""
    sides = [cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)]
    slopes: Field = np.stack(sides, axis=-1) * np.float32(1 / 8)
    return slopes


def ghost(mean: Field, strength: Field) -> tuple[float, float]:
    """Share of static texture inside the clip, and the energy of its strongest cluster.

    `mean` is float32 (height, width, 2), the mean over time of the gradients; `strength` is the
    mean of their lengths, (height, width), both in levels per pixel. Where texture moves, gradients
    of all directions cancel; under an overlay they don't (after Dekel et al., "On the
    effectiveness of visible watermarks", CVPR 2017, who take the median over many pictures).

    Returns:
        `static`: share (0 to 1) of textured blocks whose gradients agree over time. Near 1 the
        camera is still and time says nothing about overlays.
        `energy`: the strongest mean static gradient of a window a quarter as wide and an eighth as
        high as the frame, over the median static gradient of all windows (plus 0.3 levels).
    """
    agreed = np.linalg.norm(mean, axis=2)
    height, width = strength.shape
    blocks = (max(1, width // _BLOCK), max(1, height // _BLOCK))
    still = cv2.resize(agreed, blocks, interpolation=cv2.INTER_AREA)
    all_of_it = cv2.resize(strength, blocks, interpolation=cv2.INTER_AREA)
    textured = all_of_it > 1.0
    agree = still[textured] > _AGREE * all_of_it[textured]
    share = float(agree.mean()) if agree.size else 1.0
    window = (max(1, blocks[0] // 4), max(1, blocks[1] // 8))
    floor = still * (still > _AGREE * all_of_it)
    clusters = cv2.blur(floor, window, borderType=cv2.BORDER_REFLECT)
    return share, float(clusters.max() / (np.median(clusters) + 0.3))


def repeats(halves: tuple[Field, Field]) -> tuple[float, tuple[int, int]]:
    """How plainly what stays in its place repeats itself across the frame, 0 (not) to 1.

    `halves` are what `lasting` says of two separate runs of frames. Stock libraries lay their mark
    over the whole picture again and again, and models that learnt from their previews copy that.
    Such a pattern meets itself when it is shifted by its period: the correlation of the halves has
    peaks there, far from no shift, in more than one direction (bars have them in one). A single
    still thing has none, and a straight edge has a ridge, not a peak. A peak is what is higher than
    the highest value on a ring around it, 1 being what both halves hold.

    Returns:
        the highest peak that is not in line with the very highest, and the shift, (down, across)
        in pixels, of the very highest. 0 where the halves do not hold the same (a correlation
        under 0.15 without a shift): then it did not last. Ours.
    """
    one, two = halves
    energy = float(np.sqrt((one**2).sum() * (two**2).sum()))
    if float((one * two).sum()) < _SAME * max(energy, 1e-6):
        return 0.0, (0, 0)
    near = cv2.GaussianBlur(_correlation(one, two) / energy, (0, 0), 1.0)
    height, width = near.shape
    peaks = near - np.maximum(cv2.dilate(near, _ring(max(3, width // 40))), 0)
    down, across = np.arange(height)[:, None] - height // 2, np.arange(width) - width // 2
    least = width // 12
    peaks[(np.abs(down) <= least) & (np.abs(across) <= least)] = 0
    at = np.unravel_index(np.argmax(peaks), peaks.shape)
    first = int(at[0]) - height // 2, int(at[1]) - width // 2
    # The sine of the angle to the first shift is |cross product| / (both lengths).
    crossed = np.abs(down * first[1] - across * first[0])
    aside = crossed > _ASIDE * np.hypot(down, across) * np.hypot(*first)
    return float(np.clip(peaks[aside].max(initial=0.0), 0, 1)), first


def held(pattern: Field, unbroken: Field, passes: Flags, shift: tuple[int, int]) -> float | None:
    """How much of a pattern holds while things pass over it, 0 (none) to about 1.

    A wall's own bricks are hidden by what passes before them; a mark laid over the film is not.
    `pattern` is what lasts, (height, width, 2), `unbroken` that of it which never stopped, `passes`
    where the picture changed much. What the pattern foretells of itself one `shift` away, either
    way, is compared with what held there. None where too little passes to tell. Ours.
    """
    best, most = 0.0, 0
    for down, across in (shift, (-shift[0], -shift[1])):
        move = np.array([[1, 0, -across], [0, 1, -down]], np.float32)
        foretold = cv2.warpAffine(pattern, move, pattern.shape[1::-1]) * passes[..., None]
        strength = (foretold**2).sum(axis=2)
        telling = int(np.count_nonzero(strength > 0.05**2))
        if telling > most:
            most, best = telling, float((foretold * unbroken).sum() / strength.sum())
    return best if most >= _HELD_LEAST else None


def lasting(mean: Field, strength: Field) -> Field:
    """Where and which way gradients last: (height, width, 2), of length 0 to 0.4.

    The mean over time of the gradients over the mean of their lengths (plus half a level) is 1
    long where nothing moves; of that, what is over 0.6. Strong and faint texture count alike.
    """
    ratio = mean / (strength + np.float32(0.5))[..., None]
    length = np.linalg.norm(ratio, axis=2, keepdims=True)
    lasts: Field = ratio * np.maximum(0, length - _LASTS) / np.maximum(length, 1e-6)
    return lasts.astype(np.float32)


def _correlation(one: Field, two: Field) -> Field:
    """The correlation of two fields for shifts of up to half the frame either way, the middle being
    no shift; what lies on each other is a part of the frame, and is counted as if it were all."""
    height, width = one.shape[:2]
    down, right = (cv2.getOptimalDFTSize(2 * side) - side for side in (height, width))
    crossed = np.zeros((height + down, width + right), np.float32)
    for axis in (0, 1):
        first, second = (
            cv2.dft(cv2.copyMakeBorder(half[..., axis], 0, down, 0, right, cv2.BORDER_CONSTANT))
            for half in (one, two)
        )
        crossed += cv2.mulSpectrums(first, second, 0, conjB=True)
    whole = cv2.dft(crossed, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    down, across = height // 2, width // 2
    near = np.roll(whole, (down, across), (0, 1))[: 2 * down + 1, : 2 * across + 1]
    rows = height - np.abs(np.arange(-down, down + 1, dtype=np.float32))
    columns = width - np.abs(np.arange(-across, across + 1, dtype=np.float32))
    counted: Field = (near * np.float32(height * width) / np.outer(rows, columns)).astype(
        np.float32
    )
    return counted


def _ring(radius: int) -> Plane:
    """A circle's line of 1 in a square of 0."""
    square = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
    circle: Plane = cv2.circle(square, (radius, radius), radius, 1)
    return circle


class _Sums:
    """Sums over the frames of one half."""

    def __init__(self) -> None:
        self.count = 0
        self._slope: Field = np.zeros(0, np.float32)
        self._length: Field = np.zeros(0, np.float32)

    def add(self, slope: Field) -> None:
        """Take in the gradients of a frame."""
        length: Field = cv2.magnitude(slope[..., 0], slope[..., 1])
        if self.count:
            cv2.accumulate(slope, self._slope)
            cv2.accumulate(length, self._length)
        else:
            self._slope, self._length = slope.copy(), length
        self.count += 1

    def means(self) -> tuple[Field, Field]:
        """The mean gradient, and the mean of the gradients' lengths; something was seen."""
        share = np.float32(1 / self.count)
        return self._slope * share, self._length * share


class _Passing:
    """What happens, over a turn, to the gradients of the turn before."""

    def __init__(self, before: _Sums, seen: list[Plane]) -> None:
        self._mean, self._strength = before.means()
        self._before = seen
        self._turn: list[tuple[Plane, Field]] = []

    def see(self, mid: Plane, slope: Field) -> None:
        """Take in the next frame."""
        self._turn.append((mid, slope))

    def held(self, shift: tuple[int, int]) -> float | None:
        """See `held`: what kept two fifths of its strength under all that passed never stopped.

        Something passes over a pixel where it differs from what it was in the turn before. Only
        what is smooth itself tells: the edge of a thing puts its own slope in the pattern's place,
        and a string has nothing but edges. What is left of those looks like the pattern as often
        as like its reverse: reversed pixels count against it.
        """
        ground = np.partition(np.stack(self._before), _TURN // 2, axis=0)[_TURN // 2]
        length = cv2.magnitude(*cv2.split(self._mean))
        smooth = length * _SMOOTH + np.float32(0.5)
        least = length * length * np.float32(0.4)
        passed, broken, upright = np.zeros((3, *length.shape), bool)
        for mid, slope in self._turn:
            tells = cv2.absdiff(mid, ground) > _PASSES
            tells &= cv2.magnitude(*cv2.split(slope)) <= smooth
            passed |= tells
            along = cv2.transform(cv2.multiply(slope, self._mean), np.ones((1, 2), np.float32))
            broken |= tells & (along < least)
            upright |= tells & (along > -least)
        pattern = lasting(self._mean, self._strength)
        kept = (~broken).astype(np.float32) - (passed & ~upright)
        return held(pattern, pattern * kept[..., None], passed, shift)


class Overlay:
    """Gathers gradients over a stream, in two halves that take turns of eight frames."""

    def __init__(self) -> None:
        self._halves = (_Sums(), _Sums())
        self._first: list[Plane] = []
        self._passing: _Passing | None = None

    def see(self, now: View) -> None:
        """Take in the next frame."""
        seen = sum(half.count for half in self._halves)
        slope = gradients(now.mid)
        if seen < _TURN:
            self._first.append(now.mid)
        elif seen == _TURN:
            self._passing = _Passing(self._halves[0], self._first)
        if self._passing is not None and seen < 2 * _TURN:
            self._passing.see(now.mid, slope)
        self._halves[seen // _TURN % 2].add(slope)

    def marks(self) -> dict[str, float]:
        """`static_share` and `ghost` of the whole stream (see `ghost`); nothing under 4 seen.

        `ghost_repeats` (see `repeats`) only of 12 frames and more. Of a scene that stands still it
        is 0 where the pattern does not hold under what passes, and is left out where too little
        passes to tell (see `held`).
        """
        seen = sum(half.count for half in self._halves)
        if seen < 4:
            return {}
        halves = [half for half in self._halves if half.count]
        mean, strength = (
            np.average([half.means()[which] for half in halves], 0, [half.count for half in halves])
            for which in (0, 1)
        )
        static, energy = ghost(mean.astype(np.float32), strength.astype(np.float32))
        repeated = self._repeats(static) if seen >= _LEAST_FRAMES else None
        marks = {"static_share": static, "ghost": energy}
        return marks if repeated is None else marks | {"ghost_repeats": repeated}

    def _repeats(self, static: float) -> float | None:
        one, two = (lasting(*half.means()) for half in self._halves)
        found, shift = repeats((one, two))
        if found < _FAINT or static <= _STILL or self._passing is None:
            return found
        share = self._passing.held(shift)
        if share is None:
            return None
        return found if share >= _HELD else 0.0

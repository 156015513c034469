"""From what is wished to what a model can render: sizes and frame counts, decided by card data."""

from collections.abc import Iterator
from math import ceil, floor, log

from reelkiln.plan.card import Card
from reelkiln.reel import Size

__all__ = [
    "PIXEL_SLACK",
    "crop_share",
    "fit_frames",
    "fit_size",
    "is_legal",
    "legal_sizes",
    "smaller_sizes",
]

PIXEL_SLACK = 0.1
"""How far a legal size may lie from a native pixel count, as a share of it. Models trained at one
size draw doubled subjects far above it and lose detail far below."""


SHRUNK = (0.8, 0.65, 0.5, 0.4)
"""Shares of the native pixels to try where nothing larger fits. Below, nothing is recognised."""


def legal_sizes(card: Card) -> Iterator[Size]:
    """Every size the card allows near one of its native pixel counts, the native ones first."""
    yield from card.native
    if card.only_native:
        return
    for width in range(card.side_min, card.side_max + 1, card.side_multiple):
        heights = {height for native in card.native for height in _heights(card, native, width)}
        for height in sorted(heights):
            size = Size(width, height)
            if size not in card.native:
                yield size


def _heights(card: Card, native: Size, width: int) -> range:
    """The legal heights that bring this width within the slack of a native pixel count."""
    step = card.side_multiple
    least = max(ceil(native.pixels * (1 - PIXEL_SLACK) / width), card.side_min)
    most = min(floor(native.pixels * (1 + PIXEL_SLACK) / width), card.side_max)
    return range(ceil(least / step) * step, most + 1, step)


def _pixel_distance(card: Card, pixels: int) -> float:
    return min(abs(pixels / native.pixels - 1) for native in card.native)


def fit_size(card: Card, wished: Size) -> Size:
    """The size to render for a delivered size: nearest in aspect, then nearest to native pixels.

    The film room crops what is left over and scales the rest.
    """

    def distance(size: Size) -> tuple[float, float]:
        shape = abs(log((size.width * wished.height) / (size.height * wished.width)))
        return (round(shape, 9), _pixel_distance(card, size.pixels))

    return min(legal_sizes(card), key=distance)


def smaller_sizes(card: Card, wished: Size) -> tuple[Size, ...]:
    """Sizes below those the model was trained at, largest first, in the shape of the wish, or less
    slender where a side would be too short.

    For a long shot on a small GPU: a softer picture is better than none, or than hours on the
    processor. None where only native sizes are legal.
    """
    if card.only_native:
        return ()
    pixels = min(native.pixels for native in card.native)
    aspect = wished.width / wished.height
    found: dict[Size, None] = {}
    for share in SHRUNK:
        width = _side(card, (pixels * share * aspect) ** 0.5)
        size = Size(width, _side(card, width / aspect))
        if size.pixels > pixels * (share + 0.05):
            size = _stouter(card, size, pixels * share)
        if size.pixels <= pixels * (share + 0.05):
            found[size] = None
    return tuple(sorted(found, key=lambda size: -size.pixels))


def _stouter(card: Card, size: Size, pixels: float) -> Size:
    """The size with its longer side cut to so many pixels in all: of a slender picture the shorter
    side is soon as short as the card allows, and the film room crops the rest."""
    if size.width > size.height:
        return Size(_side(card, pixels / size.height), size.height)
    return Size(size.width, _side(card, pixels / size.width))


def _side(card: Card, wanted: float) -> int:
    step = card.side_multiple
    return int(min(max(round(wanted / step) * step, card.side_min), card.side_max))


def is_legal(card: Card, size: Size) -> bool:
    """Whether a plan may say this size: a legal one, or one of the smaller ones of some wish."""
    if size in legal_sizes(card):
        return True
    sides = (size.width, size.height)
    fits = all(
        side % card.side_multiple == 0 and card.side_min <= side <= card.side_max for side in sides
    )
    return not card.only_native and fits and size.pixels < min(n.pixels for n in card.native)


def crop_share(rendered: Size, wished: Size) -> float:
    """The share (0 to 1) of the rendered picture that cropping to the wished aspect cuts away.

    >>> crop_share(Size(128, 128), Size(720, 1280))
    0.4375
    """
    across = rendered.width * wished.height
    along = rendered.height * wished.width
    return 1 - min(across, along) / max(across, along)


def fit_frames(card: Card, frames: int) -> int:
    """The least legal frame count of at least `frames`, or the card's most where there is none."""
    steps = -(-(frames - card.frame_rest) // card.frame_step)
    least = card.frame_step * max(steps, 0) + card.frame_rest
    return min(max(least, card.frame_rest or card.frame_step), card.frames_max)

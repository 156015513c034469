"""What may be asked for: a shot is held against the card before anything is planned."""

from reelkiln.errors import UsageError, unknown_name
from reelkiln.plan.card import Card, Preset
from reelkiln.reel import SECONDS_MAX, SECONDS_MIN, Shot, Size

__all__ = ["PROMPT_MAX", "SIDE_MAX", "SIDE_MIN", "check_shot", "find_preset"]

PROMPT_MAX = 4000
"""The longest prompt, in characters."""

SIDE_MIN, SIDE_MAX = 64, 4096
"""The shortest and longest side of a delivered file, in pixels."""

_SLENDER = 4
"""The longer side is at most this many times the shorter."""


def find_preset(card: Card, name: str) -> Preset:
    """The card's preset of that name.

    Raises:
        UnknownName: it has none; the hint names the nearest.
    """
    if name not in card.presets:
        raise unknown_name(f"preset of {card.name}", name, card.presets)
    return card.presets[name]


def check_shot(shot: Shot, card: Card) -> None:
    """Refuse what no plan could make true.

    Raises:
        UnknownName: the card has no such preset.
        UsageError: the prompt, seconds, size or seed is out of bounds, or the model takes no start
            picture.
    """
    find_preset(card, shot.preset)
    if shot.image is not None and card.reach.kind != "lead":  # a start picture is a lead of one
        raise UsageError(
            f"{card.name} renders from words alone and takes no start picture",
            hint="Leave it out, or choose a model that goes on from frames, such as ltx-2b.",
        )
    _check_words(shot.prompt, "prompt")
    if not shot.prompt.strip():
        raise UsageError("the prompt is empty", hint="Say in a sentence what the picture shows.")
    _check_words(shot.negative, "negative prompt")
    _check_seconds(shot)
    _check_size(shot.size)
    if not 0 <= shot.seed < 2**32:
        raise UsageError(
            f"seed {shot.seed} is out of bounds", hint=f"Take a seed from 0 to {2**32 - 1}."
        )


def _check_words(words: str, what: str) -> None:
    if len(words) > PROMPT_MAX:
        raise UsageError(
            f"the {what} has {len(words):,} characters",
            hint=f"Shorten it to {PROMPT_MAX:,} characters.",
        )
    if "\0" in words:
        raise UsageError(f"the {what} holds a NUL byte", hint="Remove it; it is no text.")


def _check_seconds(shot: Shot) -> None:
    if not SECONDS_MIN <= shot.seconds <= SECONDS_MAX:
        raise UsageError(
            f"{float(shot.seconds):g} seconds is out of bounds",
            hint=f"Ask for {SECONDS_MIN} to {SECONDS_MAX} seconds.",
        )


def _check_size(size: Size) -> None:
    short, long = sorted((size.width, size.height))
    if short < SIDE_MIN or long > SIDE_MAX:
        raise UsageError(
            f"size {size} is out of bounds",
            hint=f"Take sides of {SIDE_MIN} to {SIDE_MAX} pixels, such as 720x1280.",
        )
    if size.width % 2 or size.height % 2:
        raise UsageError(
            f"size {size} has an odd side, which H.264 in 4:2:0 cannot hold",
            hint=f"Take {size.width // 2 * 2}x{size.height // 2 * 2}.",
        )
    if long > short * _SLENDER:
        raise UsageError(
            f"size {size} is too slender",
            hint=f"Let the longer side be at most {_SLENDER} times the shorter.",
        )

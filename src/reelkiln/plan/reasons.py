"""The reasons of a plan, in plain sentences."""

from reelkiln.plan.card import Card
from reelkiln.plan.estimate import Dtype, known_gpu
from reelkiln.plan.fit import crop_share
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import GiB, Machine
from reelkiln.reel import Segment, Shot, Size

__all__ = ["explain", "explain_device", "gib"]


def gib(size: int) -> str:
    """Bytes as a person reads them.

    >>> gib(2_772_434_944)
    '2.58 GiB'
    """
    return f"{size / GiB:.2f} GiB"


def explain(shot: Shot, card: Card, size: Size, segments: tuple[Segment, ...]) -> tuple[str, ...]:
    """Why these steps, this size and these frames."""
    preset = card.presets[shot.preset]
    twice = "two calls of the network a step" if preset.halves == 2 else "one call a step"
    return (
        f"{card.name}, preset {shot.preset}: {preset.steps} steps at guidance "
        f"{preset.guidance:g}, {twice}.",
        _explain_size(shot.size, card, size),
        _explain_frames(shot, card, segments),
    )


def _explain_size(wished: Size, card: Card, size: Size) -> str:
    only = len(card.native) == 1 and card.only_native
    why = (
        f"{size} is the only size {card.name} renders"
        if only
        else (f"{size} is the size of {card.name} nearest in shape to {wished}")
    )
    cropped = round(100 * crop_share(size, wished))
    crop = f"cropped by {cropped} % and " if cropped else ""
    return f"{why}; it is {crop}scaled to {wished}." if size != wished else f"{why}."


def _explain_frames(shot: Shot, card: Card, segments: tuple[Segment, ...]) -> str:
    wish = f"{float(shot.seconds):g} s at {float(card.fps):g} frames a second"
    frames, reach = segments[0].frames, card.reach
    match reach.kind:
        case "forth-and-back":
            return f"{wish}: {frames} frames, played forth and back until the time is full."
        case "windows" if frames > reach.context:
            return (
                f"{wish}: {frames} frames in windows of {reach.context}, "
                f"a new one every {reach.stride} (FreeNoise)."
            )
        case "lead" if len(segments) > 1:
            counts = " + ".join(str(segment.frames) for segment in segments)
            return f"{wish}: {counts} frames, each run led by {reach.lead} of the one before."
        case _:
            return f"{wish}: {frames} frames in one go."


def explain_device(
    card: Card, machine: Machine, dtype: Dtype, rung: Rung, seconds: float
) -> tuple[str, ...]:
    """Why this dtype, and how long it will take."""
    if rung.residence == "cpu":
        where = "no GPU was found" if machine.gpu is None else "the GPU is too small"
        return (f"float32 on the processor: {where}.", f"It takes about {seconds:.0f} s.")
    why = (
        "as its card says"
        if dtype == card.dtype_gpu
        else f"since {machine.gpu} is not safe in less"
    )
    known = (
        ""
        if known_gpu(machine.gpu or "")
        else (
            f"; the speed of {machine.gpu} is not known, that of a small laptop's GPU was assumed"
        )
    )
    return (f"{dtype}, {why}.", f"It takes about {seconds:.0f} s{known}.")

"""The reasons of a plan, in plain sentences."""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Literal

from reelkiln.plan.calibration import Found
from reelkiln.plan.card import Card
from reelkiln.plan.estimate import Dtype, known_gpu
from reelkiln.plan.fit import crop_share, legal_sizes
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import Outline
from reelkiln.reel import Shot, Size

__all__ = ["UNCOUNTED", "duration", "explain", "explain_device", "explain_figures"]

UNCOUNTED: Mapping[Literal["cpu", "cuda"], tuple[str, ...]] = MappingProxyType(
    {
        "cpu": ("encoding new words",),
        "cuda": ("encoding new words", "choosing the GPU's kernels"),
    }
)
"""What the first clip of a process takes besides, which the formula does not count and which is
measured here: 1.6 to 3.5 s on a fast computer (docs/measured/bench.md)."""


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(17.4), duration(300), duration(38_296)
    ('17 s', '5 min 0 s', '10 h 38 min')
    """
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def explain(shot: Shot, what: Outline) -> tuple[str, str, str]:
    """Why these steps, this size and these frames."""
    calls = "two calls of the network a step" if what.preset.halves == 2 else "one call a step"
    return (
        f"{what.card.name}, preset {shot.preset}: {what.preset.steps} steps at guidance "
        f"{what.preset.guidance:g}, {calls}.",
        _explain_size(shot.size, what.card, what.size),
        _explain_frames(shot, what),
    )


def _explain_size(wished: Size, card: Card, size: Size) -> str:
    if size == wished:
        return f"{card.name} renders {size} itself."
    only = len(card.native) == 1 and card.only_native
    if size not in legal_sizes(card):
        why = f"{size} is smaller than {card.name} was trained at, so the picture is softer"
    elif only:
        why = f"{size} is the only size {card.name} renders"
    else:
        why = f"{size} is the size of {card.name} nearest in shape to {wished}"
    cropped = round(100 * crop_share(size, wished))
    crop = f"cropped by {cropped} % and " if cropped else ""
    return f"{why}; it is {crop}scaled to {wished}."


def _explain_frames(shot: Shot, what: Outline) -> str:
    wish = f"{float(shot.seconds):g} s at {float(what.card.fps):g} frames a second"
    frames, reach = what.segments[0].frames, what.card.reach
    match reach.kind:
        case "forth-and-back":
            return f"{wish}: {frames} frames, played forth and back until the time is full."
        case "windows" if frames > reach.context:
            return (
                f"{wish}: {frames} frames in windows of {reach.context}, "
                f"a new one every {reach.stride} (FreeNoise)."
            )
        case "lead" if len(what.segments) > 1:
            counts = " + ".join(str(segment.frames) for segment in what.segments)
            led = f"each run led by {reach.lead} of the one before"
            return f"{wish}: {counts} frames, {led}{_surplus(shot, what)}."
        case _:
            return f"{wish}: {frames} frames in one go{_surplus(shot, what)}."


def _surplus(shot: Shot, what: Outline) -> str:
    """What is rendered beyond the wish, because only some frame counts are legal."""
    card = what.card
    shown = sum(segment.frames - segment.lead_frames for segment in what.segments)
    more = shown - ceil(shot.seconds * card.fps)
    if card.frame_step == 1 or more <= 0:
        return ""
    counts = f"{card.frame_step}n + {card.frame_rest}"
    cut = "1 frame at the end is" if more == 1 else f"{more} frames at the end are"
    return f", the least count of {counts} that is enough; {cut} cut off"


def explain_device(
    card: Card, machine: Machine, dtype: Dtype, rung: Rung, about: str
) -> tuple[str, str]:
    """Why this device and dtype, and how long it will take: `about` is `explain_figures`."""
    if rung.residence == "cpu":
        why = "no GPU was found" if machine.gpu is None else f"{machine.gpu} has too little memory"
        return (f"float32 on the processor: {why}.", about)
    why = "as its card says" if dtype == card.dtype_gpu else f"not {card.dtype_gpu}, on this GPU"
    return (f"{dtype} on {machine.gpu}, {why}.", about)


def explain_figures(found: Found | None, machine: Machine, rung: Rung, seconds: float) -> str:
    """How long it takes, and whether that and the memory were counted or measured here."""
    about = f"It takes about {duration(seconds)}"
    if found is not None:
        return f"{about}; time and memory as {found}."
    assumed = ""
    if rung.residence != "cpu" and not known_gpu(machine.gpu or ""):
        assumed = f"; how fast {machine.gpu} is was not measured, an RTX 3050 Ti was assumed"
    besides = " or ".join(UNCOUNTED["cpu" if rung.residence == "cpu" else "cuda"])
    return (
        f"{about} and more by the formula, which does not count {besides}{assumed}. "
        "`reelkiln bench --calibrate` measures it."
    )

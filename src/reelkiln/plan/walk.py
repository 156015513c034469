"""Walking down the ladder: a shot, a card and a machine become a plan, or a refusal."""

from dataclasses import dataclass, replace
from fractions import Fraction

from reelkiln.errors import PlanRefused
from reelkiln.plan.card import Card
from reelkiln.plan.cut import cut
from reelkiln.plan.estimate import (
    DTYPE_BITS,
    Dtype,
    Job,
    device_need,
    pinned_need,
    ram_need,
    seconds_need,
)
from reelkiln.plan.fit import fit_size
from reelkiln.plan.ladder import Rung, rungs
from reelkiln.plan.machine import GiB, Machine, MiB
from reelkiln.plan.plan import Plan
from reelkiln.plan.reasons import explain, explain_device, gib
from reelkiln.plan.wish import check_shot, find_preset
from reelkiln.reel import Segment, Shot

__all__ = ["Attempt", "attempts", "device_budget", "plan_shot", "ram_budget", "step_down"]

BROKEN_FP16 = ("GTX 16", "T1000", "T600")
"""GPUs that compute wrong numbers in 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A rung tried: what it needs (bytes, seconds), and why not (empty: it fits)."""

    rung: Rung
    dtype: Dtype
    peak_bytes: int
    ram_bytes: int
    seconds: float
    refusal: str


def plan_shot(shot: Shot, card: Card, machine: Machine) -> Plan:
    """Decide how to render a shot on a machine: the first rung that fits, fastest first.

    Raises:
        UnknownName: the card has no such preset.
        UsageError: the prompt, seconds, size or seed is out of bounds.
        PlanRefused: no rung fits; the hint says what would.
    """
    check_shot(shot, card)
    return _choose(shot, card, machine, attempts(shot, card, machine), ())


def step_down(plan: Plan, shot: Shot, card: Card, machine: Machine) -> Plan:
    """The plan below one that ran out of memory: the same walk, begun one rung lower.

    Raises:
        PlanRefused: there is no lower rung that fits.
    """
    check_shot(shot, card)
    tried = attempts(shot, card, machine)
    below = tuple(a for a in _after(tried, plan.rung) if _less(a, plan))
    why = f"{plan.rung} ran out of memory: one rung lower."
    return _choose(shot, card, machine, below, (why,))


def _after(tried: tuple[Attempt, ...], rung: Rung) -> tuple[Attempt, ...]:
    known = [attempt.rung for attempt in tried]
    return tried[known.index(rung) + 1 :] if rung in known else tried


def _less(attempt: Attempt, plan: Plan) -> bool:
    """Whether an attempt promises to need less of what ran out."""
    if plan.device == "cpu":
        return attempt.rung.residence == "cpu" and attempt.ram_bytes < plan.ram_bytes
    return attempt.rung.residence == "cpu" or attempt.peak_bytes < plan.peak_bytes


def device_budget(machine: Machine) -> int:
    """Bytes of GPU memory a plan may set aside: what is free, less a reserve for the driver.

    The reserve is 400 MiB, under Windows 600 MiB (what ComfyUI keeps), and at least a tenth.
    """
    least = 600 * MiB if machine.system == "Windows" else 400 * MiB
    return max(machine.vram_free - max(least, machine.vram_free // 10), 0)


def ram_budget(machine: Machine) -> int:
    """Bytes of RAM a plan may count on: what is free, less 256 MiB for everybody else."""
    return max(machine.ram_free - 256 * MiB, 0)


def attempts(shot: Shot, card: Card, machine: Machine) -> tuple[Attempt, ...]:
    """Every rung this model can stand on here, fastest first, with what it needs and has.

    Raises:
        UsageError: the model cannot reach the seconds asked.
    """
    preset, dtype = find_preset(card, shot.preset), gpu_dtype(card, machine)
    ladder = rungs(card, preset, gpu=machine.gpu is not None, bits=DTYPE_BITS[dtype])
    segments, size = cut(shot, card), fit_size(card, shot.size)

    def job(segment: Segment, rung: Rung) -> Job:
        kind: Dtype = "float32" if rung.residence == "cpu" else dtype
        return Job(card=card, preset=preset, size=size, frames=segment.frames, dtype=kind)

    return tuple(_try(tuple(job(s, rung) for s in segments), rung, machine) for rung in ladder)


def gpu_dtype(card: Card, machine: Machine) -> Dtype:
    """What to compute in on this GPU: the card's dtype where the GPU computes it rightly."""
    if card.dtype_gpu == "bfloat16":
        return "bfloat16" if machine.bf16 else "float32"
    return "float32" if any(name in (machine.gpu or "") for name in BROKEN_FP16) else "float16"


def _try(jobs: tuple[Job, ...], rung: Rung, machine: Machine) -> Attempt:
    largest = max(jobs, key=lambda job: job.frames)
    peak = max((need.peak for need in device_need(largest, rung).values()), default=0)
    ram = ram_need(largest, rung)
    return Attempt(
        rung=rung,
        dtype=largest.dtype,
        peak_bytes=peak,
        ram_bytes=ram,
        seconds=seconds_need(jobs, rung, machine),
        refusal=_refusal(peak, ram, pinned_need(largest, rung), machine),
    )


def _refusal(peak: int, ram: int, pinned: int, machine: Machine) -> str:
    if peak > (free := device_budget(machine)):
        return f"needs {gib(peak)} of GPU memory, {gib(free)} may be used"
    if ram > (free := ram_budget(machine)):
        return f"needs {gib(ram)} of RAM, {gib(free)} may be used"
    if pinned > (free := _pinned_budget(machine)):
        return f"needs {gib(pinned)} of pinned RAM, {gib(free)} may be used"
    return ""


def _pinned_budget(machine: Machine) -> int:
    """Windows lets a driver pin about half of the RAM: 40 % is taken. Elsewhere all but 4 GiB."""
    if machine.system == "Windows":
        return machine.ram_total * 2 // 5
    return max(machine.ram_total - 4 * GiB, 0)


def _choose(
    shot: Shot, card: Card, machine: Machine, tried: tuple[Attempt, ...], because: tuple[str, ...]
) -> Plan:
    chosen = next((attempt for attempt in tried if not attempt.refusal), None)
    if chosen is None:
        raise _nothing_fits(shot, card, machine, tried)
    walked = tuple(_line(attempt) for attempt in tried[: tried.index(chosen) + 1])
    preset, size, segments = card.presets[shot.preset], fit_size(card, shot.size), cut(shot, card)
    return Plan(
        model=card.name,
        preset=shot.preset,
        device="cpu" if chosen.rung.residence == "cpu" else "cuda",
        dtype=chosen.dtype,
        rung=chosen.rung,
        steps=preset.steps,
        guidance=preset.guidance,
        size=size,
        fps=card.fps,
        segments=segments,
        reach=card.reach,
        peak_bytes=chosen.peak_bytes,
        ram_bytes=chosen.ram_bytes,
        seconds_estimate=round(chosen.seconds, 1),
        because=(
            *because,
            *explain(shot, card, size, segments),
            *walked,
            *explain_device(card, machine, chosen.dtype, chosen.rung, chosen.seconds),
        ),
    )


def _line(attempt: Attempt) -> str:
    if attempt.refusal:
        return f"{attempt.rung}: {attempt.refusal}."
    need = (
        f"{gib(attempt.ram_bytes)} of RAM"
        if attempt.rung.residence == "cpu"
        else f"{gib(attempt.peak_bytes)} of GPU memory and {gib(attempt.ram_bytes)} of RAM"
    )
    return f"{attempt.rung}: needs {need}, which is there: taken."


def _nothing_fits(
    shot: Shot, card: Card, machine: Machine, tried: tuple[Attempt, ...]
) -> PlanRefused:
    where = machine.gpu or "this machine"
    return PlanRefused(
        f"{card.name} at {float(shot.seconds):g} seconds fits on no rung of {where}",
        hint=_what_would_fit(shot, card, machine),
        details=tuple(_line(attempt) for attempt in tried),
    )


def _what_would_fit(shot: Shot, card: Card, machine: Machine) -> str:
    """Try shorter shots; a hint that was not tried is a guess."""
    whole = range(int(shot.seconds * 2) - 1, 1, -1)
    for seconds in (Fraction(half, 2) for half in whole):
        shorter = replace(shot, seconds=seconds)
        if any(not attempt.refusal for attempt in attempts(shorter, card, machine)):
            return f"Ask for {float(seconds):g} seconds, or close other programs."
    return "Close other programs, or take the bundled model with --model spark."

"""Walking down the ladder: a shot, a card and a machine become a plan, or a refusal."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import TypeAlias

from reelkiln.errors import PlanRefused
from reelkiln.plan.attempt import Attempt, attempts, found_for, gpu_dtype, safer_dtype
from reelkiln.plan.card import Card
from reelkiln.plan.cut import cut
from reelkiln.plan.estimate import Dtype
from reelkiln.plan.fit import smaller_sizes
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import Outline, outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.reasons import explain, explain_device, explain_figures
from reelkiln.reel import SECONDS_MIN, Shot

__all__ = ["plan_shot", "safer", "step_down"]

_Standing: TypeAlias = tuple[Outline, tuple[Attempt, ...]]
"""What is rendered, and every rung that was tried with it."""


def plan_shot(shot: Shot, card: Card, machine: Machine) -> Plan:
    """Decide how to render a shot on a machine: the first rung that fits, fastest first.

    Raises:
        UnknownName: the card has no such preset.
        UsageError: the prompt, seconds, size or seed is out of bounds.
        PlanRefused: no rung fits; the hint says what would, the details what each rung needs.
    """
    what, dtype = outline(shot, card), gpu_dtype(card, machine)
    return _walk(shot, what, machine, dtype, attempts(what, machine, dtype), ())


def step_down(plan: Plan, shot: Shot, card: Card, machine: Machine) -> Plan:
    """The plan below one that ran out of memory: the same walk, begun one rung lower.

    Raises:
        PlanRefused: no lower rung both fits and needs less.
        UsageError: as `plan_shot`.
    """
    what = replace(outline(shot, card), size=plan.size)
    dtype = plan.dtype if plan.device == "cuda" else gpu_dtype(card, machine)
    if plan.device == "cuda":
        machine = replace(machine, ran_out={**machine.ran_out, card.name: plan.peak_bytes})
    below = _below(plan, attempts(what, machine, dtype))
    why = f"{plan.rung}: ran out of memory, so the walk begins one rung lower."
    # Who runs out of RAM is mostly killed before it can be told so: no smaller sides there.
    shrink = plan.device == "cuda"
    return _as_refused(plan, _walk(shot, what, machine, dtype, below, (why,), shrink=shrink))


def safer(plan: Plan, shot: Shot, card: Card, machine: Machine) -> Plan:
    """The plan after one whose frames held NaN: the same walk, in a dtype that overflows less.

    Raises:
        PlanRefused: there is no safer dtype, or no rung fits in it.
        UsageError: as `plan_shot`.
    """
    dtype = safer_dtype(plan.dtype, machine)
    if dtype is None:
        raise PlanRefused(
            f"{card.name} gives NaN in {plan.dtype} and there is no safer dtype",
            hint="Try another seed or prompt, or check the model's files.",
        )
    what = replace(outline(shot, card), size=plan.size)
    why = f"{plan.dtype} gave NaN: {dtype} overflows less."
    tried = attempts(what, machine, dtype)
    return _as_refused(plan, _walk(shot, what, machine, dtype, tried, (why,)))


def _as_refused(before: Plan, after: Plan) -> Plan:
    """With the motion and the tiles that refused takes led to: only what ran out is walked anew."""
    tiling = before.tiling if after.rung.decode == before.rung.decode == "tiles" else 0
    return replace(after, motion=before.motion, tiling=tiling)


def _below(plan: Plan, tried: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    known = [attempt.rung for attempt in tried]
    # A plan made by another version may name a rung that is gone: then only its need counts.
    start = known.index(plan.rung) if plan.rung in known else 0
    return tuple(
        attempt
        for attempt in tried[start:]
        if _needs_less(attempt, plan)
        # A streamed rung is left only when nothing of the network stays on the device any more.
        and (attempt.rung != plan.rung or attempt.kept_bytes < plan.kept_bytes)
    )


def _needs_less(attempt: Attempt, plan: Plan) -> bool:
    on_cpu = attempt.rung.residence == "cpu"
    if plan.device == "cpu":
        return on_cpu and attempt.ram_bytes < plan.ram_bytes
    return on_cpu or attempt.peak_bytes < plan.peak_bytes


def _walk(  # noqa: PLR0917 - what a walk begins with
    shot: Shot,
    what: Outline,
    machine: Machine,
    dtype: Dtype,
    tried: tuple[Attempt, ...],
    because: tuple[str, ...],
    *,
    shrink: bool = True,
) -> Plan:
    """The first rung that fits; before the processor, and before a refusal, the same at smaller
    sizes, where `shrink` lets them be tried."""
    if machine.gpu is None and _fits(tried):
        return _choose(shot, what, machine, tried, because)
    found = _fitting(what, tried, _smaller(shot, what, machine, dtype) if shrink else ())
    if found is None:
        raise _refused(shot, what, machine, tried)
    at, again = found
    if at.size != what.size:
        where = "the GPU" if _fits_the_gpu(again) else "this machine"
        why = f"At {what.size} it fits on no rung of {where}: it is rendered at {at.size}."
        because = (*because, why)
    return _choose(shot, at, machine, again, because)


def _smaller(shot: Shot, what: Outline, machine: Machine, dtype: Dtype) -> Iterator[_Standing]:
    """The same shot at each smaller size, largest first."""
    for size in smaller_sizes(what.card, shot.size):
        if size.pixels < what.size.pixels:
            at = replace(what, size=size)
            yield at, attempts(at, machine, dtype)


def _fitting(
    what: Outline, tried: tuple[Attempt, ...], smaller: Iterable[_Standing]
) -> _Standing | None:
    """The largest size that fits the GPU, else the largest that fits the processor, else None."""
    if _fits_the_gpu(tried):
        return what, tried
    standings = [(what, tried), *smaller]
    for fits in (_fits_the_gpu, _fits):
        for at, again in standings:
            if fits(again):
                return at, again
    return None


def _fits(tried: tuple[Attempt, ...]) -> bool:
    return any(not each.refusal for each in tried)


def _fits_the_gpu(tried: tuple[Attempt, ...]) -> bool:
    return any(not each.refusal and each.rung.residence != "cpu" for each in tried)


def _choose(
    shot: Shot,
    what: Outline,
    machine: Machine,
    tried: tuple[Attempt, ...],
    because: tuple[str, ...],
) -> Plan:
    chosen = next(attempt for attempt in tried if not attempt.refusal)
    walked = tuple(str(attempt) for attempt in tried[: tried.index(chosen) + 1])
    seconds = round(chosen.seconds, 1)
    found = found_for(what, chosen.rung, machine)
    about = explain_figures(found, machine, chosen.rung, seconds)
    device = explain_device(what.card, machine, chosen.dtype, chosen.rung, about)
    return Plan(
        model=what.card.name,
        preset=shot.preset,
        device="cpu" if chosen.rung.residence == "cpu" else "cuda",
        dtype=chosen.dtype,
        rung=chosen.rung,
        steps=what.preset.steps,
        guidance=what.preset.guidance,
        size=what.size,
        fps=what.card.fps,
        segments=what.segments,
        reach=what.card.reach,
        peak_bytes=chosen.peak_bytes,
        ram_bytes=chosen.ram_bytes,
        seconds_estimate=seconds,
        because=(*because, *explain(shot, what), *walked, *device),
        kept_bytes=chosen.kept_bytes,
    )


def _refused(
    shot: Shot, what: Outline, machine: Machine, tried: tuple[Attempt, ...]
) -> PlanRefused:
    where = machine.gpu or "this machine, which has no GPU"
    return PlanRefused(
        f"{what.card.name} at {float(shot.seconds):g} seconds fits on no rung of {where}",
        hint=_what_would_fit(shot, what, machine),
        details=tuple(str(attempt) for attempt in tried),
    )


def _what_would_fit(shot: Shot, what: Outline, machine: Machine) -> str:
    """A hint that was tried, not guessed: the longest shorter shot that fits, by half seconds, or
    the longest without its picture."""
    longest = ceil(shot.seconds * 2) - 1
    halves = (Fraction(half, 2) for half in range(longest, int(SECONDS_MIN * 2) - 1, -1))
    shorter = tuple(replace(shot, seconds=seconds) for seconds in halves)
    for less in shorter:
        if _would_fit(less, what, machine):
            return f"Ask for {float(less.seconds):g} seconds, or close other programs."
    for less in (shot, *shorter) if shot.image is not None else ():
        if _would_fit(replace(less, image=None), what, machine):
            time = "" if less is shot else f" and {float(less.seconds):g} seconds"
            return f"Ask for it without a start picture{time}, or close other programs."
    other = "" if what.card.bundled else ", or take the bundled model with --model spark"
    return f"Close other programs{other}."


def _would_fit(shot: Shot, what: Outline, machine: Machine) -> bool:
    dtype = gpu_dtype(what.card, machine)
    at = replace(what, segments=cut(shot, what.card))
    smaller = _smaller(shot, at, machine, dtype)
    return _fitting(at, attempts(at, machine, dtype), smaller) is not None

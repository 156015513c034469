"""Standing on one rung: what it takes there, and whether the machine has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reelkiln.plan.budget import (
    KEPT_STEP,
    device_budget,
    pinned_budget,
    ram_budget,
    roomy_budget,
)
from reelkiln.plan.calibration import Found, Kind, Spent
from reelkiln.plan.card import Card, Preset
from reelkiln.plan.estimate import (
    DTYPE_BITS,
    Dtype,
    Job,
    device_need,
    passing_need,
    pinned_need,
    ram_need,
    spent_need,
    streamed_weights,
)
from reelkiln.plan.ladder import Rung, rungs
from reelkiln.plan.machine import GiB, Machine
from reelkiln.plan.outline import Outline

__all__ = [
    "Attempt",
    "Formula",
    "attempt",
    "attempts",
    "found_for",
    "gib",
    "gpu_dtype",
    "kind_of",
    "safer_dtype",
]

BROKEN_FP16 = ("GTX 16", "T1000", "T600", "T550", "T500", "MX450", "MX550")
"""Turing GPUs without tensor cores, which give NaN in 16 bits (ComfyUI issue 884)."""

_SAFER: Mapping[Dtype, Dtype] = MappingProxyType({"float16": "bfloat16", "bfloat16": "float32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """What the formula alone counts: seconds for all segments, and peaks in bytes."""

    spent: Spent
    segments: int
    peak_bytes: int
    ram_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A rung tried: what it needs (bytes, seconds), and why not (empty: it fits).

    What it needs goes by what was measured here, where something was. `formula` is what is counted
    without that; `start_seconds` of the seconds pass before rendering begins, `first_seconds` are
    what the first clip of a process takes longer than others, `words_seconds` what a sentence not
    met before takes to be encoded. The formula counts neither of the latter two: 0.
    Of a streamed network, `kept_bytes` of weights stay on the device, `passing_bytes` pass through
    it in each step.
    """

    rung: Rung
    dtype: Dtype
    peak_bytes: int
    ram_bytes: int
    kept_bytes: int
    passing_bytes: int
    seconds: float
    start_seconds: float
    first_seconds: float
    words_seconds: float
    formula: Formula
    refusal: str

    def __str__(self) -> str:
        """The attempt as a sentence."""
        return f"{self.rung}: {self.refusal}." if self.refusal else f"{self.rung}: {self._taken()}."

    def _taken(self) -> str:
        ram = f"{gib(self.ram_bytes)} of RAM"
        if self.rung.residence == "cpu":
            return f"needs {ram}, which is there"
        passing = ""
        if self.rung.residence == "streamed":
            passing = f"; {gib(self.passing_bytes)} of weights pass through, {gib(self.kept_bytes)}"
            passing += " stay"
        return f"needs {gib(self.peak_bytes)} of GPU memory and {ram}, which is there{passing}"


def attempts(what: Outline, machine: Machine, dtype: Dtype) -> tuple[Attempt, ...]:
    """Every rung this model can stand on here, fastest first; the GPU computes in `dtype`."""
    ladder = rungs(what.card, what.preset, gpu=machine.gpu is not None, bits=DTYPE_BITS[dtype])
    return tuple(attempt(what, rung, machine, dtype) for rung in ladder)


def attempt(
    what: Outline, rung: Rung, machine: Machine, dtype: Dtype, kept: int | None = None
) -> Attempt:
    """One rung; the processor computes in float32 whatever `dtype` says.

    `kept` says how many bytes of a streamed network stay; None: as many as there is room for.
    """
    kind: Dtype = "float32" if rung.residence == "cpu" else dtype
    jobs = tuple(
        Job(
            card=what.card,
            preset=what.preset,
            size=what.size,
            frames=segment.frames,
            dtype=kind,
            lead=1 if segment.image is not None else segment.lead_frames,
        )
        for segment in what.segments
    )
    largest = max(jobs, key=lambda job: job.frames)
    found = found_for(what, rung, machine)
    known = found.figures if found else None
    larger = known.vram if known else 1.0
    kept = _kept(jobs, rung, machine, larger) if kept is None else kept
    peaks = (need.peak for job in jobs for need in device_need(job, rung, kept).values())
    counted = Formula(
        spent=spent_need(jobs, rung, machine, kept),
        segments=len(jobs),
        peak_bytes=max(peaks, default=0),
        ram_bytes=ram_need(largest, rung),
    )
    peak = int(counted.peak_bytes * larger)
    ram = int(counted.ram_bytes * (known.ram if known else 1.0))
    pinned = pinned_need(largest, rung)
    spent = counted.spent
    return Attempt(
        rung=rung,
        dtype=kind,
        peak_bytes=peak,
        ram_bytes=ram,
        kept_bytes=kept,
        passing_bytes=passing_need(largest, rung, kept),
        seconds=known.seconds(spent, len(jobs)) if known else spent.total,
        start_seconds=spent.start * (known.start if known else 1.0),
        first_seconds=known.first if known else 0.0,
        words_seconds=known.encode if known else 0.0,
        formula=counted,
        # Of RAM, what was measured is told and refuses nothing: it counts pages of mapped files
        # too, which the system takes back when others need them.
        refusal=_refusal(what.card.name, peak, counted.ram_bytes, pinned, machine),
    )


def found_for(what: Outline, rung: Rung, machine: Machine) -> Found | None:
    """What was measured here that predictions on a rung go by; None: the formula alone."""
    return machine.measured.of(kind_of(what.card, what.preset, rung))


def kind_of(card: Card, preset: Preset, rung: Rung) -> Kind:
    """What figures of a model at a preset, on a rung, hold for."""
    names = (card.default_preset, *card.presets)  # two presets may be one under two names
    return Kind(
        model=card.name.partition("@")[0],
        family=card.family,
        params=sum(part.params for part in card.parts if part.stage == "denoise"),
        preset=next((name for name in names if card.presets[name] == preset), ""),
        device="cpu" if rung.residence == "cpu" else "cuda",
        rung=str(rung),
    )


def _kept(jobs: tuple[Job, ...], rung: Rung, machine: Machine, factor: float) -> int:
    """Bytes of a streamed network that stay on the device: as many as there is room for.

    `factor` is how much more than the formula was measured here.
    """
    if rung.residence != "streamed":
        return 0
    need = max(device_need(job, rung)["denoise"].peak for job in jobs)
    room = int(roomy_budget(machine, jobs[0].card.name) / factor) - need
    whole = streamed_weights(jobs[0], rung)
    return max(min(room, whole) // KEPT_STEP * KEPT_STEP, 0)


def _refusal(model: str, peak: int, ram: int, pinned: int, machine: Machine) -> str:
    held = (
        (peak, device_budget(machine, model), "GPU memory"),
        (ram, ram_budget(machine), "RAM"),
        (pinned, pinned_budget(machine), "pinned RAM"),
    )
    for needed, free, what in held:
        if needed > free:
            return f"needs {gib(needed)} of {what}, {gib(free)} may be used"
    return ""


def gpu_dtype(card: Card, machine: Machine) -> Dtype:
    """What to compute in on this GPU: the card's dtype where the GPU computes it rightly."""
    if card.dtype_gpu == "bfloat16":
        return "bfloat16" if machine.bf16 else "float32"
    return "float32" if any(name in (machine.gpu or "") for name in BROKEN_FP16) else "float16"


def safer_dtype(dtype: Dtype, machine: Machine) -> Dtype | None:
    """What to compute in after NaN: a wider range first, then more digits, then nothing is left."""
    if dtype == "float16" and not machine.bf16:
        return "float32"
    return _SAFER.get(dtype)


def gib(size: int) -> str:
    """Bytes as a person reads them.

    >>> gib(2_772_434_944)
    '2.58 GiB'
    """
    return f"{size / GiB:.2f} GiB"

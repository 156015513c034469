"""What a render will take: bytes on the device, bytes of RAM, seconds.

Where the figures come from (all for diffusers 0.42, counted on the networks' published shapes; the
card holds those that belong to one model):

- working memory of one network call grows in proportion to latent cells times frames times guidance
  halves: 16,641 B a cell for AnimateDiff at 16 bits, 65.7 kB a token for LTX (counted: live tensors
  of one call), and that of a decoder to pixels times the frames that are decoded at once;
- a streamed network holds the weights that stay, a ring for the others, and its working memory;
- what a plan sets aside is more: working memory times `_SPREAD` for what lies free between
  tensors, plus `_WORKSPACE` for cuDNN and cuBLAS. With that, 72 measured peaks of AnimateDiff's six
  rungs are met within 8 % (docs/measured/faster.md), and those of LTX's as docs/measured/ltx.md
  tells, with memory in pieces that grow; under Windows, where there are none, a long decode may
  take half as much again;
- a step lasts as long as its arithmetic or as its copying, whichever is longer, since a stream
  overlaps the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from reelkiln.plan.budget import RING_BYTES
from reelkiln.plan.calibration import Spent
from reelkiln.plan.card import Card, Part, Preset, Stage
from reelkiln.plan.ladder import Rung
from reelkiln.plan.machine import Machine, MiB
from reelkiln.reel import Size

__all__ = [
    "DTYPE_BITS",
    "Dtype",
    "Job",
    "Need",
    "device_need",
    "known_gpu",
    "passing_need",
    "pinned_need",
    "ram_need",
    "seconds_need",
    "spent_need",
    "streamed_weights",
]

Dtype: TypeAlias = Literal["float32", "float16", "bfloat16"]

DTYPE_BITS: Mapping[Dtype, Literal[32, 16]] = MappingProxyType(
    {"float32": 32, "float16": 16, "bfloat16": 16}
)

_SPREAD = 1.15
_WORKSPACE = 192 * MiB
_LIVE = 44 * MiB
_FRAMES = 6
"""Bytes of RAM per pixel and frame: 8-bit RGB as it is decoded, and joined."""

_PROCESS_CPU = 540 * MiB
"""Python, torch and diffusers, imported, and what they keep. With it, 641 MiB measured for a whole
render with the bundled model are predicted as 675."""
_PROCESS_GPU = 1536 * MiB
"""The same with CUDA's libraries loaded. Measured, without weights and mapped files: 1.1 to 1.3 GiB
(docs/measured/bench.md)."""

_GPU_FLOPS: Mapping[str, float] = MappingProxyType(
    {
        "RTX 3050 Ti": 7.6e12,  # half of 15.2e12, its tensor peak at 60 W
        "H100": 214e12,  # measured: 888e12 operations in 4.15 s
    }
)
_GPU_FLOPS_UNKNOWN = 7.6e12
_CPU_FLOPS_CORE = 25e9
"""Sustained float32 operations a second of one core (measured with the bundled model's denoiser: 43
alone, 30 when two cores share the work)."""
_PINNED = 12e9
"""Bytes a second to the device from pinned memory, over eight lanes of PCI Express 4. Assumed."""
_UPLOAD = 8e9
"""The same by way of two pinned buffers that the processor fills by turns, as fast as a laptop's
copies. Assumed; measured on a larger machine: 51e9 for 55e9 from pinned memory."""
_DISK = 1.5e9
_START = 6.0
"""Seconds to import torch (2) and diffusers (4). Measured on two cores."""
_CHUNKED = 1.05
"""How much longer a step takes in chunks. Assumed."""
_SHALLOW = 0.074
"""What a step that takes its deep features from an earlier one computes of a whole one. Counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be computed: one segment of a card at a preset, and the dtype to compute in.

    `lead` counts the frames that are given: a start picture, or the end of the segment before.
    """

    card: Card
    preset: Preset
    size: Size
    frames: int
    dtype: Dtype
    lead: int = 0

    @property
    def led(self) -> bool:
        """Whether it begins from frames that are given."""
        return self.lead > 0

    @property
    def cells(self) -> int:
        """Latent cells times latent frames of one guidance half."""
        side, run = self.card.costs.cell, self.card.costs.cell_frames
        frames = ceil((self.frames - 1) / run) + 1
        return ceil(self.size.width / side) * ceil(self.size.height / side) * frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one stage holds at once, in bytes.

    `live` is what its tensors come to; `peak` is what to set aside for it, with the margins.
    """

    weights: int
    working: int

    @property
    def live(self) -> int:
        """The tensors alone: what an allocator reports as its allocated peak."""
        return self.weights + self.working + _LIVE

    @property
    def peak(self) -> int:
        """With the margins for fragmentation and library workspace."""
        return self.weights + int(self.working * _SPREAD) + _WORKSPACE


def device_need(job: Job, rung: Rung, kept: int = 0) -> Mapping[Stage, Need]:
    """What each stage holds on the device: nothing at all on the processor.

    `kept` bytes of a streamed network's weights stay there while it denoises.
    """
    if rung.residence == "cpu":
        return {}
    return {stage: _stage_need(job, rung, stage, kept) for stage in get_args(Stage)}


def streamed_weights(job: Job, rung: Rung) -> int:
    """Bytes of the network that is streamed; 0 where none is."""
    if rung.residence != "streamed":
        return 0
    return sum(_stored(part, part.params, job, rung) for part in _parts(job, "denoise"))


def _stage_need(job: Job, rung: Rung, stage: Stage, streamed: int) -> Need:
    own = _parts(job, stage)
    staying = [part for part in job.card.parts if not part.passing]
    kept = staying if rung.residence == "resident" else [p for p in own if not p.passing]
    working = _working(job, rung, stage)
    weights = sum(_stored(part, part.params, job, rung) for part in kept)
    # They come one after the other.
    weights += max((_passing(part, job, rung) for part in own if part.passing), default=0)
    if stage != "denoise" or rung.residence != "streamed":
        return Need(weights=weights, working=working)
    return Need(weights=min(streamed + RING_BYTES, weights), working=working)


def _parts(job: Job, stage: Stage) -> tuple[Part, ...]:
    """The networks of a stage that this job needs."""
    return tuple(
        part for part in job.card.parts if part.stage == stage and (job.led or not part.led)
    )


def _passing(part: Part, job: Job, rung: Rung) -> int:
    """What a passing part holds at once: two blocks, or all of it where it has no blocks."""
    return _stored(part, part.largest_block or part.params, job, rung)


def _stored(part: Part, params: int, job: Job, rung: Rung) -> int:
    eight = rung.storage_bits == 8 and part.castable
    return params * (8 if eight else DTYPE_BITS[job.dtype]) // 8


def _working(job: Job, rung: Rung, stage: Stage) -> int:
    costs, wide = job.card.costs, DTYPE_BITS[job.dtype] // 16
    match stage:
        case "encode":
            return costs.encode_bytes * wide * job.lead * job.size.pixels
        case "denoise":
            halves = 1 if rung.two_pass else job.preset.halves
            each = costs.split_bytes if rung.split else costs.denoise_bytes
            each += costs.led_bytes if job.led else 0
            return each * wide * job.cells * halves
        case "decode":
            each = job.preset.decode_bytes or costs.decode_bytes
            return each * wide * _decoded_at_once(job, rung)


def _decoded_at_once(job: Job, rung: Rung) -> int:
    """Pixels, over all frames that are decoded in one call."""
    costs, size = job.card.costs, job.size
    window = costs.decode_long if rung.decode == "long" else costs.decode_window
    window += 1 if window > 1 else 0
    frames = job.frames if rung.decode == "whole" else min(job.frames, window)
    if rung.decode != "tiles":
        return frames * size.pixels
    side = costs.decode_tile
    return frames * min(size.width, side) * min(size.height, side)


def ram_need(job: Job, rung: Rung) -> int:
    """The most RAM the process holds, in bytes: libraries, weights, decoded frames, and without a
    GPU the working memory too. A streamed network keeps a pinned copy of itself, no second one. A
    passing part goes from the page cache to the device, and is held only where that is the RAM.
    """
    weights = sum(_stored(p, p.params, job, rung) for p in job.card.parts if not p.passing)
    if rung.residence == "cpu":
        passing = (_passing(part, job, rung) for part in job.card.parts if part.passing)
        weights += max(passing, default=0)
    held = weights + _FRAMES * job.frames * job.size.pixels
    if rung.residence != "cpu":
        return _PROCESS_GPU + held
    working = max(_working(job, rung, stage) for stage in get_args(Stage))
    return _PROCESS_CPU + held + int(working * _SPREAD)


def pinned_need(job: Job, rung: Rung) -> int:
    """Bytes of RAM that cannot be paged out: a streamed network whole, what stays and what passes.
    From there the device copies it six times faster, and beside its computing."""
    return streamed_weights(job, rung)


def passing_need(job: Job, rung: Rung, kept: int = 0) -> int:
    """Bytes of weights that are copied to the device in every call of the network."""
    return max(streamed_weights(job, rung) - kept, 0)


def seconds_need(jobs: tuple[Job, ...], rung: Rung, machine: Machine, kept: int = 0) -> float:
    """Seconds from importing the libraries to the last decoded frame, for all segments together."""
    return spent_need(jobs, rung, machine, kept).total


def spent_need(jobs: tuple[Job, ...], rung: Rung, machine: Machine, kept: int = 0) -> Spent:
    """`seconds_need`, by what the seconds are spent on."""
    rate = _rate(rung, jobs[0].dtype, machine)
    return Spent(
        start=_START + max(map(_bytes_read, jobs)) / _DISK,
        moves=sum(_bytes_moved(job, rung) for job in jobs) / _UPLOAD,
        denoise=sum(_denoise_seconds(job, rung, rate, kept) for job in jobs),
        decode=sum(_decode_seconds(job, rate) for job in jobs),
    )


def _needed(job: Job) -> tuple[Part, ...]:
    return tuple(part for stage in get_args(Stage) for part in _parts(job, stage))


def _bytes_read(job: Job) -> int:
    """Bytes of weights that come from the disk, as wide as they lie there."""
    return sum(part.params * job.card.bits_of(part) // 8 for part in _needed(job))


def _bytes_moved(job: Job, rung: Rung) -> int:
    """Bytes of weights that a segment by itself copies to the device: staged parts come and go with
    it, of a streamed network what stays is copied once, and passing parts go by as they lie."""
    if rung.residence not in ("staged", "streamed"):
        return 0
    needed = _needed(job)
    passing = sum(p.params * job.card.bits_of(p) // 8 for p in needed if p.passing)
    return passing + sum(_stored(p, p.params, job, rung) for p in needed if not p.passing)


def _denoise_seconds(job: Job, rung: Rung, rate: float, kept: int) -> float:
    halves = job.preset.halves
    arithmetic = job.card.costs.denoise_flops * job.cells * halves / rate
    if rung.split:
        arithmetic *= _CHUNKED
    passes = halves if rung.two_pass else 1
    copying = passing_need(job, rung, kept) * passes / _PINNED
    whole = ceil(job.preset.steps / job.preset.cache_every)
    shallow = (job.preset.steps - whole) * _SHALLOW * arithmetic
    return whole * max(arithmetic, copying) + shallow


def _decode_seconds(job: Job, rate: float) -> float:
    return (job.preset.decode_flops or job.card.costs.decode_flops) * job.cells / rate


def known_gpu(name: str) -> bool:
    """Whether the speed of this GPU is known, or that of a slow one is assumed for it."""
    return any(known in name for known in _GPU_FLOPS)


def _rate(rung: Rung, dtype: Dtype, machine: Machine) -> float:
    if rung.residence == "cpu":
        return _CPU_FLOPS_CORE * machine.cores
    name = machine.gpu or ""
    rate = next((rate for known, rate in _GPU_FLOPS.items() if known in name), _GPU_FLOPS_UNKNOWN)
    return rate / 2 if dtype == "float32" else rate

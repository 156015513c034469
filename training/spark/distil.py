"""Stage three: eight steps without guidance do what sixteen guided ones did.

The student starts as the teacher. At each of the eight sampling timesteps it learns the one step
that lands where two guided half steps of the teacher land: guidance distillation (Meng et al. 2023,
arXiv:2210.03142) and progressive distillation (Salimans and Ho 2022, arXiv:2202.00512) in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch

from training.spark.denoiser import ORDER
from training.spark.export import save_joint
from training.spark.fit import Clock, Fit, Place, Step, is_first, log
from training.spark.lessons import blanked, latent_size
from training.spark.networks import Joint
from training.spark.noise import Noise, timesteps
from training.spark.pools import SHAPES, Stock
from training.spark.scenes import FRAMES

__all__ = ["DistilRun", "distil"]


@dataclass(frozen=True, slots=True)
class DistilRun:
    """How long, and what the teacher does. `guidance` is the strength that is built in."""

    minutes: float
    student_steps: int = 8
    guidance: float = 3.0
    batch: int = 32
    rate: float = 1.5e-4
    steps: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Teacher, student and schedule."""

    teacher: Joint
    student: Joint
    noise: Noise
    coarse: torch.Tensor
    fine: torch.Tensor
    guidance: float


def distil(teacher: Joint, stock: Stock, run: DistilRun, place: Place) -> Joint:
    """Train a student of `teacher` and save it to `work/student`."""
    work, device, blank = place.work, place.device, stock.blank
    student = deepcopy(teacher).to(device).train()
    teacher = deepcopy(teacher).eval().requires_grad_(False)
    if device.type == "cuda":
        teacher.bfloat16()
    fit = Fit(student, rate=run.rate, ema=0.998, warm=50, half=device.type == "cuda")
    lesson = _Lesson(
        teacher,
        student,
        Noise(device),
        timesteps(run.student_steps).to(device),
        timesteps(2 * run.student_steps).to(device),
        run.guidance,
    )
    steps = _capture(fit, lesson, run, device)
    clock = Clock(run.minutes, device, run.steps)
    log(f"distilling to {run.student_steps} steps with guidance {run.guidance} built in")
    total = torch.zeros(1, device=device)
    while clock.tick():
        shape = ORDER[clock.count % len(ORDER)]
        z, ids, _ = stock.latents[shape].draw(run.batch)
        which = torch.randint(0, len(blank), (run.batch,), device=device)
        ids = blanked(ids, blank[:1], 0.03)
        total += steps[shape](z=z, ids=ids, blank=blank[which])
        fit.update(clock.share)
        if clock.count % 100 == 0:
            pace = 1000 * clock.lag() / clock.count
            log(f"  distil {fit.steps}: loss {total.item() / 100:.5f} {pace:.1f} ms")
            total.zero_()
    learnt: Joint = fit.averaged()
    if is_first():
        save_joint(learnt, work / "student")
    return learnt


def _capture(fit: Fit, lesson: _Lesson, run: DistilRun, device: torch.device) -> dict[str, Step]:
    channels = lesson.student.sizes.latent
    steps: dict[str, Step] = {}
    pool = None

    def once(inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return _loss(lesson, inputs, device)

    for shape in SHAPES:
        high, wide = latent_size(shape)
        inputs = {
            "z": torch.zeros(run.batch, FRAMES, channels, high, wide, device=device),
            "ids": torch.zeros(run.batch, 77, dtype=torch.long, device=device),
            "blank": torch.zeros(run.batch, 77, dtype=torch.long, device=device),
        }
        steps[shape] = Step(once, inputs, fit.grad, pool)
        pool = pool or steps[shape].pool
    return steps


def _guided(
    lesson: _Lesson, x: torch.Tensor, ids: torch.Tensor, blank: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    with torch.no_grad():
        twice = torch.cat([x, x]).to(lesson.teacher.unet.dtype)
        both = lesson.teacher(torch.cat([blank, ids]), twice, torch.cat([t, t]))
    without, within = both.float().chunk(2)
    return without + lesson.guidance * (within - without)


def _loss(
    lesson: _Lesson, inputs: Mapping[str, torch.Tensor], device: torch.device
) -> torch.Tensor:
    noise = lesson.noise
    clean = inputs["z"].transpose(1, 2)
    steps = len(lesson.coarse) - 1
    index = torch.randint(0, steps, (len(clean),), device=device)
    # Half of the lessons are the first two steps, where everything is decided.
    index = torch.where(torch.rand(len(clean), device=device) < 0.3, index.clamp(max=1), index)
    start, middle, end = (
        lesson.coarse[index],
        lesson.fine[2 * index + 1],
        lesson.coarse[index + 1],
    )
    a, s = noise.at(start)
    x = a * clean + s * torch.randn_like(clean)
    half = noise.step(x, _guided(lesson, x, inputs["ids"], inputs["blank"], start), start, middle)
    v = _guided(lesson, half, inputs["ids"], inputs["blank"], middle)
    landed = noise.step(half, v, middle, end)
    target = noise.velocity(x, landed, start, end)
    guess = lesson.student(inputs["ids"], x.to(lesson.student.unet.dtype), start)
    error = guess.float() - target
    loss = error.square().mean() + 0.3 * error.diff(dim=2).square().mean()
    loss.backward()
    return error.detach().square().mean()[None]

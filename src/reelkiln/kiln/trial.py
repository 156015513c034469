"""Measuring models on this machine: fixed prompts and shapes, each in a process of its own.

A process for each model, preset and shape: its peaks are that shape's alone, and what crashes or is
ended for want of memory is one row of the table, no end of the measuring. In it the model is loaded
once, every prompt is rendered with the same seed, and the first prompt as often as was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from reelkiln.errors import PlanRefused, ReelkilnError
from reelkiln.film.faults import on_disk
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.renderer import Rendered, RenderOrder
from reelkiln.kiln.watch import Watch
from reelkiln.plan.attempt import Attempt, Formula, attempt, kind_of
from reelkiln.plan.calibration import Found, Kind
from reelkiln.plan.card import Card
from reelkiln.plan.figures import figures_of, together
from reelkiln.plan.machine import Machine
from reelkiln.plan.outline import outline
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Shot, Size, Verdict

__all__ = ["PROMPTS", "QUICK", "USUAL", "Series", "Shape", "Trial", "planned", "run_series"]

SEED = 20_261_126
RENDER = ("encode", "denoise", "decode")
"""The phases that count as rendering; loading is told apart."""

PROMPTS: Mapping[str, tuple[str, ...]] = {
    "tags": (
        "gold perfume bottle on black marble, soft studio light, macro photo, highly detailed",
        "white cream jar on wet stone, water drops, morning light, product photo",
        "red lipstick on pink silk, slow camera move, soft shadows, product photo",
    ),
    "paragraph": (
        "A gold perfume bottle stands on black marble. The camera moves slowly towards it while"
        " soft studio light glides over the glass.",
        "A white cream jar stands on wet stone. Drops of water run down its side in the morning"
        " light, and the background is out of focus.",
        "A red lipstick lies on pink silk. The camera glides slowly past it, the shadows are soft"
        " and the colours warm.",
    ),
    "grammar": (
        "a gold perfume bottle, black background, rotating, soft light",
        "a white jar on water, blue background, rising, sparkles",
        "a red lipstick, pink background, zoom in, warm light",
    ),
}
"""The same three pictures in each dialect of a card. Changed never: old figures compare."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked for: an aspect ("9:16") and seconds."""

    aspect: str
    seconds: Fraction

    def __str__(self) -> str:
        return f"{self.aspect}, {float(self.seconds):g} s"


USUAL = (
    Shape("9:16", Fraction(2)),
    Shape("1:1", Fraction(2)),
    Shape("9:16", Fraction(4)),
)
QUICK = (Shape("1:1", Fraction(2)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """All runs of one model at one preset and shape."""

    card: Card
    preset: str
    shape: Shape
    prompts: int = 3
    repeats: int = 2

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """Prompt and number of the repeat, in order."""
        prompts = PROMPTS[self.card.dialect][: self.prompts]
        again = ((prompts[0], number) for number in range(1, self.repeats))
        return (*((prompt, 0) for prompt in prompts), *again)

    def shot(self, prompt: str) -> Shot:
        """What a run asks for."""
        return Shot(
            prompt=prompt,
            seconds=self.shape.seconds,
            size=ASPECTS[self.shape.aspect],
            seed=SEED,
            model=self.card.name,
            preset=self.preset,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run, measured.

    `video` counts the seconds of new pictures, of which a clip may be longer (played forth and
    back). `took` maps load, encode, denoise, decode and check to seconds; rendering is told for one
    take, where the gate refused some. `counted` and `counted_start` are the predicted seconds of
    the whole and of its beginning (for a clip that is not the first of its process, with what the
    first takes longer), as the plan said; `by` says whether by the formula or by what
    was measured here before. `formula` is what the formula alone counts, and `kind` what the
    figures hold for: both None where the clip was rendered another way than was planned. Sizes in
    bytes; `own_ram` is that part of the RAM which no file backs (0: not known). `joules` is None
    where the driver tells none.
    `sha256` is that of the takes' pixels. `failure` is the error's line, and nothing was measured
    then.
    """

    model: str
    family: str
    preset: str
    shape: Shape
    prompt: str
    repeat: int
    size: Size | None = None
    frames: int = 0
    video: float = 0.0
    steps: int = 0
    device: str = ""
    dtype: str = ""
    rung: str = ""
    took: Mapping[str, float] = field(default_factory=dict)
    counted: float = 0.0
    counted_start: float = 0.0
    peak_vram: int = 0
    peak_ram: int = 0
    counted_vram: int = 0
    counted_ram: int = 0
    joules: float | None = None
    takes: int = 0
    kept: bool = False
    reasons: tuple[str, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    sha256: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str = ""
    psnr: float | None = None
    ssim: float | None = None
    own_ram: int = 0
    by: str = ""
    kind: Kind | None = None
    formula: Formula | None = None

    @property
    def render_seconds(self) -> float:
        """Seconds of encoding, denoising and decoding."""
        return sum(self.took.get(phase, 0.0) for phase in RENDER)

    @property
    def pace(self) -> float | None:
        """Seconds of compute for a second of video; None where nothing was measured."""
        return self.render_seconds / self.video if self.video and not self.failure else None


def planned(series: Series, machine: Machine) -> float:
    """About how many seconds a series takes, its model loaded once; 0: it cannot be planned."""
    shot = series.shot(series.runs[0][0])
    try:
        plan = plan_shot(shot, series.card, machine)
    except ReelkilnError:
        return 0.0
    return together([figures_of(plan, shot, series.card, machine)] * len(series.runs))


def run_series(
    series: Series,
    *,
    machine: Machine,
    cache: Path | None,
    folder: Path,
    watch: Watch,
    joules: Callable[[], float | None] = lambda: None,
) -> Iterator[Trial]:
    """Measure a series, run by run; takes are left in `folder` as `NUMBER/*.npy`.

    Raises:
        whatever `watch` raises, after the process that renders was told to stop.
    """
    with closing(ChildRenderer(cache=cache)) as child:
        for number, (prompt, repeat) in enumerate(series.runs):
            empty = _empty(series, prompt, repeat)
            place = folder / str(number)
            try:
                asked = _ask(series, prompt, machine, number)
            except PlanRefused as refused:
                yield replace(empty, failure=refused.message)
                return  # the other prompts need as much
            before = joules()
            try:
                with on_disk(place):
                    place.mkdir(parents=True, exist_ok=True)
                done = child.render(asked.order, place, watch)
            except ReelkilnError as error:
                if error.exit_code == 130:
                    raise
                yield replace(empty, failure=error.message)
                continue
            after = joules()
            drawn = None if before is None or after is None else after - before
            yield replace(_measured(empty, asked, done), joules=drawn)


class _Asked(NamedTuple):
    """The order of one run, and the rung as it was tried."""

    order: RenderOrder
    stand: Attempt
    kind: Kind
    found: Found | None


def _ask(series: Series, prompt: str, machine: Machine, number: int) -> _Asked:
    shot = series.shot(prompt)
    plan, what = plan_shot(shot, series.card, machine), outline(shot, series.card)
    stand = attempt(replace(what, size=plan.size), plan.rung, machine, plan.dtype, plan.kept_bytes)
    order = RenderOrder(id=f"bench-{number}", shot=shot, plan=plan, card=series.card)
    kind = kind_of(series.card, what.preset, plan.rung)
    return _Asked(order, stand, kind, machine.measured.of(kind))


def _empty(series: Series, prompt: str, repeat: int) -> Trial:
    card = series.card
    return Trial(
        model=card.name,
        family=card.family,
        preset=series.preset,
        shape=series.shape,
        prompt=prompt,
        repeat=repeat,
    )


def _measured(empty: Trial, asked: _Asked, done: Rendered) -> Trial:
    wanted, stand = asked.order.plan, asked.stand
    plan, takes = done.plan, max(1, len(done.takes) // len(done.plan.segments))
    best = done.chosen or done.takes[-1:]
    first = "load" in done.seconds
    return replace(
        empty,
        size=plan.size,
        frames=sum(segment.frames for segment in plan.segments),
        video=float(sum(s.frames - s.lead_frames for s in plan.segments) / plan.fps),
        steps=plan.steps,
        device=plan.device,
        dtype=plan.dtype,
        rung=str(plan.rung),
        took={
            phase: seconds / (takes if phase in RENDER else 1)
            for phase, seconds in done.seconds.items()
        },
        counted=wanted.seconds_estimate,
        counted_start=stand.start_seconds + (0.0 if first else stand.first_seconds),
        peak_vram=done.peak_vram,
        peak_ram=done.peak_ram,
        own_ram=done.own_ram,
        counted_vram=wanted.peak_bytes,
        counted_ram=wanted.ram_bytes,
        by=str(asked.found or "the formula"),
        kind=asked.kind if _same_way(plan, wanted) else None,
        formula=stand.formula if _same_way(plan, wanted) else None,
        takes=len(done.takes),
        kept=not done.refusals,
        reasons=done.refusals,
        marks=_marks(tuple(take.verdict for take in best)),
        sha256=tuple(take.sha256 for take in best),
        notes=done.notes,
    )


def _same_way(done: Plan, asked: Plan) -> bool:
    """Whether what was measured is what was counted: no step down, no smaller size."""

    def way(plan: Plan) -> tuple[object, ...]:
        frames = tuple(segment.frames for segment in plan.segments)
        return plan.device, plan.dtype, plan.rung, plan.size, plan.steps, plan.kept_bytes, frames

    return way(done) == way(asked)


def _marks(verdicts: tuple[Verdict, ...]) -> dict[str, float]:
    """The mean of each mark over the segments that have it."""
    names = {name for verdict in verdicts for name in verdict.marks}
    values: Mapping[str, Sequence[float]] = {
        name: [v.marks[name] for v in verdicts if name in v.marks] for name in sorted(names)
    }
    return {name: sum(each) / len(each) for name, each in values.items()}

"""What was measured on this machine against what the formula counts, and how plans go by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Literal, TypeAlias

from reelkiln.errors import UsageError

__all__ = [
    "Calibration",
    "Device",
    "Found",
    "Kind",
    "Line",
    "Measured",
    "Spent",
    "fit_line",
]

Device: TypeAlias = Literal["cpu", "cuda"]
Whose: TypeAlias = Literal["this way", "this model", "its family"]

_SIZES = 3.0
"""Models of a family may stand in for one another where their denoisers differ by no more than this
factor: what a small network takes on a GPU is the time to start its kernels."""
_NO_GAP = 1e-9


def _must(true: bool, message: str) -> None:
    if not true:
        raise UsageError(message, hint="Measure again: `reelkiln bench --calibrate`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds that the formula counts: until rendering begins, copying parts to the device and
    back, denoising, decoding."""

    start: float
    moves: float
    denoise: float
    decode: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.start + self.moves + self.denoise + self.decode


@dataclass(frozen=True, slots=True)
class Line:
    """Measured seconds of a phase: `fixed` for each segment, and `slope` for each second counted,
    which is in proportion to steps times tokens. Neither is negative."""

    fixed: float = 0.0
    slope: float = 1.0

    def __post_init__(self) -> None:
        _must(min(self.fixed, self.slope) >= 0, "a line must not fall or begin below nothing")

    def at(self, counted: float, segments: int = 1) -> float:
        """Seconds for `counted` seconds of the formula in so many segments.

        >>> Line(fixed=0.5, slope=2.0).at(3.0, segments=2)
        7.0
        """
        return self.fixed * segments + self.slope * counted


def fit_line(points: Sequence[tuple[float, float]]) -> Line:
    """The line through (counted, measured) that outliers move least (Theil and Sen): the median of
    the slopes between all pairs, then the median of what is left.

    Where all that is known lies at one place, or a line would begin below nothing, it goes through
    the origin with the median ratio. Points need `counted` above 0; without any the formula stands.
    """
    known = [(x, y) for x, y in points if x > 0]
    slopes = [
        (y2 - y1) / (x2 - x1)
        for (x1, y1), (x2, y2) in combinations(known, 2)
        if abs(x2 - x1) > _NO_GAP * max(x1, x2)
    ]
    if slopes and (slope := median(slopes)) >= 0:
        fixed = median(y - slope * x for x, y in known)
        if fixed >= 0:
            return Line(fixed, slope)
    return Line(0.0, max(0.0, median(y / x for x, y in known))) if known else Line()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What figures hold for: a model (its sets of files count as one) of a family, whose denoiser
    has `params` parameters, at a preset, on a device, arranged in one way (the words of a rung)."""

    model: str
    family: str
    params: int
    preset: str
    device: Device
    rung: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What `runs` clips of one kind took, last on the date `on` (ISO 8601).

    `start` is measured over counted for the seconds before rendering begins. `first` is the seconds
    that the first clip of a process takes longer than others (a GPU's kernels are chosen and
    loaded), `encode` those for a sentence not met before. `denoise` and `decode` are seconds.
    `vram` and `ram` are measured over counted for peaks in bytes: the largest that were seen, with
    a margin.

    Raises:
        UsageError: a figure that nothing can have been measured as; plans divide by some of them.
    """

    kind: Kind
    on: str
    runs: int
    start: float = 1.0
    first: float = 0.0
    encode: float = 0.0
    denoise: Line = Line()
    decode: Line = Line()
    vram: float = 1.0
    ram: float = 1.0

    def __post_init__(self) -> None:
        _must(min(self.vram, self.ram) > 0, "peaks must be above 0")
        _must(min(self.start, self.first, self.encode) >= 0, "seconds must not be below 0")

    def seconds(self, spent: Spent, segments: int) -> float:
        """Seconds from importing the libraries to the last decoded frame of one clip in a process
        of its own, as measured here."""
        rendering = self.denoise.at(spent.denoise, segments) + self.decode.at(
            spent.decode, segments
        )
        return self.start * spent.start + self.first + self.encode + rendering


@dataclass(frozen=True, slots=True)
class Found:
    """Figures for a kind, and of whom they are."""

    whose: Whose
    figures: Measured

    def __str__(self) -> str:
        """Where a prediction comes from, for a person."""
        whose = {
            "this way": "",
            "this model": " with another way of this model",
            "its family": " with another model of its family",
        }[self.whose]
        runs = "1 clip" if self.figures.runs == 1 else f"{self.figures.runs} clips"
        return f"measured here on {self.figures.on}{whose}, {runs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All that is known of one machine, one entry for each kind."""

    known: tuple[Measured, ...] = ()

    def of(self, wanted: Kind) -> Found | None:
        """The figures nearest to a kind: its own, else those of the model's other ways, else those
        of models of its family and about its size; None: nothing near was measured.

        Of several, those in the same arrangement come first, then those at the same preset.
        """
        here = [each for each in self.known if each.kind.device == wanted.device]
        own = [each for each in here if each.kind.model == wanted.model]
        kin = [each for each in here if _kin(each.kind, wanted)]
        for entries in (own, kin):
            if nearest := _nearest(entries, wanted):
                return Found(_whose(nearest[0].kind, wanted), _pooled(nearest, wanted))
        return None

    def with_more(self, new: "Calibration") -> "Calibration":
        """The same with newer entries in the place of older ones of their kind."""
        kinds = {each.kind for each in new.known}
        return Calibration(
            known=(*(each for each in self.known if each.kind not in kinds), *new.known)
        )


def _nearest(entries: Sequence[Measured], wanted: Kind) -> list[Measured]:
    """Those that share most with a kind: arrangement and preset, either, or nothing."""

    def far(kind: Kind) -> tuple[bool, bool]:
        return kind.rung != wanted.rung, kind.preset != wanted.preset

    least = min((far(each.kind) for each in entries), default=None)
    return [each for each in entries if far(each.kind) == least]


def _whose(kind: Kind, wanted: Kind) -> Whose:
    if kind.model != wanted.model:
        return "its family"
    alike = (kind.rung, kind.preset) == (wanted.rung, wanted.preset)
    return "this way" if alike else "this model"


def _kin(one: Kind, other: Kind) -> bool:
    if one.family != other.family:
        return False
    least, most = sorted((one.params, other.params))
    return most <= _SIZES * least


def _pooled(entries: Sequence[Measured], wanted: Kind) -> Measured:
    """Several entries as one: medians of seconds, the largest of sizes."""

    def middle(value: Callable[[Measured], float]) -> float:
        return float(median(map(value, entries)))

    return Measured(
        kind=wanted,
        on=max(each.on for each in entries),
        runs=sum(each.runs for each in entries),
        start=middle(lambda each: each.start),
        first=middle(lambda each: each.first),
        encode=middle(lambda each: each.encode),
        denoise=Line(middle(lambda e: e.denoise.fixed), middle(lambda e: e.denoise.slope)),
        decode=Line(middle(lambda e: e.decode.fixed), middle(lambda e: e.decode.slope)),
        vram=max(each.vram for each in entries),
        ram=max(each.ram for each in entries),
    )

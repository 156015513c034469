"""A card: what the program knows of one model before it is loaded.

A family is code (one file in `backends/`); a model is a card (one TOML file in `models/cards/`).
Every value checks itself when it is made: a card that exists is a card that can be planned with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, TypeAlias

from reelkiln.errors import unknown_name
from reelkiln.plan.costs import Costs
from reelkiln.plan.source import Source, WeightSet, must, one_set
from reelkiln.reel import Size

__all__ = [
    "GUIDANCE_MAX",
    "STEPS_MAX",
    "Card",
    "Costs",
    "Licence",
    "Part",
    "Preset",
    "Reach",
    "Source",
    "Stage",
    "WeightSet",
]

Stage: TypeAlias = Literal["encode", "denoise", "decode"]
"""The phase of a render that needs a part."""

STEPS_MAX = 1000
"""The most steps: a diffusion model is trained on as many."""
GUIDANCE_MAX = 50
"""The most guidance, far beyond what any model is used with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What the weights' licence says, and whether anybody read it.

    `state` is "read" only with the `source` (an address) and the date `read_on` (ISO 8601).
    `commercial` is never "allowed" while the state is "not verified".
    """

    name: str
    state: Literal["read", "not verified"]
    source: str = ""
    read_on: str = ""
    commercial: Literal["allowed", "conditions", "not allowed", "unknown"] = "unknown"
    duties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.state == "read":
            must(bool(self.source), "read, but source does not say where")
            must(
                re.fullmatch(r"\d{4}-[01]\d-[0-3]\d", self.read_on) is not None,
                f"read_on {self.read_on!r} is not a date like 2026-11-23",
            )
        else:
            must(
                self.commercial in ("unknown", "not allowed"),
                f"commercial use cannot be {self.commercial!r} while nobody has read it",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One network of the pipeline.

    `params` counts its parameters. `stage` is the phase that needs it. `castable` says that its
    weights may be stored in 8 bits. `largest_block` counts the parameters of the two largest
    neighbouring blocks, what a passing part holds at once (0: it cannot be streamed). `passing`
    says that the part never stays: it is read from its file when it is needed, with a
    `largest_block` block by block, and let go before anything else is done. Until then it takes no
    RAM. `led` says that it is needed only where a start picture or a lead is given.
    """

    name: str
    params: int
    stage: Stage
    castable: bool = False
    largest_block: int = 0
    passing: bool = False
    led: bool = False

    def __post_init__(self) -> None:
        where = f"part {self.name!r}"
        must(self.params > 0, f"{where} has no parameters")
        must(
            0 <= self.largest_block <= self.params,
            f"{where}: largest_block must be 0 to params",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Steps, guidance and schedule that belong together.

    `scheduler` is a diffusers class name, `schedule` its overrides. `sigmas` are the noise levels
    that a few-step model was distilled for, one for each step (empty: the scheduler's or the
    family's own). `adds` names the sources beyond the card's own that this preset loads. Guidance
    of 1.0 or less runs the network once a step, more runs it twice. `cache_every` above 1 runs the
    whole network in every so many steps only and its outermost layers in the others, for families
    that can. `quick_sums` lets 16-bit products be summed up in 16 bits, a fifth faster on GPUs for
    games. Where a source that it adds is a decoder of its own, `decode_bytes` and `decode_flops`
    are that one's costs, as in `Costs` (0: the card's).
    """

    steps: int
    guidance: float
    scheduler: str
    schedule: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    sigmas: tuple[float, ...] = ()
    adds: tuple[str, ...] = ()
    cache_every: int = 1
    quick_sums: bool = False
    decode_bytes: int = 0
    decode_flops: float = 0.0

    def __post_init__(self) -> None:
        must(1 <= self.steps <= STEPS_MAX, f"steps must be 1 to {STEPS_MAX}")
        must(1 <= self.cache_every <= self.steps, "cache_every must be 1 to steps")
        must(0 <= self.guidance <= GUIDANCE_MAX, f"guidance must be 0 to {GUIDANCE_MAX}")
        must(self.scheduler.isidentifier(), f"scheduler {self.scheduler!r} is not a class name")
        falling = sorted(set(self.sigmas), reverse=True)
        must(
            list(self.sigmas) == falling and all(0 < sigma <= 1 for sigma in falling),
            "sigmas must fall from at most 1 and stay above 0",
        )
        must(
            len(self.sigmas) in (0, self.steps),
            f"the model was distilled for {len(self.sigmas)} steps, not {self.steps}",
        )

    @property
    def halves(self) -> int:
        """How often the network runs in one step: 2 with guidance, else 1."""
        return 2 if self.guidance > 1 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How the model reaches more seconds than it renders in one go.

    "windows": overlapping context windows (FreeNoise) of `context` frames every `stride` frames.
    "forth-and-back": the film room plays the frames forwards and backwards until the time is full.
    "lead": further segments, each led by the last `lead` frames of the one before.
    """

    kind: Literal["windows", "forth-and-back", "lead"]
    context: int = 0
    stride: int = 0
    lead: int = 0

    def __post_init__(self) -> None:
        if self.kind == "windows":
            must(0 < self.stride <= self.context, "windows need 0 < stride <= context")
        if self.kind == "lead":
            must(self.lead > 0, "lead needs at least one frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One model.

    A legal side is a multiple of `side_multiple`, of at least `side_min` and at most `side_max`
    pixels; with `only_native`, only the `native` sizes themselves are legal. A legal frame count is
    `frame_step * n + frame_rest`, at most `frames_max` in one go.
    `native` are the sizes the model was trained at. `versions` maps a library to the specifier of
    the versions known to work. `tokens` is the text encoder's length, `dialect` the way prompts are
    written for it. `vocabulary` lists the words a tiny model knows (empty: free text).
    `calmer` are the shares of its motion (0 to 1) that the model can be held to after a picture
    jumped; empty: its family cannot. `tilings` counts the ways to lay tiles while decoding.
    `bundled` marks weights inside the package. `sets` are ways to store the same weights, of which
    `default_set` is the one this card stands for (`with_set` changes it); empty: there is one way.
    """

    name: str
    family: str
    title: str
    summary: str
    bundled: bool = False
    sources: tuple[Source, ...]
    sets: Mapping[str, WeightSet] = field(default_factory=dict)
    default_set: str = ""
    licence: Licence
    parts: tuple[Part, ...]
    costs: Costs
    presets: Mapping[str, Preset]
    default_preset: str = "standard"
    fps: Fraction
    native: tuple[Size, ...]
    only_native: bool = False
    side_multiple: int
    side_min: int
    side_max: int
    frame_step: int = 1
    frame_rest: int = 0
    frames_max: int
    calmer: tuple[float, ...] = ()
    tilings: int = 1
    reach: Reach
    dtype_gpu: Literal["float16", "bfloat16"] = "float16"
    dialect: Literal["tags", "paragraph", "grammar"] = "tags"
    tokens: int = 77
    vocabulary: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = r"[a-z0-9][a-z0-9.-]*"
        must(bool(re.fullmatch(f"{name}(@{name})?", self.name)), f"bad name {self.name!r}")
        self._check_sources()
        self._check_shapes()
        stages = {part.stage for part in self.parts}
        must(stages == {"encode", "denoise", "decode"}, "parts must cover encode, denoise, decode")
        must(self.fps > 0, "fps must be above 0")
        must(self.tokens > 0, "tokens must be above 0")

    @property
    def used_sources(self) -> tuple[Source, ...]:
        """The sources of the set that this card stands for."""
        return one_set(self.sources, self.default_set)

    def with_set(self, name: str) -> "Card":
        """This card with another of its sets, under the name that `--model` takes: `name@set`.

        Raises:
            UnknownName: it has no such set; the hint names the nearest.
        """
        if name not in self.sets:
            raise unknown_name("set", name, self.sets)
        if name == self.default_set:
            return self
        return replace(self, name=f"{self.name.partition('@')[0]}@{name}", default_set=name)

    @property
    def narrow(self) -> bool:
        """Whether the networks that denoise lie in 8 bits in the files of this card's set."""
        return all(self.bits_of(part) == 8 for part in self.parts if part.stage == "denoise")

    def bits_of(self, part: Part) -> int:
        """How wide a network's weights lie in the files of this card's set, in bits; usually 16."""
        bits = self.sets[self.default_set].bits if self.sets else {}
        return bits.get(part.name, 16)

    @property
    def each_set(self) -> tuple["Card", ...]:
        """This card with each of its sets, its own first; itself alone where there are none."""
        others = [self.with_set(name) for name in self.sets if name != self.default_set]
        return (self, *others)

    def _check_sources(self) -> None:
        names = {source.name for source in self.sources}
        for source in self.sources:
            must(
                self.bundled or bool(source.repo),
                f"source {source.name!r} needs a repo, or the card bundled = true",
            )
        for set_name in self.sets or [""]:
            used = [source.name for source in one_set(self.sources, set_name)]
            must(len(set(used)) == len(used) > 0, "sources must have names, each its own")
        self._check_sets()
        must(self.default_preset in self.presets, f"no preset {self.default_preset!r}")
        for preset_name, preset in self.presets.items():
            strange = sorted(set(preset.adds) - names)
            must(not strange, f"preset {preset_name!r} adds unknown source {', '.join(strange)}")

    def _check_sets(self) -> None:
        must(
            self.default_set in self.sets if self.sets else not self.default_set,
            f"default_set {self.default_set!r} is not one of the sets",
        )
        for source in self.sources:
            strange = sorted(set(source.sets) - set(self.sets))
            must(not strange, f"source {source.name!r} is of an unknown set {', '.join(strange)}")
        parts = {part.name for part in self.parts}
        for name, each in self.sets.items():
            strange = sorted(set(each.bits) - parts)
            must(not strange, f"set {name!r} tells bits of an unknown part {', '.join(strange)}")

    def _check_shapes(self) -> None:
        must(bool(self.native), "native lists no size")
        must(
            self.side_multiple > 0 and self.side_multiple % self.costs.cell == 0,
            "side_multiple must be a multiple of costs.cell",
        )
        must(
            0 < self.side_min <= self.side_max
            and self.side_min % self.side_multiple == self.side_max % self.side_multiple == 0,
            "side_min and side_max must be multiples of side_multiple, in order",
        )
        for size in self.native:
            for side in (size.width, size.height):
                must(
                    side % self.side_multiple == 0 and self.side_min <= side <= self.side_max,
                    f"native size {size} is not legal",
                )
        must(
            0 <= self.frame_rest < self.frame_step <= self.frames_max
            and self.frames_max % self.frame_step == self.frame_rest,
            "frames_max is not frame_step * n + frame_rest",
        )
        must(self.reach.lead < self.frames_max, "reach: lead leaves no new frame")
        must(all(0 < share < 1 for share in self.calmer), "calmer holds shares between 0 and 1")
        must(self.tilings >= 1, "tilings must be at least 1")
        must(
            not self.reach.lead or self.reach.lead % self.frame_step == self.frame_rest,
            "reach: lead is not frame_step * n + frame_rest",
        )

"""A card: what the program knows of one model before it is loaded.

A family is code (one file in `backends/`); a model is a card (one TOML file in `models/cards/`).
Every value checks itself when it is made: a card that exists is a card that can be planned with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from reelkiln.errors import UsageError
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
]

Stage: TypeAlias = Literal["encode", "denoise", "decode"]
"""The phase of a render that needs a part."""

STEPS_MAX = 1000
"""The most steps: a diffusion model is trained on as many."""
GUIDANCE_MAX = 50
"""The most guidance, far beyond what any model is used with."""


def _must(true: bool, message: str) -> None:
    if not true:
        raise UsageError(message, hint="Mend the model's card.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One repository that the model is made of.

    `name` is the key under which backends find its local folder ("model", "motion", …). `repo` is
    "owner/name" on the hub, or empty for weights that travel inside the package. `branch` is what
    the first pull resolves; `revision` is the 40-hex commit where somebody saw it, else empty.
    `files` are the exact files needed, relative to the repository. `bytes` is their size together.
    `unverified` is True where the list was not read at the source itself.
    """

    name: str
    repo: str = ""
    branch: str = "main"
    revision: str = ""
    files: tuple[str, ...] = ()
    bytes: int = 0
    unverified: bool = False

    def __post_init__(self) -> None:
        where = f"source {self.name!r}"
        _must(
            not self.repo or re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo) is not None,
            f"{where}: repo {self.repo!r} is not of the form owner/name",
        )
        _must(
            not self.revision or re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None,
            f"{where}: revision {self.revision!r} is not a commit of 40 hex digits",
        )
        _must(len(set(self.files)) == len(self.files), f"{where} lists a file twice")
        for name in self.files:
            inside = not name.startswith("/") and "\\" not in name and ":" not in name
            steps = name.split("/")
            _must(
                inside and not {"", ".", ".."} & set(steps), f"{where}: {name!r} leaves its folder"
            )
            # Only formats that cannot carry code: a pickle would run whatever its author put in it.
            _must(
                name.endswith((".safetensors", ".json", ".txt", ".model")),
                f"{where}: {name!r} is neither safetensors, JSON, text nor a tokenizer model",
            )
        _must((self.bytes > 0) == bool(self.files), f"{where}: files and bytes belong together")


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
            _must(bool(self.source), "read, but source does not say where")
            _must(
                re.fullmatch(r"\d{4}-[01]\d-[0-3]\d", self.read_on) is not None,
                f"read_on {self.read_on!r} is not a date like 2026-11-23",
            )
        else:
            _must(
                self.commercial in ("unknown", "not allowed"),
                f"commercial use cannot be {self.commercial!r} while nobody has read it",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One network of the pipeline.

    `params` counts its parameters. `stage` is the phase that needs it. `castable` says that its
    weights may be stored in 8 bits. `largest_block` counts the parameters of the two largest
    neighbouring blocks, what a streamed arrangement holds on the device at once (0: it cannot be
    streamed). `peak_block` counts those held where the working memory is largest; 0 stands for
    `largest_block`, which is right where all blocks are alike.
    """

    name: str
    params: int
    stage: Stage
    castable: bool = False
    largest_block: int = 0
    peak_block: int = 0

    def __post_init__(self) -> None:
        where = f"part {self.name!r}"
        _must(self.params > 0, f"{where} has no parameters")
        _must(
            0 <= self.peak_block <= self.largest_block <= self.params,
            f"{where}: peak_block <= largest_block <= params does not hold",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Steps, guidance and schedule that belong together.

    `scheduler` is a diffusers class name, `schedule` its overrides. `adds` names the sources beyond
    the card's own that this preset loads. Guidance of 1.0 or less runs the network once a step,
    more runs it twice.
    """

    steps: int
    guidance: float
    scheduler: str
    schedule: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    adds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _must(1 <= self.steps <= STEPS_MAX, f"steps must be 1 to {STEPS_MAX}")
        _must(0 <= self.guidance <= GUIDANCE_MAX, f"guidance must be 0 to {GUIDANCE_MAX}")
        _must(self.scheduler.isidentifier(), f"scheduler {self.scheduler!r} is not a class name")

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
            _must(0 < self.stride <= self.context, "windows need 0 < stride <= context")
        if self.kind == "lead":
            _must(self.lead > 0, "lead needs at least one frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one render costs, for predictions. Sources and formulas: `plan.estimate`.

    `cell` is the side of one latent cell in pixels. After the first frame, each run of
    `cell_frames` frames shares one latent frame (1: every frame has its own).
    `denoise_bytes` is working memory per latent cell, latent frame and guidance half at 16 bits;
    `split_bytes` the same when attention and feed-forward run in chunks (0: the network has no such
    way); `decode_bytes` per output pixel and frame at 16 bits. `denoise_flops` and `decode_flops`
    are operations per latent cell and latent frame.
    """

    cell: int
    denoise_bytes: int
    decode_bytes: int
    denoise_flops: float
    decode_flops: float
    split_bytes: int = 0
    cell_frames: int = 1

    def __post_init__(self) -> None:
        least = min(self.cell, self.cell_frames, self.denoise_bytes, self.decode_bytes)
        _must(least > 0, "cells and working memory must be above 0")
        _must(self.denoise_flops > 0 and self.decode_flops > 0, "operations must be above 0")
        _must(
            0 <= self.split_bytes < self.denoise_bytes,
            "split_bytes must be 0, or less than denoise_bytes",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One model.

    A legal side is a multiple of `side_multiple`, of at least `side_min` and at most `side_max`
    pixels; with `only_native`, only the `native` sizes themselves are legal. A legal frame count is
    `frame_step * n + frame_rest`, at most `frames_max` in one go.
    `native` are the sizes the model was trained at. `versions` maps a library to the specifier of
    the versions known to work. `tokens` is the text encoder's length, `dialect` the way prompts are
    written for it. `vocabulary` lists the words a tiny model knows (empty: free text).
    `bundled` marks weights inside the package.
    """

    name: str
    family: str
    title: str
    summary: str
    bundled: bool = False
    sources: tuple[Source, ...]
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
    reach: Reach
    dtype_gpu: Literal["float16", "bfloat16"] = "float16"
    dialect: Literal["tags", "paragraph", "grammar"] = "tags"
    tokens: int = 77
    vocabulary: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _must(bool(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.name)), f"bad name {self.name!r}")
        self._check_sources()
        self._check_shapes()
        stages = {part.stage for part in self.parts}
        _must(stages == {"encode", "denoise", "decode"}, "parts must cover encode, denoise, decode")
        _must(self.fps > 0, "fps must be above 0")
        _must(self.tokens > 0, "tokens must be above 0")

    def _check_sources(self) -> None:
        names = [source.name for source in self.sources]
        _must(len(set(names)) == len(names) > 0, "sources must have names, each its own")
        for source in self.sources:
            _must(
                self.bundled or bool(source.repo),
                f"source {source.name!r} needs a repo, or the card bundled = true",
            )
        _must(self.default_preset in self.presets, f"no preset {self.default_preset!r}")
        for preset_name, preset in self.presets.items():
            strange = sorted(set(preset.adds) - set(names))
            _must(not strange, f"preset {preset_name!r} adds unknown source {', '.join(strange)}")

    def _check_shapes(self) -> None:
        _must(bool(self.native), "native lists no size")
        _must(
            self.side_multiple > 0 and self.side_multiple % self.costs.cell == 0,
            "side_multiple must be a multiple of costs.cell",
        )
        _must(
            0 < self.side_min <= self.side_max
            and self.side_min % self.side_multiple == self.side_max % self.side_multiple == 0,
            "side_min and side_max must be multiples of side_multiple, in order",
        )
        for size in self.native:
            for side in (size.width, size.height):
                _must(
                    side % self.side_multiple == 0 and self.side_min <= side <= self.side_max,
                    f"native size {size} is not legal",
                )
        _must(
            0 <= self.frame_rest < self.frame_step <= self.frames_max
            and self.frames_max % self.frame_step == self.frame_rest,
            "frames_max is not frame_step * n + frame_rest",
        )
        _must(self.reach.lead < self.frames_max, "reach: lead leaves no new frame")

"""A card: what the program knows of one model before it is loaded.

A family is code (one file in `backends/`); a model is a card (one TOML file in `models/cards/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from reelkiln.reel import Size

__all__ = ["Card", "Costs", "Licence", "Part", "Preset", "Reach", "Source", "Stage"]

Stage: TypeAlias = Literal["encode", "denoise", "decode"]
"""The phase of a render that needs a part."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One network of the pipeline.

    `params` counts its parameters. `stage` is the phase that needs it. `castable` says that its
    weights may be stored in 8 bits. `largest_block` counts the parameters of the two largest
    neighbouring blocks, what a streamed arrangement holds on the device at once (0: it cannot be
    streamed).
    """

    name: str
    params: int
    stage: Stage
    castable: bool = False
    largest_block: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Steps, guidance and schedule that belong together.

    `scheduler` is a diffusers class name, `schedule` its overrides. `adds` names the sources beyond
    the card's own that this preset loads.
    """

    steps: int
    guidance: float
    scheduler: str
    schedule: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    adds: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one render costs, for predictions. Sources and formulas: `plan.estimate`.

    `cell` is the side of one latent cell in pixels. `denoise_bytes` is working memory per latent
    cell, frame and guidance half at 16 bits; `decode_bytes` per output pixel and frame at 16 bits.
    `denoise_flops` and `decode_flops` are floating-point operations per latent cell and frame.
    """

    cell: int
    denoise_bytes: int
    decode_bytes: int
    denoise_flops: float
    decode_flops: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One model.

    A legal side is a multiple of `side_multiple`, of at least `side_min` and at most `side_max`
    pixels. A legal frame count is `frame_step * n + frame_rest`, at most `frames_max` in one go.
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

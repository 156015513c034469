"""Cards, plans and weights of every family, small enough to render in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from reelkiln.backends.seam import Folders
from reelkiln.backends.tiny import TINY, motion_network
from reelkiln.backends.tiny_ltx import TINY_LTX
from reelkiln.plan.card import Card, Costs, Licence, Part, Preset, Reach, Source
from reelkiln.plan.ladder import Rung
from reelkiln.plan.plan import Plan
from reelkiln.reel import Segment, Size

CPU = Rung(residence="cpu", storage_bits=32)
LOOP = Reach(kind="forth-and-back")
WINDOWS = Reach(kind="windows", context=8, stride=3)
EULER = Preset(
    steps=2, guidance=7.5, scheduler="EulerDiscreteScheduler", schedule={"beta_schedule": "linear"}
)
FEW = Preset(
    steps=2,
    guidance=1.0,
    scheduler="EulerDiscreteScheduler",
    schedule={"beta_schedule": "linear", "timestep_spacing": "trailing"},
)


SEVEN = (1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725)
DISTILLED = Preset(
    steps=7,
    guidance=1.0,
    scheduler="FlowMatchEulerDiscreteScheduler",
    schedule={"decode_timestep": 0.05, "decode_noise_scale": 0.025},
    sigmas=SEVEN,
)
GUIDED = Preset(
    steps=3,
    guidance=3.0,
    scheduler="FlowMatchEulerDiscreteScheduler",
    schedule={"decode_timestep": 0.05, "decode_noise_scale": 0.025, "guidance_rescale": 0.7},
)


def make_t5_config() -> Any:
    """transformers' own description of the tiny text encoder."""
    from transformers import T5Config

    width, hidden, layers, heads = TINY_LTX.text
    return T5Config(
        vocab_size=TINY_LTX.words,
        d_model=width,
        d_kv=width // heads,
        d_ff=hidden,
        num_layers=layers,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
    )


def make_network() -> Any:
    """A tiny motion network whose weights are all of one size, the same each time."""
    import torch

    torch.manual_seed(0)
    network = motion_network(TINY).eval().requires_grad_(False)
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.05)
    return network


def make_ltx_card(preset: Preset = DISTILLED, **changes: Any) -> Card:
    """The real card's shape with tiny numbers."""
    return make_card(
        "ltx",
        preset,
        **{
            "sources": (Source(name="model"), Source(name="encoder")),
            "costs": Costs(
                cell=32,
                cell_frames=8,
                denoise_bytes=1,
                decode_bytes=1,
                denoise_flops=1,
                decode_flops=1,
                decode_window=24,
                decode_tile=64,
            ),
            "fps": Fraction(24),
            "side_multiple": 32,
            "side_min": 32,
            "frame_step": 8,
            "frame_rest": 1,
            "frames_max": 121,
            "reach": Reach(kind="lead", lead=9),
            "tokens": 24,
            **changes,
        },
    )


def make_card(family: str, preset: Preset = EULER, **changes: Any) -> Card:
    card = Card(
        name=f"tiny-{family}",
        family=family,
        title="Tiny",
        summary="For tests.",
        bundled=True,
        sources=(
            Source(name="model"),
            Source(name="motion"),
            *(Source(name=name) for name in preset.adds),
        ),
        licence=Licence(name="none", state="not verified"),
        parts=(
            Part(name="text_encoder", params=1, stage="encode"),
            Part(name="unet", params=1, stage="denoise"),
            Part(name="vae", params=1, stage="decode"),
        ),
        costs=Costs(cell=8, denoise_bytes=1, decode_bytes=1, denoise_flops=1, decode_flops=1),
        presets={"standard": preset},
        fps=Fraction(8),
        native=(Size(64, 64),),
        side_multiple=8,
        side_min=32,
        side_max=512,
        frames_max=64,
        reach=LOOP,
    )
    return replace(card, **changes)


def make_plan(card: Card, *, frames: int = 4, **changes: Any) -> Plan:
    preset = card.presets["standard"]
    plan = Plan(
        model=card.name,
        preset="standard",
        device="cpu",
        dtype="float32",
        rung=CPU,
        steps=preset.steps,
        guidance=preset.guidance,
        size=Size(64, 48),
        fps=card.fps,
        segments=(Segment(index=0, frames=frames, seed=7, prompt="a red jar"),),
        reach=card.reach,
        peak_bytes=0,
        ram_bytes=0,
        seconds_estimate=1.0,
        because=(),
    )
    return replace(plan, **changes)


def make_ltx_plan(card: Card, *, frames: int = 17, **changes: Any) -> Plan:
    return make_plan(card, frames=frames, **{"size": Size(64, 64), **changes})


@dataclass(frozen=True)
class Case:
    """One way into a family: a card, its plan, its files, and the same with ruined weights."""

    name: str
    family: str
    card: Card
    folders: Folders
    ruined: Callable[[Path], tuple[Card, Folders]]

    @property
    def plan(self) -> Plan:
        return make_ltx_plan(self.card) if self.family == "ltx" else make_plan(self.card)

    @property
    def segment(self) -> Segment:
        return self.plan.segments[0]


def ruin(file: Path, name: str = "decoder.conv_out.bias") -> None:
    """One number of the decoder's last layer becomes NaN, as overflow in 16 bits makes it."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(file)
    weights[name][0] = np.nan
    save_file(weights, file)


def nothing(step: object) -> None:
    """An `on_step` for nobody."""

"""Cards, machines and strategies for the planner's tests. Figures of the LTX card: counted on the
published shapes of its 2B version (the transformer has 28 blocks of 128 MiB)."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from reelkiln.models.cards import load_cards
from reelkiln.plan.card import Card, Costs, Licence, Part, Preset, Reach, Source
from reelkiln.plan.machine import GiB, Machine, MiB
from reelkiln.reel import Shot, Size

CARDS = load_cards()

LED = Card(
    name="led",
    family="ltx",
    title="Led",
    summary="A model that goes on from its own last frames.",
    sources=(Source(name="model", repo="owner/led", files=("a.safetensors",), bytes=1),),
    licence=Licence(name="none", state="not verified"),
    parts=(
        Part(name="text_encoder", stage="encode", params=50_000_000),
        Part(
            name="transformer",
            stage="denoise",
            params=1_923_000_000,
            castable=True,
            largest_block=2 * 64 * MiB,
        ),
        Part(name="vae", stage="decode", params=552_000_000),
    ),
    costs=Costs(
        cell=32,
        cell_frames=8,
        denoise_bytes=65_700,
        decode_bytes=100,
        denoise_flops=3.8e9,
        decode_flops=8e9,
    ),
    presets={
        "standard": Preset(steps=8, guidance=1.0, scheduler="FlowMatchEulerDiscreteScheduler"),
        "final": Preset(steps=40, guidance=3.0, scheduler="FlowMatchEulerDiscreteScheduler"),
    },
    fps=Fraction(24),
    native=(Size(704, 480), Size(480, 704), Size(512, 512)),
    side_multiple=32,
    side_min=256,
    side_max=1280,
    frame_step=8,
    frame_rest=1,
    frames_max=97,
    reach=Reach(kind="lead", lead=9),
    dtype_gpu="bfloat16",
    dialect="paragraph",
)

ALL = (*CARDS.values(), LED)


def shot(card, **changes):
    return replace(Shot(prompt="a red jar", model=card.name), **changes)


def machine(**changes):
    """The 4 GB laptop under Linux, as measured: 3.4 GiB free, 16 GiB of RAM."""
    laptop = Machine(
        gpu="NVIDIA GeForce RTX 3050 Ti Laptop GPU",
        vram_total=4 * GiB,
        vram_free=int(3.4 * GiB),
        bf16=True,
        ram_total=16 * GiB,
        ram_free=12 * GiB,
        system="Linux",
        cores=8,
    )
    return replace(laptop, **changes)


NO_GPU = {"gpu": None, "vram_total": 0, "vram_free": 0, "bf16": False}

cards = st.sampled_from(ALL)
sizes = st.builds(
    lambda short, ratio, tall: (
        Size(short, int(short * ratio) // 2 * 2)
        if tall
        else Size(int(short * ratio) // 2 * 2, short)
    ),
    st.integers(32, 500).map(lambda half: 2 * half),
    st.floats(1, 3.9),
    st.booleans(),
)


@st.composite
def shots(draw, card):
    return shot(
        card,
        seconds=draw(st.fractions(1, 8, max_denominator=60)),
        size=draw(sizes),
        seed=draw(st.integers(0, 2**32 - 1)),
        preset=draw(st.sampled_from(sorted(card.presets))),
        negative=draw(st.sampled_from(["", "blurry"])),
    )


@st.composite
def wishes(draw):
    card = draw(cards)
    return draw(shots(card)), card


@st.composite
def machines(draw):
    gib = st.integers(0, 48 * 4).map(lambda quarters: quarters * GiB // 4)
    vram, ram = draw(gib), draw(gib)
    return Machine(
        gpu=draw(st.sampled_from([None, "NVIDIA H100", "NVIDIA GeForce GTX 1650", "RTX 3050 Ti"])),
        vram_total=vram,
        vram_free=draw(st.integers(0, vram)),
        bf16=draw(st.booleans()),
        ram_total=ram,
        ram_free=draw(st.integers(0, ram)),
        system=draw(st.sampled_from(["Linux", "Windows", "Darwin"])),
        cores=draw(st.integers(1, 32)),
    )

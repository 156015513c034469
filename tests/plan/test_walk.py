"""Planning: tables of what is chosen where, and what holds for every shot, card and machine."""

import random
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.toys import ALL, CARDS, LED, NO_GPU, machine, machines, shot, wishes
from reelkiln.errors import PlanRefused
from reelkiln.models.cards import find_card
from reelkiln.plan.again import why_not
from reelkiln.plan.attempt import gpu_dtype
from reelkiln.plan.budget import device_budget, pinned_budget, ram_budget
from reelkiln.plan.estimate import DTYPE_BITS
from reelkiln.plan.ladder import CPU_LADDER, LADDER, NARROW, Rung, illegal, rungs
from reelkiln.plan.machine import GiB, MiB, imagine
from reelkiln.plan.walk import plan_shot, safer, step_down
from reelkiln.reel import ASPECTS, Size

EPIC, LIGHTNING, SPARK = (CARDS[n] for n in ("epicrealism", "epicrealism-lightning", "spark"))
SQUARE = ASPECTS["1:1"]
WINDOWS = {"system": "Windows", "vram_free": int(3.1 * GiB)}


def plan(card, where, *, seconds=2, size=SQUARE, preset="standard"):
    return plan_shot(shot(card, seconds=Fraction(seconds), size=size, preset=preset), card, where)


def order(card, preset, dtype, *, gpu):
    return rungs(card, card.presets[preset], gpu=gpu, bits=DTYPE_BITS[dtype])


@pytest.mark.parametrize(
    ("card", "where", "seconds", "rung"),
    [
        (EPIC, {}, 2, "streamed, in chunks"),
        (EPIC, WINDOWS, 2, "streamed, in chunks"),
        (EPIC, {"vram_free": 2 * GiB}, 2, "streamed, guidance in two passes, in chunks"),
        (EPIC, {"vram_free": 6 * GiB}, 2, "resident"),
        (EPIC, {"vram_free": int(5.2 * GiB)}, 2, "resident, in chunks"),
        (EPIC, {"vram_free": int(4.7 * GiB)}, 2, "staged, in chunks"),
        (EPIC, {"vram_free": 8 * GiB}, 2, "resident"),
        (EPIC, {"vram_free": 32 * GiB}, 2, "resident, decoded in one go"),
        (EPIC, {"vram_free": 1 * GiB}, 2, "on the processor, in chunks"),
        (EPIC, {**NO_GPU, "ram_total": 32 * GiB}, 2, "on the processor"),
        (EPIC, NO_GPU, 2, "on the processor, in chunks"),
        (
            EPIC,
            {**NO_GPU, "ram_free": 9 * GiB},
            2,
            "on the processor, guidance in two passes, in chunks",
        ),
        (LIGHTNING, {}, 2, "streamed, in chunks"),
        (LIGHTNING, WINDOWS, 2, "streamed, in chunks"),
        (LIGHTNING, {"vram_free": 5 * GiB}, 2, "resident"),
        (LIGHTNING, {"vram_free": int(4.2 * GiB)}, 2, "staged, in chunks"),
        (SPARK, {}, 4, "resident, decoded in one go"),
        (SPARK, NO_GPU, 4, "on the processor"),
        (SPARK, {**NO_GPU, "ram_free": 1 * GiB}, 8, "on the processor"),
        (LED, {}, 2, "streamed"),
    ],
)
def test_the_rung_that_is_chosen(card, where, seconds, rung):
    assert str(plan(card, machine(**where), seconds=seconds).rung) == rung


def test_every_rung_is_the_best_one_somewhere():
    """A rung that is nowhere the best that fits has no business in the ladder."""
    chosen = set()
    for quarters in range(4, 130):
        for seconds in (2, 4):
            for ram in (8, 16, 64):
                where = machine(
                    vram_free=quarters * GiB // 4, ram_total=ram * GiB, ram_free=ram * GiB
                )
                for card in (EPIC, *(c for c in ALL if c.family == "ltx")):
                    with suppress(PlanRefused):
                        chosen.add(plan(card, where, seconds=seconds, preset="final").rung)
    assert set(LADDER) - chosen == set()
    for ram in (6, 9, 16, 32):
        for seconds in (2, 4):
            where = machine(**{**NO_GPU, "ram_total": ram * GiB, "ram_free": ram * GiB})
            with suppress(PlanRefused):
                chosen.add(plan(EPIC, where, seconds=seconds).rung)
    assert set(CPU_LADDER) - chosen == set()


@pytest.mark.parametrize(
    ("rung", "name", "preset", "vram", "seconds"),
    [
        (NARROW[0], "ltx-2b-distilled", "draft", 2.5, 1),
        (NARROW[1], "ltx-2b-distilled", "draft", 2.65, 3),
        (NARROW[2], "ltx-2b-distilled", "draft", 2.55, 3),
        (NARROW[3], "ltx-2b", "draft", 2.5, 2),
        (NARROW[4], "led", "final", 2.5, 3),
        (NARROW[5], "ltx-2b", "draft", 2.0, 3),
    ],
)
def test_every_rung_of_8_bits_is_the_best_one_somewhere(rung, name, preset, vram, seconds):
    card = next(card for card in ALL if card.name == name)
    where = machine(vram_free=int(vram * GiB), ram_total=8 * GiB, ram_free=8 * GiB)
    assert plan(card, where, seconds=seconds, preset=preset).rung == rung


@pytest.mark.parametrize(
    ("seconds", "system", "size"),
    [(2, "Linux", "384x704"), (8, "Linux", "320x576"), (8, "Windows", "320x512")],
)
def test_a_long_shot_on_a_small_gpu_is_rendered_smaller_and_that_is_said(seconds, system, size):
    where = imagine(vram=4 * GiB, ram=16 * GiB, system=system)
    made = plan_shot(shot(EPIC, seconds=Fraction(seconds)), EPIC, where)
    assert str(made.size) == size
    assert made.device == "cuda"
    smaller = size != "384x704"
    assert smaller == any("fits on no rung of the GPU" in line for line in made.because)
    assert smaller == any("the picture is softer" in line for line in made.because)
    assert why_not(made, EPIC, where) == ""


@pytest.mark.parametrize(
    ("card", "where", "dtype"),
    [
        (EPIC, {}, "float16"),
        (EPIC, {"bf16": False}, "float16"),
        (EPIC, {"gpu": "NVIDIA GeForce GTX 1650", "vram_free": 40 * GiB}, "float32"),
        (EPIC, NO_GPU, "float32"),
        (LED, {}, "bfloat16"),
        (LED, {"bf16": False, "vram_free": 40 * GiB, "ram_total": 64 * GiB}, "float32"),
    ],
)
def test_the_dtype_that_is_chosen(card, where, dtype):
    chosen = plan(card, machine(**where))
    assert chosen.dtype == dtype
    assert chosen.device == ("cpu" if where is NO_GPU else "cuda")
    assert chosen.rung.storage_bits == DTYPE_BITS[dtype]


def test_the_default_wish_with_the_bundled_model():
    chosen = plan_shot(shot(SPARK), SPARK, machine(**NO_GPU, cores=2))
    assert (chosen.steps, chosen.guidance, chosen.size) == (8, 1.0, Size(128, 224))
    assert [segment.frames for segment in chosen.segments] == [16]
    assert chosen.ram_bytes < 1.2 * GiB
    assert chosen.peak_bytes == 0
    assert chosen.seconds_estimate < 22
    assert chosen.because == (
        "spark, preset standard: 8 steps at guidance 1, one call a step.",
        "128x224 is the size of spark nearest in shape to 720x1280; "
        "it is cropped by 2 % and scaled to 720x1280.",
        "4 s at 8 frames a second: 16 frames, played forth and back until the time is full.",
        "on the processor: needs 0.65 GiB of RAM, which is there.",
        "float32 on the processor: no GPU was found.",
        f"It takes about {chosen.seconds_estimate:.0f} s and more by the formula, which does not "
        "count encoding new words. "
        "`reelkiln bench --calibrate` measures it.",
    )


def test_the_reasons_show_every_rung_tried():
    text = "\n".join(plan(EPIC, machine(), seconds=4, size=ASPECTS["9:16"]).because)
    assert "resident: needs" in text
    assert "3.01 GiB may be used" in text
    assert "384x704 is the size of epicrealism nearest in shape to 720x1280" in text
    assert "32 frames in windows of 16, a new one every 4 (FreeNoise)" in text
    assert "led by 9" in "\n".join(plan(LED, machine(), seconds=8).because)


def test_a_slow_choice_is_said_to_be_slow():
    assert " h " in plan(EPIC, machine(vram_free=GiB), seconds=4).because[-1]
    assert "too little memory" in plan(EPIC, machine(vram_free=GiB), seconds=4).because[-2]


def test_a_gpu_of_unknown_speed_is_said_to_be_unknown():
    assert "was not measured" in plan(EPIC, machine(gpu="RTX 9999"), seconds=2).because[-1]
    assert "was not measured" not in plan(EPIC, machine(), seconds=2).because[-1]


def test_a_refusal_says_what_would_fit_and_that_is_true():
    """12 GiB of RAM leave 7.5, too few for 8 seconds at the smallest side."""
    small = machine(**NO_GPU, ram_total=12 * GiB)
    with pytest.raises(PlanRefused, match="epicrealism at 8 seconds") as refused:
        plan(EPIC, small, seconds=8)
    assert refused.value.details
    longest = Fraction(refused.value.hint.removeprefix("Ask for ").split()[0])
    plan(EPIC, small, seconds=longest)
    with pytest.raises(PlanRefused) as again:
        plan(EPIC, small, seconds=longest + Fraction(1, 2))
    assert again.value.hint == refused.value.hint


def test_a_machine_with_no_memory_is_told_of_the_bundled_model():
    with pytest.raises(PlanRefused) as refused:
        plan(EPIC, machine(**NO_GPU, ram_free=2 * GiB))
    assert "--model spark" in refused.value.hint


def test_before_a_refusal_the_processor_is_tried_at_smaller_sides():
    where = machine(**{**NO_GPU, "ram_free": 16 * GiB})
    made = plan(EPIC, where, seconds=8, size=ASPECTS["9:16"])
    assert (str(made.size), made.device) == ("256x448", "cpu")
    said = "At 384x704 it fits on no rung of this machine: it is rendered at 256x448."
    assert made.because[0] == said
    assert why_not(made, EPIC, where) == ""
    little = machine(**WINDOWS, ram_free=16 * GiB)
    on_gpu = plan(EPIC, little, seconds=8, size=ASPECTS["9:16"])
    assert on_gpu.device == "cuda"  # smaller on the GPU comes before hours on the processor


def test_where_only_the_picture_is_too_much_the_hint_says_so():
    """The encoder of pictures is not streamed, and 2 GiB under Windows have no room for it."""
    model = CARDS["ltx-2b-distilled"]
    where = machine(system="Windows", vram_free=2 * GiB)
    for seconds, hint in ((4, "without a start picture,"), (7, "picture and 5 seconds,")):
        wish = shot(model, seconds=Fraction(seconds), image="start.png")
        with pytest.raises(PlanRefused) as refused:
            plan_shot(wish, model, where)
        assert hint in refused.value.hint
        less = replace(wish, seconds=Fraction(min(seconds, 5)), image=None)
        assert plan_shot(less, model, where).device == "cuda"


def test_without_guidance_there_are_no_two_passes():
    guided, unguided = (order(card, "standard", "float16", gpu=True) for card in (EPIC, LIGHTNING))
    assert any(rung.two_pass for rung in guided)
    assert not any(rung.two_pass for rung in unguided)
    assert len(set(unguided)) == len(unguided) < len(guided)


def test_a_reserve_stays_for_the_driver():
    assert device_budget(machine(vram_free=3 * GiB)) == 3 * GiB - 400 * MiB
    assert device_budget(machine(vram_free=3 * GiB, system="Windows")) == 3 * GiB - 600 * MiB
    assert device_budget(machine(vram_free=10 * GiB)) == 9 * GiB
    assert device_budget(machine(vram_free=100 * MiB)) == 0
    assert ram_budget(machine(ram_free=GiB)) == GiB - 256 * MiB
    assert ram_budget(machine(ram_free=MiB)) == 0
    assert pinned_budget(machine(system="Windows")) == 16 * GiB * 2 // 5
    assert pinned_budget(machine(ram_total=3 * GiB)) == 0


def test_a_machine_of_8_gib_keeps_5_and_one_of_16_keeps_10():
    """A browser and a desktop need the rest, however much of it is free just now."""
    led = replace(LED, name="led")
    for total, most in ((8, 5), (16, 10)):
        where = machine(ram_total=total * GiB, ram_free=total * GiB)
        for card in (EPIC, LIGHTNING, led):
            with suppress(PlanRefused):
                assert plan(card, where).ram_bytes <= most * GiB
    small = machine(ram_total=8 * GiB, ram_free=8 * GiB)
    assert plan(LED, small).rung.storage_bits == 8  # 16 bits of it would fill the RAM


def test_no_more_than_windows_pins_is_planned_to_be_pinned():
    where = machine(**WINDOWS)
    for card in (EPIC, LIGHTNING, LED):
        made = plan(card, where)
        weights = sum(part.params for part in card.parts if part.stage == "denoise") * 2
        assert made.rung.residence != "streamed" or weights <= 0.4 * where.ram_total
    assert plan(EPIC, where).rung.residence == "streamed"
    less = machine(**WINDOWS, ram_total=6 * GiB, ram_free=6 * GiB)
    with suppress(PlanRefused):
        assert plan(EPIC, less).rung.residence != "streamed"


@given(wishes(), machines())
@settings(deadline=None)
def test_what_stays_fits_with_all_else_and_no_rung_streams_what_could_stay(wish, where):
    shot_, card = wish
    try:
        made = plan_shot(shot_, card, where)
    except PlanRefused:
        return
    assert made.kept_bytes == 0 or made.rung.residence == "streamed"
    if made.device == "cuda":
        assert made.peak_bytes <= where.vram_free * 0.9


def test_an_imagined_machine_is_the_measured_one():
    assert imagine(vram=4 * GiB, ram=16 * GiB).vram_free == int(3.4 * GiB)
    windows = imagine(vram=4 * GiB, ram=16 * GiB, system="Windows")
    assert windows.vram_free == pytest.approx(3.1 * GiB, rel=0.01)
    assert imagine(vram=0, ram=GiB).gpu is None


@given(wishes(), machines())
@settings(deadline=None)
def test_a_plan_is_legal_or_refused(wish, where):
    shot_, card = wish
    try:
        made = plan_shot(shot_, card, where)
    except PlanRefused as refused:
        assert refused.hint
        assert refused.details
        return
    assert made.rung in order(card, made.preset, gpu_dtype(card, where), gpu=bool(where.gpu))
    assert not illegal(made.rung, card)
    assert made.peak_bytes <= (device_budget(where) if made.device == "cuda" else 0)
    assert made.ram_bytes <= ram_budget(where)
    assert made.seconds_estimate > 0
    assert made.dtype == "float32" or where.gpu
    assert made.dtype != "bfloat16" or where.bf16
    assert why_not(made, card, where) == ""
    assert all(line.endswith(".") and "\n" not in line for line in made.because)


@given(wishes(), machines(), st.integers(0, 8 * GiB), st.integers(0, 8 * GiB))
@settings(deadline=None)
def test_more_memory_never_means_a_lower_rung_or_a_refusal(wish, where, vram, ram):
    shot_, card = wish
    richer = replace(
        where,
        vram_total=where.vram_total + vram,
        vram_free=where.vram_free + vram,
        ram_total=where.ram_total + ram,
        ram_free=where.ram_free + ram,
    )
    try:
        made = plan_shot(shot_, card, where)
    except PlanRefused:
        return
    better = plan_shot(shot_, card, richer)
    ladder = order(card, made.preset, gpu_dtype(card, where), gpu=bool(where.gpu))
    assert ladder.index(better.rung) <= ladder.index(made.rung)
    assert better.seconds_estimate <= made.seconds_estimate or better.device != made.device


@given(wishes(), machines())
@settings(deadline=None)
def test_stepping_down_descends_and_ends_in_a_refusal(wish, where):
    shot_, card = wish
    try:
        made = plan_shot(shot_, card, where)
    except PlanRefused:
        return
    ladder = order(card, made.preset, gpu_dtype(card, where), gpu=bool(where.gpu))
    for _ in range(100):
        try:
            lower = step_down(made, shot_, card, where)
        except PlanRefused:
            return
        same = lower.rung == made.rung and lower.kept_bytes < made.kept_bytes
        assert same or ladder.index(lower.rung) > ladder.index(made.rung)
        assert lower.peak_bytes < made.peak_bytes or lower.ram_bytes < made.ram_bytes
        assert lower.because[0].startswith(f"{made.rung}: ran out of memory")
        assert lower.segments == made.segments
        made = lower
    pytest.fail("the ladder has no end")


def test_a_step_below_a_rung_that_is_gone_needs_less():
    made = plan(EPIC, machine())
    strange = replace(made, rung=Rung(residence="staged", storage_bits=8))
    assert step_down(strange, shot(EPIC, size=SQUARE), EPIC, machine()).peak_bytes < made.peak_bytes


def test_a_rung_that_ran_out_of_memory_is_not_taken_again():
    """Not even where the plan's own figures say that its need was larger."""
    where, wish = machine(), shot(EPIC, seconds=Fraction(2), size=SQUARE)
    made = replace(plan_shot(wish, EPIC, where), peak_bytes=100 * GiB)
    lower = step_down(made, wish, EPIC, where)
    assert str(lower.rung) == "streamed, guidance in two passes, in chunks"


def test_below_the_processor_there_is_only_less_memory():
    where, wish = machine(**NO_GPU), shot(EPIC, seconds=Fraction(2), size=SQUARE)
    made = plan_shot(wish, EPIC, where)
    lower = step_down(made, wish, EPIC, where)
    assert lower.ram_bytes < made.ram_bytes
    with pytest.raises(PlanRefused):
        step_down(replace(made, ram_bytes=lower.ram_bytes), wish, EPIC, where)


@pytest.mark.parametrize("name", ["ltx-2b", "ltx-2b-distilled", "epicrealism"])
def test_from_the_processor_nobody_goes_back_to_the_gpu(name):
    """Not even to a smaller size: what ran out there would run out again."""
    where, card = imagine(vram=8 * GiB, ram=64 * GiB), find_card(name)
    wish = shot(card, seconds=Fraction(4))
    made = plan_shot(wish, card, where)
    devices = [made.device]
    with suppress(PlanRefused):
        while True:
            made = step_down(made, wish, card, where)
            devices.append(made.device)
    assert devices == sorted(devices, reverse=True)
    assert set(devices) == {"cuda", "cpu"}


def test_after_nan_a_safer_dtype_then_none():
    wish, where = shot(EPIC, seconds=Fraction(2), size=SQUARE), machine(vram_free=80 * GiB)
    first = plan_shot(wish, EPIC, where)
    second = safer(first, wish, EPIC, where)
    third = safer(second, wish, EPIC, where)
    assert [p.dtype for p in (first, second, third)] == ["float16", "bfloat16", "float32"]
    assert third.peak_bytes > second.peak_bytes == first.peak_bytes
    assert safer(first, wish, EPIC, replace(where, bf16=False)).dtype == "float32"
    with pytest.raises(PlanRefused, match="no safer dtype"):
        safer(third, wish, EPIC, where)


def test_stepping_down_keeps_a_safer_dtype():
    wish, where = shot(EPIC, seconds=Fraction(2), size=SQUARE), machine(vram_free=12 * GiB)
    second = safer(plan_shot(wish, EPIC, where), wish, EPIC, where)
    assert step_down(second, wish, EPIC, where).dtype == "bfloat16"


@pytest.mark.once
def test_ten_thousand_plans_leave_a_tenth_free():
    """Whatever is planned for a cap leaves 10 % of it free, by the formula."""
    draw = random.Random(20261123)
    every = [one for card in ALL for one in card.each_set]
    made = 0
    for number in range(10_000):
        cap = draw.choice([2, 3.1, 3.4, 6, 10])
        where = machine(vram_free=int(cap * GiB), system=draw.choice(["Linux", "Windows"]))
        card = every[number % len(every)]
        led = card.reach.kind == "lead" and draw.random() < 0.5
        wish = shot(
            card,
            seconds=Fraction(draw.randint(10, 80), 10),
            size=draw.choice(list(ASPECTS.values())),
            preset=draw.choice(sorted(card.presets)),
            image="start.png" if led else None,
        )
        try:
            chosen = plan_shot(wish, card, where)
        except PlanRefused:
            continue
        assert chosen.peak_bytes <= 0.9 * cap * GiB
        made += 1
    assert made > 8_000


def test_the_bundled_model_is_not_recommended_in_its_own_place():
    with pytest.raises(PlanRefused) as refused:
        plan(find_card("spark"), machine(**NO_GPU, ram_free=GiB // 2))
    assert refused.value.hint == "Close other programs."

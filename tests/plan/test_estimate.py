"""Predictions against measurements: full-size networks with random weights on one H100, under an
allocator capped at 3.4 GiB, which is what a 4 GB card leaves a program."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.toys import CARDS, LED, NO_GPU, cards, machine
from reelkiln.plan.estimate import Job, device_need, pinned_need, ram_need, seconds_need
from reelkiln.plan.ladder import CPU_LADDER, LADDER, Rung, illegal
from reelkiln.plan.machine import GiB, MiB
from reelkiln.reel import Size

EPIC = CARDS["epicrealism"]
SQUARE = Size(512, 512)
CAP = 3.4 * GiB
STAGED = Rung(residence="staged")
STREAMED = Rung(residence="streamed")
EIGHT = Rung(residence="staged", storage_bits=8)


def job(card=EPIC, preset="standard", size=SQUARE, frames=16, dtype="float16"):
    return Job(card=card, preset=card.presets[preset], size=size, frames=frames, dtype=dtype)


def ltx(frames=49):
    return job(LED, size=Size(704, 480), frames=frames, dtype="bfloat16")


@pytest.mark.parametrize(
    ("what", "rung", "measured"),
    [
        (job(), STAGED, 4.52),  # only the denoiser was on the device
        (ltx(), STAGED, 3.76),
        (ltx(), EIGHT, 1.98),
        (ltx(121), EIGHT, 2.16),
        (ltx(), STREAMED, 0.51),
    ],
)
def test_denoising_holds_what_was_measured(what, rung, measured):
    need = device_need(what, rung)["denoise"]
    assert need.live == pytest.approx(measured * GiB, rel=0.15)
    assert measured * GiB <= need.peak <= 1.25 * measured * GiB


def test_resident_network_is_predicted_within_one_percent():
    assert device_need(job(), STAGED)["denoise"].live == pytest.approx(4.52 * GiB, rel=0.01)


def test_streamed_blocks_hold_more_than_streamed_leaves():
    """Leaf by leaf, 2.07 GiB were measured: nearly all of it working memory, which blocks share."""
    need = device_need(job(), STREAMED)["denoise"]
    assert need.working + 40 * MiB == pytest.approx(2.07 * GiB, rel=0.01)
    assert 2.07 * GiB < need.peak < CAP


@pytest.mark.parametrize(
    ("what", "rung"),
    [
        (job(), Rung(residence="resident")),
        (job(), STAGED),  # model offload
        (job(), EIGHT),  # fp8 storage with both halves in one batch
        (job(), Rung(residence="staged", split=True)),  # feed-forward in chunks
        (ltx(), STAGED),
    ],
)
def test_what_ran_out_of_memory_is_predicted_not_to_fit(what, rung):
    assert device_need(what, rung)["denoise"].peak > CAP


@pytest.mark.parametrize(
    ("what", "rung"),
    [
        (job(), STREAMED),
        (job(), replace(EIGHT, two_pass=True)),
        (ltx(), EIGHT),
        (ltx(), STREAMED),
        (ltx(121), EIGHT),
    ],
)
def test_what_ran_is_predicted_to_fit(what, rung):
    assert device_need(what, rung)["denoise"].peak < CAP


def test_decoding_16_frames_in_one_call_takes_what_was_measured():
    """docs/measured/rungs.md: 19.6 GiB reserved, 2.6 of them weights; ComfyUI budgets 1,089 MiB."""
    whole = device_need(job(), Rung(residence="staged", decode="whole"))["decode"]
    single = device_need(job(), STAGED)["decode"]
    assert whole.working == pytest.approx((19.6 - 2.6) * GiB, rel=0.02)
    assert single.working == pytest.approx(1089 * MiB, rel=0.02)


def test_25_guided_steps_take_the_measured_time_on_an_h100():
    h100 = machine(gpu="NVIDIA H100 80GB HBM3")
    more = replace(EPIC.presets["standard"], steps=50)
    job_50 = replace(job(), preset=more)
    steps_25 = seconds_need((job_50,), STAGED, h100) - seconds_need((job(),), STAGED, h100)
    assert steps_25 == pytest.approx(4.15, rel=0.05)


@pytest.mark.parametrize(
    ("preset", "card", "seconds"),
    [("standard", "epicrealism", 122), ("standard", "epicrealism-lightning", 14.6)],
)
def test_the_laptop_is_bound_by_arithmetic(preset, card, seconds):
    """888 or 71 TFLOP of denoising and 40 of decoding at 7.6 TFLOP/s, half of the GPU's peak."""
    laptop = machine()
    staged, streamed = (
        seconds_need((job(CARDS[card], preset),), rung, laptop) for rung in (STAGED, STREAMED)
    )
    assert staged == pytest.approx(seconds, abs=12)
    assert streamed == staged  # a step outlasts its copy, which it overlaps


def test_a_step_shorter_than_its_copy_lasts_as_long_as_the_copy():
    tiny = job(size=Size(256, 256), frames=1)
    fast = machine(gpu="NVIDIA H100")
    more = seconds_need((tiny,), STREAMED, fast) - seconds_need((tiny,), STAGED, fast)
    assert more == pytest.approx(25 * 2.6254e9 / 12e9, rel=0.03)


def test_chunks_and_passes_lower_the_working_memory_as_counted():
    def working(rung):
        return device_need(job(), rung)["denoise"].working / MiB

    assert working(STAGED) == pytest.approx(2080, rel=0.01)
    assert working(Rung(residence="staged", two_pass=True)) == pytest.approx(1040, rel=0.01)
    assert working(Rung(residence="staged", two_pass=True, split=True)) == pytest.approx(680, 0.02)


def test_the_bundled_model_on_the_processor_holds_what_was_measured():
    spark = job(CARDS["spark"], size=Size(128, 224), dtype="float32")
    need = ram_need(spark, CPU_LADDER[0])
    assert 641 * MiB <= need < 1.1 * 641 * MiB  # measured: peak of a whole render


def test_only_streamed_weights_are_pinned():
    assert pinned_need(job(), STAGED) == 0
    assert pinned_need(job(), STREAMED) == pytest.approx(2504 * MiB, rel=0.01)


def test_the_processor_has_no_device_memory():
    assert device_need(job(dtype="float32"), CPU_LADDER[0]) == {}


rungs = st.sampled_from([*LADDER, EIGHT])


@given(cards, rungs, st.integers(1, 90), st.integers(4, 20), st.integers(4, 20))
def test_more_frames_or_pixels_never_need_less(card, rung, frames, wide, high):
    small = job(card, size=Size(wide * 32, high * 32), frames=frames)
    shapes = (
        replace(small, frames=frames + 1),
        replace(small, size=Size(wide * 32 + 32, high * 32)),
        replace(small, size=Size(wide * 32, high * 32 + 32)),
        replace(small, dtype="float32"),
    )
    for large in shapes:
        for stage, need in device_need(small, rung).items():
            assert device_need(large, rung)[stage].peak >= need.peak
        assert ram_need(large, rung) >= ram_need(small, rung)
        assert seconds_need((large,), rung, machine()) >= seconds_need((small,), rung, machine())


@given(cards, st.integers(1, 90))
def test_frugal_ways_never_need_more(card, frames):
    what = job(card, frames=frames)

    def peak(rung):
        return max(need.peak for need in device_need(what, rung).values())

    for lavish in LADDER:
        if illegal(lavish, card):
            continue
        frugal = [replace(lavish, two_pass=True), replace(lavish, decode="frames")]
        frugal += [replace(lavish, split=True)] if card.costs.split_bytes else []
        frugal += [replace(lavish, residence="staged")] if lavish.residence == "resident" else []
        frugal += [replace(lavish, storage_bits=8)]
        for rung in frugal:
            assert peak(rung) <= peak(lavish)


@given(cards, st.integers(2, 90))
def test_the_ladder_is_ordered_fastest_first(card, frames):
    what, laptop = job(card, frames=frames), machine()
    seconds = [seconds_need((what,), rung, laptop) for rung in LADDER if not illegal(rung, card)]
    assert seconds == sorted(seconds)


@given(cards, st.integers(1, 90))
def test_two_segments_take_longer_than_one_but_load_once(card, frames):
    what, cpu = job(card, frames=frames, dtype="float32"), machine(**NO_GPU)
    one, two = (seconds_need((what,) * n, CPU_LADDER[0], cpu) for n in (1, 2))
    assert one < two < 2 * one

"""LTX on the GPUs that small brands own: a plan exists, and it is the right one."""

from dataclasses import replace
from fractions import Fraction

import pytest

from plan.toys import CARDS, machine, shot
from reelkiln.errors import UsageError
from reelkiln.plan.card import Costs, Part, Preset
from reelkiln.plan.estimate import Job, device_need, ram_need
from reelkiln.plan.ladder import Rung, rungs
from reelkiln.plan.machine import GiB, MiB, imagine
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import ASPECTS, Size

DISTILLED, DEV = CARDS["ltx-2b-distilled"], CARDS["ltx-2b"]


def plan(card, where, **changes):
    return plan_shot(shot(card, **changes), card, where)


@pytest.mark.parametrize("card", [DISTILLED, DISTILLED.with_set("bf16"), DEV], ids=lambda c: c.name)
@pytest.mark.parametrize("system", ["Linux", "Windows"])
@pytest.mark.parametrize("ram", [8, 16])
@pytest.mark.parametrize("image", [None, "start.png"])
def test_4_gib_and_8_gib_of_ram_are_enough_for_1_to_8_seconds(card, system, ram, image):
    where = imagine(vram=4 * GiB, ram=ram * GiB, system=system)
    for seconds in (Fraction(1), Fraction(21, 10), Fraction(5), Fraction(8)):
        for size in ASPECTS.values():
            made = plan(card, where, seconds=seconds, size=size, image=image)
            assert made.device == "cuda"
            assert made.dtype == "bfloat16"
            assert made.peak_bytes < where.vram_free
            shown = sum(one.frames - one.lead_frames for one in made.segments)
            assert seconds * 24 <= shown < seconds * 24 + 9
            for one in made.segments:
                assert one.frames % 8 == 1
                assert one.lead_frames in (0, 9)
            assert made.size.width % 32 == made.size.height % 32 == 0


def test_what_lies_in_8_bits_is_kept_in_8_bits_before_it_is_streamed():
    where = imagine(vram=4 * GiB, ram=16 * GiB)
    made = plan(DISTILLED, where).rung
    assert made == Rung(residence="staged", storage_bits=8, decode="long")
    assert plan(DISTILLED.with_set("bf16"), where).rung.residence == "streamed"
    assert plan(DISTILLED.with_set("bf16"), where).rung.storage_bits == 16
    little = imagine(vram=4 * GiB, ram=8 * GiB)  # too little to pin 16 bits
    assert plan(DISTILLED.with_set("bf16"), little).rung.storage_bits == 8


def test_eight_gib_of_ram_are_enough_for_five_seconds_at_full_size():
    for system in ("Linux", "Windows"):
        made = plan(DISTILLED, imagine(vram=4 * GiB, ram=8 * GiB, system=system), seconds=5)
        assert made.segments[0].frames == 121 and made.size.pixels >= 480 * 704, system
        assert made.ram_bytes < 5 * GiB


def test_more_memory_needs_no_8_bits():
    assert plan(DISTILLED, imagine(vram=24 * GiB, ram=32 * GiB)).rung == Rung(
        residence="resident", decode="whole"
    )


def test_little_memory_is_decoded_in_tiles():
    made = plan(DISTILLED, imagine(vram=9 * GiB // 4, ram=16 * GiB))
    assert made.rung.decode == "tiles"
    assert "decoded in tiles" in str(made.rung)


def test_rungs_of_tiles_are_for_cards_that_know_tiles():
    flat = replace(DISTILLED, costs=replace(DISTILLED.costs, decode_tile=0))
    known = rungs(flat, flat.presets["standard"], gpu=True, bits=16)
    assert not any(rung.decode == "tiles" for rung in known)


def job(card=DISTILLED, frames=121, lead=0):
    return Job(
        card=card,
        preset=card.presets["standard"],
        size=Size(704, 480),
        frames=frames,
        dtype="bfloat16",
        lead=lead,
    )


def test_the_counted_figures_of_the_published_shapes():
    """Tokens, bytes and windows as counted: research of the 2B model, table of decoding."""
    assert job().cells == 16 * 15 * 22 == 5280
    staged = device_need(job(), Rung(residence="staged", storage_bits=8))
    assert staged["denoise"].weights == 1_923_385_472
    assert staged["denoise"].working == 5280 * 65_700
    assert staged["decode"].working == 33 * 704 * 480 * 53
    tiles = device_need(job(), Rung(residence="staged", storage_bits=8, decode="tiles"))
    assert tiles["decode"].working == 33 * 256 * 256 * 53
    whole = device_need(job(frames=17), Rung(residence="staged", decode="frames"))
    assert whole["decode"].working == 17 * 704 * 480 * 53  # fewer frames than a window holds


def test_a_passing_part_holds_two_blocks_on_the_device_and_no_ram():
    rung = Rung(residence="staged", storage_bits=8)
    picture, words = 694_098_881 * 2, 385_892_352 * 2
    assert device_need(job(), rung)["encode"].weights == words
    need = device_need(replace(job(), lead=1), rung)["encode"]
    assert need.weights == max(picture, words)
    # One frame of a picture, nine of the run before: counted on the published shapes.
    assert need.working == 704 * 480 * 118
    assert device_need(job(lead=9), rung)["encode"].working == 9 * 704 * 480 * 118
    assert device_need(job(), rung)["encode"].working == 0
    resident = device_need(job(), Rung(residence="resident"))
    kept = 2 * (1_923_385_472 + 552_814_641)
    assert resident["encode"].weights == kept + words
    assert resident["decode"].weights == kept
    assert ram_need(job(), rung) < 5.5 * GiB
    assert ram_need(job(), Rung(residence="cpu", storage_bits=32)) < 14 * GiB


def test_frames_to_begin_from_cost_working_memory():
    rung = Rung(residence="staged", storage_bits=8)
    alone, led = (device_need(job(lead=lead), rung)["denoise"].working for lead in (0, 1))
    assert led - alone == 5280 * 50_000
    # A second run is led by the first: the plan counts with it.
    short = plan(DISTILLED, machine(), seconds=Fraction(5))
    long = plan(DISTILLED, machine(), seconds=Fraction(8))
    assert max(one.frames for one in long.segments) == short.segments[0].frames
    assert long.peak_bytes >= short.peak_bytes


@pytest.mark.parametrize("seconds", [1, Fraction(21, 10), 4, 8])
def test_a_wish_between_legal_counts_is_told(seconds):
    made = plan(DISTILLED, machine(), seconds=Fraction(seconds))
    (line,) = (line for line in made.because if "frames a second" in line)
    assert "the least count of 8n + 1 that is enough" in line
    assert "cut off" in line


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sigmas": (1.0, 0.5)}, "distilled for 2 steps, not 3"),
        ({"sigmas": (0.5, 1.0, 0.2)}, "must fall"),
        ({"sigmas": (1.0, 0.5, 0.0)}, "stay above 0"),
        ({"sigmas": (1.5, 0.5, 0.1)}, "at most 1"),
    ],
)
def test_noise_levels_that_cannot_be_are_refused(change, word):
    with pytest.raises(UsageError, match=word):
        Preset(**{"steps": 3, "guidance": 1.0, "scheduler": "X", **change})


@pytest.mark.parametrize(
    "change",
    [
        {"decode_window": 12},
        {"decode_window": 0},
        {"decode_long": 32},
        {"decode_long": 68},
        {"decode_tile": 100},
        {"led_bytes": -1},
        {"encode_bytes": -1},
    ],
)
def test_costs_that_cannot_be_are_refused(change):
    with pytest.raises(UsageError):
        replace(DISTILLED.costs, **change)
    assert isinstance(DISTILLED.costs, Costs)


def test_a_lead_that_is_no_whole_run_is_refused():
    with pytest.raises(UsageError, match="reach: lead"):
        replace(DISTILLED, reach=replace(DISTILLED.reach, lead=8))


def test_a_streamed_block_is_two_of_28():
    (transformer,) = (part for part in DISTILLED.parts if part.stage == "denoise")
    assert isinstance(transformer, Part)
    assert transformer.largest_block == 2 * 67_155_968
    assert transformer.params * 2 / MiB == pytest.approx(3669, abs=1)

"""Plans go by what was measured on this machine, where something was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.models.cards import find_card
from reelkiln.plan.attempt import attempt, gpu_dtype, kind_of
from reelkiln.plan.calibration import Calibration, Kind, Line, Measured, Spent, fit_line
from reelkiln.plan.figures import figures_of, together
from reelkiln.plan.form import read, write
from reelkiln.plan.machine import GiB, imagine
from reelkiln.plan.outline import outline
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot

CARD = find_card("epicrealism")
SHOT = Shot(prompt="a jar", model="epicrealism")
SMALL = imagine(vram=4 * GiB, ram=16 * GiB)
LARGE = imagine(vram=8 * GiB, ram=32 * GiB)
factor = st.floats(0.5, 4)
seconds = st.floats(0, 1e4)
above = st.floats(1e-3, 1e4)


def kind(machine=SMALL, card=CARD, **other):
    plan = plan_shot(SHOT, card, replace(machine, measured=Calibration()))
    own = kind_of(card, outline(SHOT, card).preset, plan.rung)
    return replace(own, **other)


def told(machine, of=None, **figures):
    entry = Measured(kind=of or kind(machine), on="2026-11-26", runs=6, **figures)
    return replace(machine, measured=Calibration(known=(entry,)))


# ── the fit ──────────────────────────────────────────────────────────────────────────────────────


@given(st.floats(0, 100), st.floats(0, 50), st.lists(above, min_size=2, max_size=9, unique=True))
def test_a_fit_finds_the_constants_that_made_the_points(fixed, slope, places):
    made = fit_line([(x, fixed + slope * x) for x in places])
    for x in places:
        assert made.at(x) == pytest.approx(fixed + slope * x, rel=1e-6, abs=1e-6)


@given(
    st.floats(0, 100),
    st.floats(0.1, 50),
    st.lists(st.integers(1, 1000), min_size=7, max_size=12, unique=True),
    st.integers(0, 6),
    st.floats(1.5, 100),
)
def test_one_wild_point_of_seven_moves_nothing(fixed, slope, places, which, factor):
    points = [(float(x), fixed + slope * x) for x in places]
    x, y = points[which]
    points[which] = (x, y * factor + 1)
    made = fit_line(points)
    assert (made.fixed, made.slope) == pytest.approx((fixed, slope), rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(above, seconds), max_size=12), seconds, seconds, st.integers(1, 5))
def test_a_fit_is_never_negative_and_never_falls(points, one, other, segments):
    made = fit_line(points)
    less, more = sorted((one, other))
    assert 0 <= made.at(less, segments) <= made.at(more, segments)


def test_at_one_place_the_ratio_counts_and_of_nothing_the_formula_stands():
    assert fit_line([(2.0, 5.0), (2.0, 7.0), (2.0, 6.0)]) == Line(0.0, 3.0)
    assert fit_line([]) == fit_line([(0.0, 9.0)]) == Line(0.0, 1.0)
    # Through (1, 1) and (2, 4) a line would begin at -2: nothing takes less than no time.
    assert fit_line([(1.0, 1.0), (2.0, 4.0)]) == Line(0.0, 1.5)
    assert fit_line([(1.0, 4.0), (2.0, 1.0)]).slope > 0


# ── whose figures ────────────────────────────────────────────────────────────────────────────────

WANTED = Kind(
    model="a", family="f", params=100, preset="standard", device="cuda", rung="streamed"
)  # fmt: skip


def entry(on="2026-11-01", **figures):
    of = replace(WANTED, **{k: figures.pop(k) for k in tuple(figures) if hasattr(WANTED, k)})
    return Measured(kind=of, on=on, runs=2, **figures)


def of(*known):
    found = Calibration(known=known).of(WANTED)
    return None if found is None else (found.whose, found.figures.start)


def test_the_nearest_figures_count():
    own = entry(start=1.1)
    preset, rung = entry(start=1.2, preset="draft"), entry(start=1.3, rung="staged")
    kin, far = entry(start=1.4, model="b"), entry(start=1.5, model="b", rung="staged")
    everything = (far, kin, rung, preset, own)
    for left in range(len(everything), 0, -1):
        nearest = everything[left - 1]
        whose = "this way" if nearest is own else "this model"
        whose = "its family" if nearest.kind.model == "b" else whose
        assert of(*everything[:left]) == (whose, nearest.start)
    assert of() is None


def test_other_devices_families_and_sizes_say_nothing():
    """Spark is of AnimateDiff's family and a hundredth of its size: its steps on a GPU are the time
    to start kernels, from which nothing follows for a network that computes."""
    assert of(entry(device="cpu")) is None
    assert of(entry(model="b", family="g")) is None
    assert of(entry(model="b", params=301)) is None
    assert of(entry(model="b", params=34)) == ("its family", 1.0)


def test_several_are_pooled_the_middle_of_seconds_and_the_largest_of_sizes():
    rungs = [("x", 1.0, 0.9), ("y", 2.0, 1.4), ("z", 9.0, 1.0)]
    known = tuple(
        entry(rung=r, start=s, vram=v, denoise=Line(s, s), on=f"2026-11-0{i}")
        for i, (r, s, v) in enumerate(rungs, 1)
    )
    found = Calibration(known=known).of(WANTED)
    assert found.figures.start == found.figures.denoise.slope == 2.0
    assert (found.figures.vram, found.figures.runs) == (1.4, 6)
    assert str(found) == "measured here on 2026-11-03 with another way of this model, 6 clips"


def test_newer_entries_take_the_place_of_older_ones_of_their_kind():
    old, other = entry(start=1.0), entry(start=1.0, preset="draft")
    new = entry(start=2.0)
    assert Calibration(known=(old, other)).with_more(Calibration(known=(new,))).known == (
        other,
        new,
    )


def test_a_calibration_is_written_and_read_back():
    whole = Calibration(known=(entry(denoise=Line(0.5, 2.0)), entry(preset="draft")))
    assert read(Calibration, write(whole), "") == whole


# ── plans ────────────────────────────────────────────────────────────────────────────────────────


def test_seconds_and_bytes_follow_what_was_measured_and_the_plan_says_so():
    plain = plan_shot(SHOT, CARD, SMALL)
    known = told(
        SMALL, start=1.5, encode=3.0, denoise=Line(2.0, 0.5), decode=Line(1.0, 4.0), vram=0.9,
        ram=1.1,
    )  # fmt: skip
    plan = plan_shot(SHOT, CARD, known)
    assert plan.rung == plain.rung
    what = outline(SHOT, CARD)
    spent = attempt(what, plan.rung, SMALL, gpu_dtype(CARD, SMALL), plan.kept_bytes).formula.spent
    wanted = 1.5 * spent.start + 3.0 + 2.0 + 0.5 * spent.denoise + 1.0 + 4.0 * spent.decode
    assert plan.seconds_estimate == pytest.approx(wanted, abs=0.06)
    # What is not needed keeps more of the network on the device: the budget is filled either way.
    assert plan.kept_bytes > plain.kept_bytes
    assert plan.peak_bytes == pytest.approx(plain.peak_bytes, rel=0.03)
    assert plan.ram_bytes == pytest.approx(1.1 * plain.ram_bytes, rel=1e-6)
    assert plan.because[-1].endswith("time and memory as measured here on 2026-11-26, 6 clips.")
    assert "by the formula" in plain.because[-1]
    assert "RTX 3050 Ti was assumed" in plain.because[-1]


def test_a_plan_says_where_its_figures_come_from():
    plain, known = plan_shot(SHOT, CARD, SMALL), told(SMALL, denoise=Line(0.0, 2.0))
    plan = plan_shot(SHOT, CARD, known)
    counted, measured = figures_of(plain, SHOT, CARD, SMALL), figures_of(plan, SHOT, CARD, known)
    assert (counted.source, counted.of, counted.clips) == ("formula", "", 0)
    assert (measured.source, measured.of) == ("measured", "this way")
    assert (measured.on, measured.clips) == ("2026-11-26", 6)
    for figures, of_plan in ((counted, plain), (measured, plan)):
        whole = figures.start_seconds + figures.first_seconds
        assert whole == pytest.approx(of_plan.seconds_estimate, abs=0.2)
    # Another preset of the model goes by it too, and says so.
    draft = replace(SHOT, preset="draft")
    assert figures_of(plan_shot(draft, CARD, known), draft, CARD, known).of == "this model"


def test_a_plan_tells_the_first_clip_of_a_process_from_each_further_one():
    known = told(SMALL, first=3.0, encode=2.0, denoise=Line(4.0, 0.0), decode=Line(1.0, 0.0))
    figures = figures_of(plan_shot(SHOT, CARD, known), SHOT, CARD, known)
    assert (figures.first_seconds, figures.further_seconds, figures.words_seconds) == (10, 5, 2)
    assert figures.uncounted == ()
    assert together([figures] * 3) == pytest.approx(figures.start_seconds + 10 + 2 * (5 + 2))
    # The formula knows no difference, so it says what it leaves out, in the reasons too.
    plain = plan_shot(SHOT, CARD, SMALL)
    figures = figures_of(plain, SHOT, CARD, SMALL)
    assert figures.first_seconds == figures.further_seconds
    assert figures.uncounted == ("encoding new words", "choosing the GPU's kernels")
    assert all(each in plain.because[-1] for each in figures.uncounted)
    without = imagine(vram=0, ram=64 * GiB)
    assert figures_of(plan_shot(SHOT, CARD, without), SHOT, CARD, without).uncounted == (
        "encoding new words",
    )


def test_what_was_measured_of_another_device_or_a_small_kin_changes_nothing():
    plain = plan_shot(SHOT, CARD, SMALL)
    for other in (
        kind(device="cpu"),
        kind(model="spark", params=9_551_992),
        kind(model="x", family="ltx"),
    ):
        assert plan_shot(SHOT, CARD, told(SMALL, of=other, vram=2.0, start=3.0)) == plain


def test_a_model_that_turned_out_larger_steps_down_by_itself():
    plain = plan_shot(SHOT, CARD, LARGE)
    worse = plan_shot(SHOT, CARD, told(LARGE, vram=1.6))
    assert worse.rung != plain.rung
    assert worse.peak_bytes <= LARGE.vram_free


def test_sets_of_files_count_as_one_model():
    half = replace(CARD, name="epicrealism@bf16")
    preset = outline(SHOT, CARD).preset
    rung = plan_shot(SHOT, CARD, SMALL).rung
    assert kind_of(half, preset, rung) == kind_of(CARD, preset, rung)


@given(factor, factor, st.sampled_from([4, 6, 8, 12]))
def test_a_plan_is_legal_whatever_was_measured(vram, ram, size):
    machine = told(imagine(vram=size * GiB, ram=64 * GiB), vram=vram, ram=ram)
    plan = plan_shot(SHOT, CARD, machine)
    assert plan.peak_bytes <= machine.vram_free
    assert plan.ram_bytes / ram <= machine.ram_free


def test_seconds_of_a_plan_in_segments_count_the_fixed_part_for_each():
    spent = Spent(start=10.0, moves=99.0, denoise=4.0, decode=2.0)
    known = entry(start=0.5, first=7.0, encode=1.0, denoise=Line(3.0, 2.0), decode=Line(0.5, 1.0))
    assert known.seconds(spent, 2) == 5 + 7 + 1 + (6 + 8) + (1 + 2)


def test_ram_that_was_held_here_is_told_and_refuses_nothing():
    """Measured peaks count mapped files, which the system takes back: what ran here fits here."""
    plain = plan_shot(SHOT, CARD, SMALL)
    held = plan_shot(SHOT, CARD, told(SMALL, ram=4.0))
    assert held.rung == plain.rung
    assert held.ram_bytes == pytest.approx(4 * plain.ram_bytes, rel=1e-6)


@pytest.mark.parametrize(
    "name, value",
    [
        ("vram", 0.0),
        ("vram", -1.0),
        ("ram", 0.0),
        ("start", -0.1),
        ("first", -1.0),
        ("encode", -1.0),
    ],
)
def test_figures_that_nothing_can_have_been_measured_as_are_refused(name, value):
    entry = write(Measured(kind=kind(), on="2026-11-26", runs=6))
    with pytest.raises(UsageError, match="must"):
        read(Measured, {**entry, name: value}, "calibration.json")


@pytest.mark.parametrize("line", [(-0.1, 1.0), (0.0, -0.1)])
def test_a_line_that_falls_or_begins_below_nothing_is_refused(line):
    with pytest.raises(UsageError, match="must not fall"):
        Line(*line)

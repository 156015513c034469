"""From trials to a table: medians, repeats, what changed, what fewer steps cost, factors."""

from dataclasses import replace
from fractions import Fraction

import pytest

from reelkiln.kiln.calibrate import calibrated, keep_calibration, learnt
from reelkiln.kiln.comparison import Report, changes, qualities, summaries
from reelkiln.kiln.history import keep_report, kept_reports
from reelkiln.kiln.trial import Shape, Trial
from reelkiln.models.cards import find_card
from reelkiln.plan.machine import GiB, imagine
from reelkiln.reel import Size

TALL, SQUARE = Shape("9:16", Fraction(2)), Shape("1:1", Fraction(2))
CARDS = {"spark": find_card("spark")}


def trial(**more):
    """Ten seconds of rendering for two seconds of video."""
    plain = Trial(
        model="spark",
        family="animatediff",
        preset="standard",
        shape=TALL,
        prompt="a jar",
        repeat=0,
        size=Size(128, 224),
        frames=16,
        video=2.0,
        steps=8,
        device="cpu",
        took={"load": 4.0, "encode": 1.0, "denoise": 6.0, "decode": 3.0, "check": 0.5},
        counted=25.0,
        counted_start=5.0,
        peak_ram=GiB,
        counted_ram=2 * GiB,
        takes=1,
        kept=True,
        marks={"softness": 0.2, "luma": 99.0},
        sha256=("aa",),
    )
    return replace(plain, **more)


def report(*trials, when="2026-11-26T10:00:00+00:00", **versions):
    return Report(when=when, machine="here", versions=versions, trials=trials)


def quick(factor):
    took = {"denoise": 10.0 * factor}
    return trial(took=took)


def test_a_row_is_what_its_trials_come_to():
    trials = (
        trial(joules=7200.0),
        trial(repeat=1, took={"denoise": 11.0}, joules=7200.0, peak_ram=3 * GiB),
        trial(shape=SQUARE, took={"denoise": 2.0}, kept=False, marks={"softness": 0.4}),
        trial(failure="ran out of memory", video=0.0),
    )
    (row,) = summaries(report(*trials), CARDS)
    assert (row.runs, row.failed, row.failures) == (4, 1, ("ran out of memory",))
    assert row.pace == 5.0
    assert row.paces == {"9:16, 2 s (128x224)": 5.25, "1:1, 2 s (128x224)": 1.0}
    assert row.load == 4.0
    assert row.peak_ram == 3 * GiB
    assert row.kept == 2
    assert row.wh_per_second == 1.0
    assert row.cost(0.30) == pytest.approx(0.0003)
    assert row.spread == pytest.approx(1 / 10.5)
    assert row.same is True
    assert row.marks == {"softness": 0.2}
    assert (row.licence, row.commercial) == ("Apache-2.0", "allowed")


def test_repeats_with_other_pixels_are_told():
    (row,) = summaries(report(trial(), trial(repeat=1, sha256=("bb",))), CARDS)
    assert row.same is False


def test_where_the_driver_tells_no_energy_watts_can():
    (row,) = summaries(report(trial()), CARDS)
    assert row.wh_per_second is None
    assert row.cost(0.30) is None
    assert row.cost(0.30, watts=72.0) == pytest.approx(5.0 * 72 / 3.6e6 * 0.30)


def test_a_model_that_only_failed_has_a_row():
    (row,) = summaries(report(trial(failure="gone", video=0.0)), CARDS)
    assert (row.pace, row.load, row.spread) == (None, None, None)


def test_an_update_that_slows_things_shows():
    before = report(quick(1.0), when="2026-11-01T09:00:00+00:00", diffusers="0.42.0", torch="2.13")
    now = report(quick(1.25), diffusers="0.42.1", torch="2.13")
    (change,) = changes(now, [before])
    assert str(change) == (
        "spark standard 9:16, 2 s: slower than on 2026-11-01 by 25 %"
        " (diffusers 0.42.0, then 0.42.1)"
    )
    (faster,) = changes(report(quick(0.5)), [before])
    assert "faster than on 2026-11-01 by 50 %" in str(faster)


def test_the_latest_earlier_evening_counts_and_small_differences_do_not():
    old, newer = report(quick(1.0), when="2026-01"), report(quick(2.0), when="2026-02")
    assert changes(report(quick(2.1)), [old, newer]) == ()
    assert changes(report(quick(1.09)), [old]) == ()


@pytest.mark.parametrize("other", [{"size": Size(64, 64)}, {"steps": 4}, {"preset": "draft"}])
def test_only_like_is_held_against_like(other):
    before = report(replace(quick(1.0), **other))
    assert changes(report(quick(3.0)), [before]) == ()
    elsewhere = replace(report(quick(1.0)), machine="there")
    assert changes(report(quick(3.0)), [elsewhere]) == ()


def test_what_fewer_steps_gain_and_cost():
    full = trial(preset="final", steps=16, took={"denoise": 20.0}, marks={"softness": 0.1})
    few = trial(preset="draft", steps=4, took={"denoise": 5.0}, psnr=21.5)
    (row,) = qualities(report(few, full))
    assert (row.preset, row.against, row.steps) == ("draft", "final", 4)
    assert row.faster == 4.0
    assert row.psnr == 21.5
    assert row.marks == {"softness": pytest.approx(0.1)}
    assert qualities(report(full)) == ()


# ── kept and learnt ──────────────────────────────────────────────────────────────────────────────


def test_a_report_is_kept_and_read_back_whole(tmp_path):
    first = report(trial(joules=1.5, psnr=20.0), torch="2.13")
    second = report(trial(failure="gone"), when="2026-11-27T10:00:00+00:00")
    for each in (second, first):
        keep_report(each, tmp_path / "bench")
    (tmp_path / "bench" / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "bench" / "other.json").write_text('{"format": 99}', encoding="utf-8")
    assert kept_reports(tmp_path / "bench") == (first, second)
    assert kept_reports(tmp_path / "nowhere") == ()


def test_factors_are_measured_over_counted():
    known = learnt((trial(), trial(repeat=1)), "2026-11-26").models["spark/cpu"]
    assert known.on == "2026-11-26"
    assert known.start == 0.8  # 4 of 5 seconds
    assert known.render == 0.5  # 10 of 20
    assert known.ram == 0.525  # half of it, and 5 % more
    assert known.vram == 1.0  # no GPU: nothing learnt


def test_a_wild_measurement_is_held_in_bounds_and_failures_teach_nothing():
    wild = learnt((trial(took={"denoise": 9999.0}),), "x").models["spark/cpu"]
    assert wild.render == 4.0
    assert learnt((trial(failure="gone"),), "x").models == {}


def test_calibration_belongs_to_its_machine(tmp_path):
    here = imagine(vram=4 * GiB, ram=16 * GiB)
    assert calibrated(here, tmp_path) is here
    keep_calibration(learnt((trial(),), "a"), here, tmp_path)
    keep_calibration(learnt((trial(model="other"),), "b"), here, tmp_path)
    assert set(calibrated(here, tmp_path).measured.models) == {"spark/cpu", "other/cpu"}
    assert calibrated(imagine(vram=8 * GiB, ram=16 * GiB), tmp_path).measured.models == {}
    (tmp_path / "calibration.json").write_text("{}", encoding="utf-8")
    assert calibrated(here, tmp_path) is here

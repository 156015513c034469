"""From trials to a table: medians, repeats, what changed, what fewer steps cost, and keeping it."""

from dataclasses import replace

import pytest

from kiln.trials import SQUARE, report, trial
from reelkiln.kiln.changes import changes
from reelkiln.kiln.comparison import qualities, summaries
from reelkiln.kiln.history import keep_report, kept_reports
from reelkiln.models.cards import find_card
from reelkiln.plan.machine import GiB
from reelkiln.reel import Size

CARDS = {"spark": find_card("spark")}


def quick(factor):
    took = {"denoise": 10.0 * factor}
    return trial(took=took)


def test_a_row_is_what_its_trials_come_to():
    trials = (
        trial(joules=7200.0),
        trial(repeat=1, took={"denoise": 11.0}, joules=7200.0, peak_ram=3 * GiB),
        trial(prompt="a can", took={"encode": 5.0, "denoise": 12.0}),
        trial(shape=SQUARE, took={"denoise": 2.0}, kept=False, marks={"softness": 0.4}),
        trial(failure="ran out of memory", video=0.0),
    )
    (row,) = summaries(report(*trials), CARDS)
    assert (row.runs, row.failed, row.failures) == (5, 1, ("ran out of memory",))
    assert row.pace == 5.25
    assert row.paces == {"9:16, 2 s (128x224)": 5.5, "1:1, 2 s (128x224)": 1.0}
    assert row.load == 4.0
    assert row.peak_ram == 3 * GiB
    assert row.kept == 3
    assert row.wh_per_second == 1.0
    assert row.cost(0.30) == pytest.approx(0.0003)
    assert row.spread == pytest.approx(1 / 11.5)  # the first of its process does not count
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


def test_another_way_of_arranging_memory_is_told_with_the_change():
    before = report(replace(quick(1.0), rung="resident"), when="2026-11-01T09:00:00+00:00")
    (change,) = changes(report(replace(quick(2.0), rung="streamed")), [before])
    assert str(change).endswith("slower than on 2026-11-01 by 100 % (resident, then streamed)")


def test_what_was_predicted_is_held_against_what_it_took():
    first = trial(counted=25.0, counted_start=5.0, counted_ram=3 * GiB, by="the formula")
    (row,) = summaries(report(first, replace(first, took={"denoise": 40.0})), CARDS)
    assert row.foretold == {"seconds": pytest.approx((2.0 + 0.5) / 2), "ram": 3.0}
    assert row.by == "the formula"


def test_what_fewer_steps_gain_and_cost_clip_by_clip():
    full = trial(preset="final", steps=16, took={"denoise": 20.0}, marks={"softness": 0.1})
    few = trial(preset="draft", steps=4, took={"denoise": 5.0}, psnr=21.5, ssim=0.8)
    few = replace(few, marks={"softness": 0.2})
    (row,) = qualities(report(few, full))
    assert (row.preset, row.against, row.steps) == ("draft", "final", 4)
    assert row.faster == 4.0
    assert (row.psnr, row.ssim) == (21.5, 0.8)
    assert row.marks == {"softness": pytest.approx(0.1)}
    assert qualities(report(full)) == ()
    # An evening that was stopped: what has no counterpart changes nothing.
    alone = replace(full, shape=SQUARE, took={"denoise": 900.0}, marks={"softness": 0.9})
    assert qualities(report(few, full, alone)) == (row,)
    assert qualities(report(replace(few, prompt="a can"), full)) == ()


# ── kept ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", "null", '{"format": 9}', '{"format": 1}'])
def test_what_is_no_report_is_left_out(text, tmp_path):
    (tmp_path / "2026-01-01.json").write_text(text, encoding="utf-8")
    assert kept_reports(tmp_path) == ()


def test_a_report_is_kept_and_read_back_whole(tmp_path):
    first = report(trial(joules=1.5, psnr=20.0), torch="2.13")
    second = report(trial(failure="gone"), when="2026-11-27T10:00:00+00:00")
    for each in (second, first):
        keep_report(each, tmp_path / "bench")
    (tmp_path / "bench" / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "bench" / "other.json").write_text('{"format": 99}', encoding="utf-8")
    assert kept_reports(tmp_path / "bench") == (first, second)
    assert kept_reports(tmp_path / "nowhere") == ()

"""From trials to the figures that plans go by: what is learnt, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kiln.trials import trial
from reelkiln.kiln.calibrate import calibrated, keep_calibration, learnt
from reelkiln.kiln.history import kept_reports
from reelkiln.plan.attempt import Formula
from reelkiln.plan.calibration import Kind, Line, Spent
from reelkiln.plan.machine import GiB, imagine


def counted(denoise=10.0, decode=2.0, **more):
    spent = Spent(start=5.0, moves=0.0, denoise=denoise, decode=decode)
    plain = {"segments": 1, "peak_bytes": 0, "ram_bytes": 2 * GiB}
    return Formula(spent=spent, **{**plain, **more})


KIND = Kind(
    model="spark", family="animatediff", params=9, preset="standard", device="cpu",
    rung="on the processor",
)  # fmt: skip


def taught(denoise=20.0, decode=3.0, formula=None, kind=KIND, **more):
    took = {"load": 4.0, "encode": 0.5, "denoise": denoise, "decode": decode}
    return trial(took=took, kind=kind, formula=formula or counted(), **more)


def only(*trials):
    new = learnt(trials, "2026-11-26")
    assert new.refused == ()
    (known,) = new.calibration.known
    return known


def test_one_shape_teaches_factors():
    known = only(taught(), taught(repeat=1))
    assert (known.kind, known.on, known.runs) == (KIND, "2026-11-26", 2)
    assert known.start == 0.8  # 4 of 5 seconds
    assert known.encode == 0.5
    assert known.denoise == Line(0.0, 2.0)
    assert known.decode == Line(0.0, 1.5)
    assert known.ram == 0.525  # half of it, and 5 % more
    assert known.vram == 1.0  # no GPU: nothing learnt


def test_several_shapes_teach_what_is_fixed_and_what_grows():
    trials = [
        taught(1.0 + 0.5 * x, 0.25 + 2 * y, counted(x, y))
        for x, y in ((4.0, 1.0), (8.0, 2.0), (16.0, 4.0))
    ]
    known = only(*trials, replace(trials[0], repeat=1))
    assert known.denoise == Line(1.0, 0.5)
    assert known.decode == Line(0.25, 2.0)
    for each in trials:
        spent = each.formula.spent
        wanted = 4.0 + each.render_seconds
        assert known.seconds(spent, 1) == pytest.approx(wanted)


def test_segments_are_learnt_one_by_one():
    two = [taught(2 * (1 + 0.5 * x), formula=counted(2 * x, segments=2)) for x in (4.0, 8.0)]
    assert only(*two).denoise == Line(1.0, 0.5)


def test_the_largest_peak_counts_whatever_its_shape():
    pair = (taught(peak_ram=GiB), taught(peak_ram=3 * GiB, repeat=1))
    assert only(*pair).ram == 1.575
    assert only(*(replace(each, peak_ram=99 * GiB) for each in pair)).ram == 4.0
    assert only(*(replace(each, peak_ram=1) for each in pair)).ram == 0.5


def test_the_first_clip_of_a_process_is_learnt_apart():
    """On a GPU it takes several times as long: seen on an H100, 4.5 s of rendering, then 0.9 s."""
    first = taught(24.0, 5.0)
    warm = [
        replace(taught(20.0, 3.0, repeat=n), took={"denoise": 20.0, "decode": 3.0})
        for n in (1, 2, 3)
    ]
    known = only(first, *warm)
    assert (known.denoise, known.decode) == (Line(0.0, 2.0), Line(0.0, 1.5))
    assert known.first == pytest.approx(6.0)
    assert known.encode == 0.5
    assert known.seconds(first.formula.spent, 1) == pytest.approx(4.0 + 0.5 + 24.0 + 5.0)
    slow = [replace(first, took={**first.took, "denoise": 400.0}), *warm]
    assert only(*slow).denoise == Line(0.0, 2.0)  # however slow it was, it is no noise
    assert only(first, replace(first, repeat=1)).first == 0.0  # none was warm: all are alike


def test_a_sentence_met_under_another_rung_tells_what_encoding_takes():
    staged = replace(KIND, rung="staged")
    known = [
        replace(taught(kind=staged, repeat=n), took={"denoise": 20.0, "decode": 3.0})
        for n in range(2)
    ]
    new = learnt((taught(), taught(), *known), "x")
    assert {each.encode for each in new.calibration.known} == {0.5}


def test_words_that_were_known_already_do_not_hide_what_encoding_takes():
    cached = [replace(taught(), took={"encode": 0.001, "denoise": 20.0}) for _ in range(4)]
    assert only(taught(), *cached).encode == 0.5


def test_each_way_and_preset_is_learnt_apart():
    staged, draft = replace(KIND, rung="staged"), replace(KIND, preset="draft")
    trials = [taught(d, kind=kind) for d, kind in ((20, KIND), (40, staged), (10, draft))] * 2
    new = learnt(trials, "x")
    assert {each.kind: each.denoise.slope for each in new.calibration.known} == {
        KIND: 2.0, staged: 4.0, draft: 1.0,
    }  # fmt: skip


def refusal(*trials):
    new = learnt(trials, "x")
    assert new.calibration.known == ()
    return new.refused


def test_clips_that_differ_teach_nothing_and_it_is_said():
    (line,) = refusal(taught(20.0), taught(20.0, repeat=1), taught(40.0, repeat=2))
    assert line.startswith("spark (standard, on the processor): 1 of 3 clips took up to ")
    assert "close other programs" in line
    assert only(taught(20.0), taught(22.0), taught(24.0)).denoise.slope == 2.2


def test_one_clip_of_four_that_something_came_between_moves_nothing():
    calm = [taught(20.0, repeat=n) for n in range(4)]
    assert only(*calm, taught(60.0, repeat=4)).denoise == Line(0.0, 2.0)
    assert refusal(*calm[:3], taught(60.0, repeat=3), taught(50.0, repeat=4))


def test_one_clip_a_failed_one_or_another_way_teach_nothing():
    assert "--repeats 2" in refusal(taught())[0]
    assert refusal(trial(failure="gone")) == ()
    (line,) = refusal(trial(), trial(repeat=1))  # stepped down: neither kind nor formula
    assert line == "spark (standard): ran another way than was planned"


def test_calibration_belongs_to_its_machine(tmp_path):
    here = imagine(vram=4 * GiB, ram=16 * GiB)
    assert calibrated(here, tmp_path) is here
    other = replace(KIND, model="other")
    for kind in (KIND, other, KIND):
        new = learnt((taught(kind=kind), taught(kind=kind)), "a")
        keep_calibration(new.calibration, here, tmp_path)
    known = calibrated(here, tmp_path).measured.known
    assert [each.kind for each in known] == [other, KIND]
    assert calibrated(imagine(vram=8 * GiB, ram=16 * GiB), tmp_path).measured.known == ()
    # What an older version kept, or a person broke, is as if it were not there.
    kept = json.loads((tmp_path / "calibration.json").read_text("utf-8"))
    kept["known"][0]["vram"] = 0.0  # plans divide by it
    older = {"format": 1, "machine": "here", "models": {}}
    for text in ("{}", json.dumps(older), "no JSON", "[1]", "7", json.dumps(kept)):
        (tmp_path / "calibration.json").write_text(text, encoding="utf-8")
        assert calibrated(here, tmp_path) is here


def test_a_real_evening_on_a_gpu_teaches_every_kind():
    """Kept by `reelkiln bench` on an H100 (docs/measured/bench.md), whose first clips took up to
    five times as long as the others."""
    kept = kept_reports(Path(__file__).parents[2] / "docs" / "measured" / "bench-h100")
    trials = [trial for evening in kept for trial in evening.trials]
    new = learnt(trials, "x")
    assert new.refused == ()
    assert len(new.calibration.known) == 4
    for one in trials:
        known = new.calibration.of(one.kind).figures
        spent = one.formula.spent
        whole = known.seconds(spent, 1)
        if one.took.get("load"):
            assert whole == pytest.approx(one.took["load"] + one.render_seconds, rel=0.25)
        else:
            drawn = one.took["denoise"] + one.took["decode"]
            warm = known.denoise.at(spent.denoise) + known.decode.at(spent.decode)
            assert warm == pytest.approx(drawn, rel=0.2)
        assert 1.0 <= one.formula.peak_bytes * known.vram / one.peak_vram <= 1.1

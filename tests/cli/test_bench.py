"""`reelkiln bench` as a process: models really rendered, in children of their own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import command, refused, result, run

SMALL = ("--model", "null", "--quick")


def kept():
    """The evenings in the state folder, the oldest first."""
    folder = Path(os.environ["REELKILN_STATE"]) / "bench"
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("REELKILN_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_model_is_measured_and_written_down_in_every_form(state):
    done = run("bench", *SMALL, "--price", "0.3", "--watts", "50", "--html", "b.html",
               "--markdown", "b.md", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = result(done)
    (row,) = told["summaries"]
    assert (row["model"], row["runs"], row["failed"], row["kept"]) == ("null", 2, 0, 2)
    assert row["same"] is True
    assert row["pace"] > 0
    assert row["wh_per_second"] is None
    assert row["peak_ram"] > 50_000_000
    if sys.platform == "linux":
        assert 10_000_000 < row["own_ram"] < row["peak_ram"]
    first, again = told["report"]["trials"]
    assert "load" in first["took"]
    assert "load" not in again["took"]  # the model stayed loaded
    assert first["sha256"] == again["sha256"]
    assert first["video"] == 2.0
    assert kept() == [{"format": 1, **told["report"]}]
    for name in ("b.html", "b.md"):
        page = Path(name).read_text("utf-8")
        assert "null (standard)" in page
        assert "same pixels" in page
        assert "(at 50 W)" in page
    assert "<script" not in Path("b.html").read_text("utf-8")
    assert not [path for path in (state / "scratch").iterdir()]


def test_what_the_gate_refuses_is_measured_all_the_same():
    done = run("bench", *SMALL, "--model", "null-black", "--json")
    assert done.returncode == 0, done.stderr
    well, black = result(done)["summaries"]
    assert well["kept"] == 2
    assert black["kept"] == 0
    assert black["pace"] < 1
    assert [trial["takes"] for trial in result(done)["report"]["trials"]] == [1, 1, 3, 3]


def test_a_preset_that_a_model_lacks_is_refused_before_anything_runs():
    done = run("bench", "--model", "null-led", "--model", "null", "--quick", "--preset", "gone")
    assert "no preset of null-led is called 'gone'" in refused(done, 2)
    assert kept() == []


def test_ctrl_c_keeps_what_was_measured(state):
    running = subprocess.Popen(
        command("bench", *SMALL, "--model", "null-slow", "--html", "b.html"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    for line in running.stderr:
        if line.startswith("[2/4]"):
            break
    for line in running.stderr:
        if line.startswith("rendering"):
            break
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 130, err
    assert "null (standard)" in out
    (evening,) = kept()
    assert evening["whole"] is False
    assert [trial["model"] for trial in evening["trials"]] == ["null", "null"]
    assert "Stopped before the end" in Path("b.html").read_text("utf-8")
    assert not [path for path in (state / "scratch").iterdir()]


def test_an_evening_that_cannot_be_kept_is_shown_all_the_same(state):
    state.mkdir()
    (state / "bench").write_bytes(b"a file where the folder should be")
    done = run("bench", *SMALL, "--json", "--html", "b.html")
    assert done.returncode == 2
    assert [trial["failure"] for trial in result(done)["report"]["trials"]] == ["", ""]
    assert "bench cannot be written: a file has this name" in done.stderr
    assert "Traceback" not in done.stderr
    assert "null (standard)" in Path("b.html").read_text("utf-8")


def aged(when, times, **versions):
    """The one evening that is kept, as if it had been earlier and quicker, as another file."""
    (path,) = [path for path in Path(os.environ["REELKILN_STATE"], "bench").glob("2*.json")][:1]
    evening = json.loads(path.read_text("utf-8"))
    evening["versions"] |= versions
    evening["when"] = when
    for trial in evening["trials"]:
        trial["took"] = {phase: seconds / times for phase, seconds in trial["took"].items()}
    return json.dumps(evening)


def test_calibrated_plans_say_so_and_two_older_evenings_are_compared(state):
    wish = ("plan", "a jar", "--model", "null", "--seconds", "2")
    before = result(run(*wish, "--json"))
    assert (before["figures"]["source"], before["last"]) == ("formula", None)
    measured = run("bench", *SMALL, "--calibrate", "--quiet")
    assert measured.returncode == 0, measured.stderr
    assert "learnt: null (standard, on the processor) from 2 clips" in measured.stderr
    after = result(run(*wish, "--json"))
    file = state / "calibration.json"
    kept_figures = json.loads(file.read_text("utf-8"))
    kept_figures["known"][0]["first"] += 100  # what was measured may be what the formula says
    file.write_text(json.dumps(kept_figures), encoding="utf-8")
    later = result(run(*wish, "--json"))["seconds_estimate"]
    assert later == pytest.approx(after["seconds_estimate"] + 100, abs=0.2)
    assert after["because"][-1].endswith(f"measured here on {kept()[0]['when'][:10]}, 2 clips.")
    assert (after["figures"]["of"], after["figures"]["clips"]) == ("this way", 2)

    (path,) = (state / "bench").glob("*.json")
    older = {
        "2026-01-02T00-00-00": aged("2026-01-02T00:00:00+00:00", 300, driver="550.1", torch="1.0"),
        "2026-02-03T00-00-00": aged("2026-02-03T00:00:00+00:00", 100, driver="570.2", torch="1.0"),
    }
    path.unlink()
    for name, text in older.items():
        path.with_name(f"{name}.json").write_text(text, encoding="utf-8")
    told = run("bench", *SMALL, "--quiet", "--html", "b.html")
    (slower,) = [line for line in told.stdout.splitlines() if "slower" in line]
    assert slower.startswith("null standard 1:1, 2 s: slower than on 2026-02-03 by ")
    assert "driver 570.2, then none; " in slower
    assert "torch 1.0, then " in slower
    page = Path("b.html").read_text("utf-8")
    assert slower in page
    assert "2026-02-03: " in page
    assert "driver 550.1, then 570.2" in page  # the first update, on the line over time
    assert len(kept()) == 3


def test_a_plan_shows_what_the_same_render_took_the_last_time():
    plan = ("plan", "a jar", "--model", "null", "--seconds", "1", "--size", "64x64")
    assert result(run(*plan, "--json"))["last"] is None
    made = run("make", "a jar", *plan[2:], "-o", "a.mp4", "--quiet")
    assert made.returncode == 0, made.stderr
    lines = run(*plan).stdout.splitlines()
    (heads,) = [line for line in lines if "predicted" in line]
    assert heads.split()[0] == "predicted"
    assert "measured 20" in heads
    names = ("memory", "to load", "the first clip", "each further")
    rows = {name: line.partition(name)[2] for line in lines for name in names if name in line}
    assert rows["memory"].count("GiB") == 2
    assert rows["the first clip"].split()[0] == "over"  # the formula leaves something out
    # It was the first of its process. What this model takes to load may be less than is told.
    assert rows["the first clip"].count(" s") == 2
    assert rows["each further"].count(" s") == 1
    last = result(run(*plan, "--json"))["last"]
    assert last["vram"] == 0
    assert last["ram"] > 50_000_000
    assert 0 <= last["load"] < 60
    assert last["first"] > 0
    assert last["further"] == 0
    assert last["on"].startswith("20")
    # Of an imagined machine, or of another length, nothing was measured.
    assert result(run(*plan, "--ram", "8GiB", "--json"))["last"] is None
    assert result(run(*plan[:-3], "2", *plan[-2:], "--json"))["last"] is None
    both = run("make", "a jar", *plan[2:], "-o", "b.mp4", "--count", 2)
    assert "s for the first, 0 s for each further one, " in both.stderr


def test_presets_are_held_against_the_one_with_the_most_steps():
    done = run("bench", "--model", "null-few", "--quick", "--quality", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = result(done)["qualities"]
    assert (row["preset"], row["against"]) == ("draft", "standard")
    assert 5 < row["psnr"] < 60
    assert -1 < row["ssim"] < 1


@pytest.mark.parametrize(
    "page, why",
    [("nowhere/b.html", "its folder does not exist"), ("here", "here is a folder")],
)
def test_a_page_that_could_not_be_written_is_refused_before_anything_runs(page, why):
    Path("here").mkdir()
    told = refused(run("bench", *SMALL, "--html", page), 2)
    assert why in told
    assert kept() == []


def test_a_model_that_is_not_here_is_named():
    assert "models pull epicrealism" in refused(run("bench", "--model", "epicrealism"), 1)


@pytest.mark.torch
def test_the_bundled_model_is_really_measured():
    done = run("bench", "--model", "spark", "--preset", "draft", "--quick", "--repeats", "1",
               "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (trial,) = result(done)["report"]["trials"]
    assert trial["failure"] == ""
    assert {"load", "encode", "denoise", "decode"} <= set(trial["took"])
    assert trial["size"] == "160x160"
    assert trial["peak_ram"] > 300_000_000
    assert trial["counted"] > trial["counted_start"] > 0

"""batch, queue, work and report as processes: an evening, a kill, and a morning."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from cli.running import command, refused, result, run
from reelkiln.film.facts import probe
from waiting import wait_for

TABLE = "template,product,count,seconds,model\nhero-reveal,{product},{count},1,{model}\n"


@pytest.fixture
def brand(monkeypatch):
    """The current folder is a new workspace."""
    assert run("init", "glow").returncode == 0
    monkeypatch.chdir("glow")
    return Path()


def write(count, product="rose-face-cream", model="null"):
    table = TABLE.format(count=count, product=product, model=model)
    Path("b.csv").write_text(table, encoding="utf-8")


def listed(*more):
    return json.loads(run("queue", "list", "--json", *more).stdout)


def test_an_evening_a_kill_and_a_morning(brand):
    write(3)
    told = result(run("batch", "b.csv", "--by", "23:59", "--json"))
    ids = [one["id"] for one in told["segments"]]
    assert (len(ids), told["in_time"] <= 3, told["deadline"] is not None) == (3, True, True)
    assert [(one["id"], one["state"]) for one in listed()] == [(one, "queued") for one in ids]

    assert run("queue", "cancel", ids[2]).returncode == 0
    assert run("queue", "move", ids[1]).returncode == 0
    assert [one["id"] for one in listed("--state", "queued")] == [ids[1], ids[0]]
    worker = subprocess.Popen(command("work"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(one["phase"] for one in listed("--state", "running")))
    worker.kill()
    worker.wait()

    end = result(run("work", "--json"))
    assert set(end["delivered"]) <= set(ids[:2])
    assert [row["state"] for row in listed()].count("delivered") == 2
    assert end["why"] == "nothing waits any more"
    films = sorted(Path("reels").glob("*.mp4"))
    assert [probe(film).frames for film in films] == [24, 24]
    for film in films:
        assert run("review", film, "--approve", "--by", "ada").returncode == 0

    with Path("brand.yaml").open("a", encoding="utf-8") as file:
        file.write("costs: {currency: EUR, price_per_kwh: 0.3, watts: 100, "
                   "former_cost_per_clip: 40, former_clips_per_month: 10}\n")  # fmt: skip
    morning = result(run("report", "--json"))
    assert [one["id"] for one in morning["delivered"]]
    assert (len(morning["delivered"]), morning["cancelled"]) == (2, [ids[2]])
    assert morning["approved"] == 2
    assert morning["phases"]["finish"] > 0
    assert 79.9 < morning["estimates"]["saved_month"]["value"] < 80
    said = run("report")
    assert "2 delivered" in said.stdout and "estimate" in said.stdout
    assert run("report", "-o", "m.html").returncode == 0
    page = Path("m.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2 and "2 delivered" in page
    assert run("report", "-o", "m.md").returncode == 0
    assert Path("m.md").read_text(encoding="utf-8").startswith("# Report")
    assert "ends in .html or .md" in refused(run("report", "-o", "m.txt"), 2)


def test_a_storyboard_is_told_for_all_products_within_limits(brand):
    plan = result(
        run("batch", "storyboards/week.yaml", "--product", "all", "--model", "null",
            "--by", "07:00", "--count", 10, "--per-product", 2, "--dry-run", "--json")
    )  # fmt: skip
    names = [clip["file"] for clip in plan["clips"]]
    assert len(names) == len(set(names)) == 10
    assert plan["reels"] == []  # no product has all five of its clips within the limits
    week = ("batch", "storyboards/week.yaml", "--product", "rose-face-cream", "--model", "null",
            "--dry-run")  # fmt: skip
    assert result(run(*week, "--json"))["reels"] == ["rose-face-cream-week-instagram-reels.mp4"]
    assert result(run(*week, "--clips-only", "--json"))["reels"] == []
    tiktok = result(run(*week, "--platform", "tiktok", "--json"))
    assert tiktok["reels"] == ["rose-face-cream-week-tiktok.mp4"]
    assert max(sum(name.startswith(sku) for name in names)
               for sku in ("rose-face-cream", "charcoal-soap")) <= 2  # fmt: skip
    assert plan["in_time"] == 10
    assert not Path("reels").exists() and listed() == []
    assert "did you mean" in refused(
        run("batch", "storyboards/week.yaml", "--product", "rose-face"), 2
    )
    Path("other.yaml").write_text("storyboard: other\n", encoding="utf-8")
    assert "no storyboard of this workspace" in refused(run("batch", "other.yaml"), 2)


def test_loading_is_foretold_once_for_all_clips_of_a_batch(brand):
    about = []
    for count in (1, 2, 3):
        write(count, model="spark")
        about.append(result(run("batch", "b.csv", "--dry-run", "--json"))["seconds_estimate"])
    one, two, three = about
    assert one < two < 2 * one
    assert three - two == pytest.approx(two - one)


@pytest.mark.once
def test_the_same_batch_twice_gives_other_names_and_pausing_holds_it(brand):
    write(1)
    first, second = (
        result(run("batch", "b.csv", "--json"))["segments"][0]["file"] for _ in range(2)
    )
    assert (first, second) == (
        "reels/rose-face-cream-hero-reveal-01.mp4", "reels/rose-face-cream-hero-reveal-01-2.mp4",
    )  # fmt: skip
    assert run("queue", "pause", "--reason", "a game").returncode == 0
    worker = subprocess.Popen(command("work"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: result(run("report", "--json"))["log"])
        time.sleep(1)
        assert worker.poll() is None
        assert run("queue", "resume").returncode == 0
        assert worker.wait(90) == 0
    finally:
        worker.kill()
        worker.wait()
    log = result(run("report", "--json"))["log"]
    assert [(row["kind"], row["said"]) for row in log] == [
        ("paused", "a game"), ("resumed", "production goes on"),
    ]  # fmt: skip


def test_what_cannot_be_done_to_a_queue_is_said(brand):
    assert "no segment is called x" in refused(run("queue", "cancel", "x"), 2)
    assert "no segment is called x" in refused(run("queue", "move", "x"), 2)
    assert "no state is called x" in refused(run("queue", "list", "--state", "x"), 2)
    assert "has passed" in refused(run("work", "--until", "2020-01-01 07:00"), 2)
    assert "no time of the day" in refused(run("work", "--daily", "noon"), 2)
    assert "nothing is in the queue" in run("queue", "list").stderr
    assert run("work").stdout.startswith("the shift is over: nothing waits any more")


@pytest.mark.once
def test_parked_clips_are_shown_with_what_was_kept_and_retried(brand):
    write(1, model="null-black")
    (one,) = (row["id"] for row in result(run("batch", "b.csv", "--json"))["segments"])
    assert result(run("work", "--json"))["parked"] == [one]
    (row,) = listed()
    assert row["state"] == "parked" and "black" in row["reason"]
    assert Path(row["kept"]).is_file()
    morning = run("report").stdout
    assert "Refused, for a person to look at" in morning and row["kept"] in morning
    assert run("queue", "retry", one).returncode == 0
    assert [row["state"] for row in listed()] == ["queued"]

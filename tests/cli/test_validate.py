"""`validate` and `platforms` as processes."""

import shutil
from pathlib import Path

import pytest

from cli.running import refused, result, run
from film.foreign import foreign


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    foreign(folder / "good.mp4", more=("-shortest",))
    foreign(folder / "lists.mp4", tidy=("-movflags", "+faststart"))
    (folder / "text.mp4").write_text("no film")
    return folder


@pytest.fixture(autouse=True)
def here(films):
    for film in films.iterdir():
        shutil.copy(film, Path.cwd())


def test_a_film_that_passes():
    done = run("validate", "good.mp4", "--platform", "instagram-reels")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["check", "found", "wanted"]
    assert lines[-1] == "good.mp4: pass for instagram-reels"
    assert "-14.0 LUFS" in done.stdout
    assert "(our rule)" in done.stdout
    assert done.stderr == ""


def test_a_film_that_fails_says_what_to_do():
    done = run("validate", "lists.mp4", "--platform", "instagram-reels")
    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if line.startswith("fail: ")]
    assert len(said) == 1
    assert said[0].startswith("fail: edit lists: 2 found; to do: ")
    assert done.stdout.splitlines()[-1] == "lists.mp4: FAIL for instagram-reels"


def test_several_films_and_all_platforms_get_a_line_each():
    done = run("validate", "good.mp4", "lists.mp4", "text.mp4", "--platform", "all")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    heads = [line.split() for line in lines if line.startswith(("pass", "FAIL"))]
    assert len(heads) == 21
    verdicts = {(film, platform): verdict for verdict, film, platform, *_ in heads}
    assert verdicts["good.mp4", "tiktok"] == verdicts["lists.mp4", "tiktok"] == "pass"
    assert verdicts["lists.mp4", "youtube-shorts"] == "FAIL"
    assert verdicts["text.mp4", "tiktok"] == "FAIL"
    assert "pass  good.mp4   pinterest        advice on frame rate" in lines
    assert any(line.startswith("advice: good.mp4, pinterest, frame rate") for line in lines)


def test_the_report_as_json():
    done = run("validate", "lists.mp4", "--platform", "youtube-shorts", "--deep", "--json")
    assert done.returncode == 1
    (film,) = result(done)["films"]
    assert (film["path"], film["platform"], film["ok"], film["deep"]) == (
        "lists.mp4", "youtube-shorts", False, True,
    )  # fmt: skip
    checks = {check["name"]: check for check in film["checks"]}
    assert checks["edit lists"]["state"] == "fail"
    assert checks["edit lists"]["do"]
    assert checks["edit lists"]["sources"] == ["https://support.google.com/youtube/answer/1722171"]
    assert checks["pictures"]["found"] == "96 of 96 decoded"
    assert checks["safe zone"]["state"] == "not judged"
    assert {check["state"] for check in checks.values()} == {"pass", "fail", "not judged"}


def test_what_cannot_be_looked_at_is_refused():
    assert "gone.mp4 is missing" in refused(run("validate", "gone.mp4", "--platform", "all"), 2)
    told = refused(run("validate", "good.mp4", "--platform", "tictok"), 2)
    assert "Did you mean tiktok?" in told
    assert "--platform" in refused(run("validate", "good.mp4"), 2)


def test_the_platforms_in_a_list():
    done = run("platforms", "list")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "3 to 90 s" in rows["facebook-reels"]
    assert "not stated" in rows["youtube-shorts"]
    told = result(run("platforms", "list", "--json"))["platforms"]
    assert {one["name"] for one in told} == rows.keys() - {"platform"}


def test_a_platform_shows_whose_figure_it_is_and_where_it_was_read():
    shown = run("platforms", "show", "tiktok").stdout
    for words in ("our rule", "our margin", "asked", "not stated", "https://developers.tiktok.com"):
        assert words in shown
    told = result(run("platforms", "show", "tiktok", "--json"))
    assert told["limits"]["seconds"]["least"] == 3
    assert told["delivery"]["size"] == "1080x1920"
    assert told["sources"]["ayrshare"]["read_on"] == "2026-11-23"
    assert "tiktok" in refused(run("platforms", "show", "tictok"), 2)

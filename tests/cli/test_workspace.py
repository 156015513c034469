"""init, shots, templates, batch and tune as processes, with the family that needs no weights."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cli.running import refused, result, run
from kiln.boards import photographed
from reelkiln.film.facts import probe


@pytest.fixture
def brand(monkeypatch):
    """The current folder is a new workspace."""
    assert run("init", "glow").returncode == 0
    monkeypatch.chdir("glow")
    return Path()


def test_init_says_what_it_wrote_and_what_comes_next():
    done = run("init")
    assert done.returncode == 0, done.stderr
    assert "ethereal-glow/brand.yaml" in done.stdout.replace("\\", "/")
    assert "templates check" in done.stderr
    assert "is not empty" in refused(run("init"), 2)


def test_shots_show_every_prompt_for_every_model(brand):
    done = run("shots", "hero-reveal", "--product", "all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("  spark: ") == 6
    assert done.stdout.count("  epicrealism: ") == 6
    shots = result(
        run("shots", "texture-swirl", "--product", "rose-face-cream", "--count", 3, "--json")
    )
    assert len(shots["shots"]) == 3
    assert {"spark", "epicrealism"} <= set(shots["shots"][0]["prompts"])


def test_what_does_not_exist_is_named_with_its_neighbour(brand, monkeypatch):
    assert "did you mean hero-reveal?" in refused(run("shots", "hero-revel"), 2)
    assert "did you mean" in refused(run("shots", "hero-reveal", "--product", "rose-face"), 2)
    assert "known" in refused(run("shots", "hero-reveal", "--variant", "zzz"), 2)
    monkeypatch.chdir("..")
    assert "no brand.yaml" in refused(run("templates", "list"), 2)


def test_check_names_every_mistake_and_json_carries_them(brand):
    path = Path("templates/hero-reveal.yaml")
    path.write_text(
        path.read_text(encoding="utf-8").replace("{light}", "{lihgt}"), encoding="utf-8"
    )
    said = refused(run("templates", "check"), 2)
    assert "templates/hero-reveal.yaml:" in said
    assert "did you mean light?" in said
    error = json.loads(run("templates", "check", "--json").stdout)["error"]
    assert error["code"] == "script_error"
    assert len(error["details"]) > 5


def test_a_template_begins_with_a_finished_clip(brand):
    made = run("make", "a {red} jar", "--model", "null", "--seconds", 1, "--size", "64x64",
               "-o", "jar.mp4")  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert run("templates", "new", "my-jar", "--from", "jar.mp4").returncode == 0
    assert run("templates", "check").returncode == 0
    assert "exists already" in refused(run("templates", "new", "my-jar", "--from", "jar.mp4"), 2)
    assert "lower-case" in refused(run("templates", "new", "../x", "--from", "jar.mp4"), 2)


def test_storyboards_show_the_words_in_each_language(brand):
    assert "launch" in run("storyboards", "list").stdout
    english = run("storyboards", "show", "launch", "--product", "rose-face-cream")
    assert "caption: Meet Rose Face Cream" in english.stdout, english.stderr
    hindi = result(run("storyboards", "show", "launch", "--product", "rose-face-cream",
                       "--language", "hi", "--json"))  # fmt: skip
    assert hindi["shots"][3]["caption"] == "पहले स्पर्श से कोमल त्वचा"
    missing = refused(
        run("storyboards", "show", "launch", "--product", "rose-face-cream", "--language", "de"), 2
    )
    assert "has no words in de" in missing


BATCH = "template,product,count,seconds,model\nhero-reveal,rose-face-cream,2,1,null\n"


@pytest.mark.once
def test_a_batch_is_planned_then_made_and_remembered(brand):
    Path("b.csv").write_text(BATCH + "texture-swirl,all,1,1,null\n", encoding="utf-8")
    plan = result(run("batch", "b.csv", "--dry-run", "--json"))
    assert len(plan["clips"]) == 8
    assert not Path("reels").exists()
    Path("b.csv").write_text(BATCH, encoding="utf-8")
    done = run("batch", "b.csv", "--now", "--json")
    assert done.returncode == 0, done.stderr
    films = [Path(clip["film"]) for clip in result(done)["clips"]]
    assert [film.name for film in films] == [
        "rose-face-cream-hero-reveal-01.mp4", "rose-face-cream-hero-reveal-02.mp4",
    ]  # fmt: skip
    assert [probe(film).frames for film in films] == [24, 24]
    assert "exists already" in refused(run("batch", "b.csv", "--now"), 2)
    for film in films:
        said = run("review", film, "--approve", "--by", "ada")
        assert said.returncode == 0, said.stderr
    assert (
        "not proven yet: 2 takes, 2 approved, median 1 attempts" in run("templates", "list").stdout
    )


def test_a_batch_with_mistakes_renders_nothing(brand):
    Path("b.csv").write_text(BATCH + "hero-revel,rose,1,99,nul\n", encoding="utf-8")
    said = refused(run("batch", "b.csv"), 2)
    assert "b.csv:3:4: seconds 99 is outside 1 to 8" in said
    assert "b.csv:3:5: no model is called nul" in said
    assert not Path("reels").exists()
    Path("b.csv").write_text(BATCH + "hero-revel,rose,1,1,null\n", encoding="utf-8")
    said = refused(run("batch", "b.csv"), 2)
    assert "b.csv:3:1: no template is called hero-revel" in said
    assert "b.csv:3:2: no product has the sku rose" in said
    assert "cannot be read" in refused(run("batch", "none.csv"), 2)


@pytest.mark.once
def test_tuning_shows_a_sheet_and_keeps_what_was_chosen(brand):
    told = result(run("tune", "hero-reveal", "--product", "rose-face-cream", "--model", "null",
                      "--guidance", 2, "--guidance", 4, "--wordings", 1, "--seeds", 1,
                      "--json"))  # fmt: skip
    assert Path(told["sheet"]).read_bytes().startswith(b"\x89PNG")
    assert [cell["setting"]["guidance"] for cell in told["cells"]] == [2.0, 4.0]
    assert "no picture 9" in refused(
        run("tune", "hero-reveal", "--product", "rose-face-cream", "--keep", 9), 2
    )
    assert run("tune", "hero-reveal", "--product", "rose-face-cream", "--keep", 2).returncode == 0
    Path("b.csv").write_text(BATCH, encoding="utf-8")
    done = result(run("batch", "b.csv", "--now", "--json"))
    recipe = json.loads(Path(done["clips"][0]["sidecar"]).read_text(encoding="utf-8"))["recipe"]
    assert recipe["plan"]["guidance"] == 4.0
    assert recipe["origin"]["variant"] == told["cells"][1]["setting"]["variant"]
    assert "at most 24" in refused(
        run("tune", "hero-reveal", "--product", "rose-face-cream", "--wordings", 8, "--seeds", 9), 2
    )
    assert "no sheet" in refused(
        run("tune", "texture-swirl", "--product", "rose-face-cream", "--keep", 1), 2
    )


def test_a_picture_of_an_effect_needs_somebody_who_says_that_it_is_true(brand):
    Path("b.csv").write_text(
        "template,product,seconds,model\napplication-glow,rose-face-cream,1,null\n",
        encoding="utf-8",
    )
    film = Path(result(run("batch", "b.csv", "--now", "--json"))["clips"][0]["film"])
    assert "shows an effect of the product" in refused(run("review", film, "--approve"), 2)
    assert run("review", film, "--approve", "--effect-is-true").returncode == 0
    assert run("review", film, "--reject", "--note", "hands").returncode == 0
    assert "1 takes, 0 approved" in run("templates", "list").stdout
    Path("other.mp4").write_bytes(b"no film")
    assert "not in the ledger" in refused(run("review", "other.mp4", "--reject"), 2)
    assert run("review", "none.mp4", "--reject").returncode == 2


def test_a_batch_is_held_against_brand_and_product_and_so_is_its_film_afterwards(brand):
    """Every number goes into the sidecar and the ledger; `gate` measures the film by them again."""
    photographed(Path(), np.full((80, 60, 3), (200, 90, 120), np.uint8))
    Path("b.csv").write_text(BATCH.splitlines()[0] + "\nhero-reveal,rose-face-cream,1,1,null\n")
    done = run("batch", "b.csv", "--now", "--json")
    assert done.returncode == 0, done.stderr
    film = Path(result(done)["clips"][0]["film"])
    (note,) = json.loads(film.with_name(film.name + ".json").read_text("utf-8"))["recipe"]["takes"]
    assert {"palette", "product_colour", "product_shape", "luma", "jump"} <= note["marks"].keys()
    with sqlite3.connect(".reelkiln/ledger.db") as ledger:
        (marks,) = ledger.execute("SELECT marks FROM takes").fetchone()
    ledger.close()
    assert json.loads(marks).keys() == note["marks"].keys()
    (seen,) = result(run("gate", film, "--json"))["films"]
    assert {"palette", "product_colour"} <= seen["marks"].keys()
    assert seen["words"]
    assert "palette" not in seen["not_measured"]

"""`--image`: a start picture, from the command line to the recipe and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.running import here, refused, result, run

LED = ("--model", "null-led", "--seconds", "1", "--size", "64x64", "--seed", "5", "-o", "a.mp4")


@pytest.fixture
def picture():
    """Large soft spots of colour, a corner of it clear."""
    spots = np.random.default_rng(3).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    soft = Image.fromarray(spots).resize((200, 100), Image.Resampling.BICUBIC).convert("RGBA")
    soft.paste((0, 0, 0, 0), (80, 0, 120, 20))
    soft.save("jar.png")
    return Path("jar.png")


def pixels(film):
    recipe = json.loads(Path(f"{film}.json").read_text("utf-8"))["recipe"]
    return [take["sha256"] for take in recipe["takes"]]


def test_a_clip_begins_from_a_picture_and_is_remade_from_it(picture):
    done = run("make", "a red jar", "--image", picture.absolute(), *LED)
    assert done.returncode == 0, done.stderr
    assert "transparent parts of the start picture are filled with white" in done.stderr
    assert "50% of the start picture, left and right, lie outside 64x64" in done.stderr
    recipe = json.loads(Path("a.mp4.json").read_text("utf-8"))["recipe"]
    assert recipe["shot"]["image"] == recipe["plan"]["segments"][0]["image"] == "jar.png"
    assert len(recipe["picture"]) == 64

    assert run("make", "a red jar", *LED[:-1], "plain.mp4").returncode == 0
    assert pixels("plain.mp4") != pixels("a.mp4")
    again = run("remake", "a.mp4", "-o", "b.mp4")
    assert again.returncode == 0, again.stderr
    assert "the same as those of then" in again.stderr

    picture.rename("elsewhere.png")
    assert "begins from the picture jar.png, and it is not here" in refused(
        run("remake", "a.mp4"), 2
    )
    assert run("remake", "a.mp4", "-o", "c.mp4", "--image", "elsewhere.png").returncode == 0
    assert run("remake", "a.mp4", "-o", "d.mp4", "--image", "1=elsewhere.png").returncode == 0
    told = refused(run("remake", "a.mp4", "--image", "2=elsewhere.png"), 2)
    assert "reelkiln: shot 2 is not in this film: it has 1\n" in told
    Image.new("RGB", (200, 100)).save("jar.png")
    assert "jar.png is no longer the same" in refused(run("remake", "a.mp4"), 2)


def test_a_model_without_that_ability_says_so_before_anything_else(picture):
    told = refused(run("make", "a red jar", "--image", picture, "--model", "epicrealism"), 2)
    assert "epicrealism renders from words alone and takes no start picture" in told
    told = refused(run("plan", "a red jar", "--image", picture, "--model", "spark"), 2)
    assert "spark renders from words alone" in told


def test_lines_of_a_batch_begin_from_pictures_beside_it(picture):
    Path("photos").mkdir()
    picture.rename("photos/jar.png")
    head = "prompt,seconds,aspect,seed,model,image\n"
    line = "a red jar,1,1:1,5,{model},{image}\n"
    Path("b.csv").write_text(head + line.format(model="null-led", image="photos/jar.png"), "utf-8")
    done = run("batch", "b.csv", "--now", "--json")
    assert done.returncode == 0, done.stderr
    (film,) = Path("reels").glob("*.mp4")
    recipe = json.loads(Path(f"{film}.json").read_text("utf-8"))["recipe"]
    assert recipe["shot"]["image"] == "jar.png"
    assert len(recipe["picture"]) == 64

    Path("photos/words.png").write_text("no pixels", encoding="utf-8")
    rows = [
        ("null", "photos/jar.png"),
        ("null-led", "photos/words.png"),
        ("null-led", "photos/jar.png"),
    ]
    lines = "".join(line.format(model=model, image=image) for model, image in rows)
    Path("c.csv").write_text(head + lines, "utf-8")
    told = refused(run("batch", "c.csv", "--dry-run"), 1)
    assert "2 of 3 wishes cannot be rendered on this machine" in told
    assert "c.csv:2:1: null renders from words alone and takes no start picture" in told
    assert "c.csv:3:1: start picture" in told
    assert "words.png: is no PNG, JPEG" in told


def test_a_picture_that_cannot_be_used_is_refused_before_the_model_is_loaded(picture):
    Path("words.png").write_text("no pixels", encoding="utf-8")
    done = run("make", "a red jar", "--image", "words.png", *LED)
    assert "start picture words.png: is no PNG, JPEG" in refused(done, 2)
    assert "loading" not in done.stderr
    assert "there is no such file" in refused(
        run("make", "a red jar", "--image", "gone.png", *LED), 2
    )
    assert here() == ["jar.png", "words.png"]


def test_a_plan_refuses_a_picture_in_the_words_of_the_render_it_foretells(picture):
    Path("words.png").write_text("no pixels", encoding="utf-8")
    Path("folder.png").mkdir()
    for name in ("gone.png", "words.png", "folder.png"):
        asked = ("a red jar", "--image", name, "--model", "null-led", "--size", "64x64")
        told = refused(run("plan", *asked), 2)
        assert told.splitlines() == refused(run("make", *asked), 2).splitlines()[-2:]
        failed = run("plan", *asked, "--json")
        assert (failed.returncode, result(failed)["error"]["code"]) == (2, "usage")
    planned = run("plan", "a red jar", "--image", picture, "--model", "null-led")
    assert planned.returncode == 0, planned.stderr
    assert "transparent parts of the start picture are filled with white" in planned.stderr
    assert planned.stdout.startswith("model   null-led")

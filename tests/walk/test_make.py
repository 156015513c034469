"""Words to MP4 with the bundled model, for real, and the same clip again."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from reelkiln.film.facts import probe
from reelkiln.film.tags import RECIPE, TITLE, read_tags
from reelkiln.reel import Size

PROMPT = "a gold bottle rotating on a pink background, soft light"


def reelkiln(*arguments, folder):
    done = subprocess.run(
        [sys.executable, "-m", "reelkiln", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=500,
        check=False,
        env=os.environ | {"REELKILN_STATE": str(folder / "state"), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One clip with the options that nobody gave, but for the preset that costs least."""
    folder = tmp_path_factory.mktemp("walk")
    done = reelkiln("make", PROMPT, "--preset", "draft", "-o", "bottle.mp4", folder=folder)
    return folder, done


def test_the_film_is_what_every_platform_accepts(made):
    folder, _ = made
    facts = probe(folder / "bottle.mp4")
    assert facts.decoded
    assert (facts.frames, facts.fps, facts.seconds) == (96, 24, 4)
    assert facts.size == Size(720, 1280)
    assert facts.start == 0
    assert facts.constant_rate
    assert (facts.codec, facts.profile, facts.pixel_format) == ("h264", "High", "yuv420p")
    colour = facts.colour
    assert (colour.primaries, colour.transfer, colour.matrix) == ("bt709", "bt709", "bt709")
    assert (facts.gop, facts.closed_gop, facts.b_frames) == (12, True, 2)
    assert (facts.moov_first, facts.edit_lists) == (True, 0)
    assert facts.has_audio
    assert facts.sound.codec == "aac"
    assert abs(facts.sound.seconds - 4) < Fraction(1, 10)


def test_its_companions_are_there_and_the_words_say_where(made):
    folder, done = made
    names = ["bottle.mp4", "bottle.poster.png", "bottle.sheet.png", "bottle.mp4.json"]
    assert sorted(names) == sorted(p.name for p in folder.iterdir() if p.name != "state")
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        assert name in line
    assert "small bundled model" in done.stderr


def test_the_recipe_is_whole_in_the_file_and_beside_it(made):
    folder, _ = made
    tags = read_tags(folder / "bottle.mp4")
    assert tags[TITLE] == PROMPT
    inside = json.loads(tags[RECIPE])
    beside = json.loads((folder / "bottle.mp4.json").read_text("utf-8"))["recipe"]
    assert {**inside, "seconds": beside["seconds"]} == beside
    assert beside["shot"]["prompt"] == PROMPT
    assert beside["libraries"]["torch"]
    assert beside["plan"]["model"] == "spark"
    assert set(beside["seconds"]) == {"load", "encode", "denoise", "decode", "check", "finish"}
    assert beside["peak_ram"] > 100 * 2**20
    assert all(len(sha) == 64 for source in beside["weights"] for sha in source["sha256"].values())


def test_the_same_recipe_gives_the_same_pixels_in_another_process(made):
    folder, _ = made
    done = reelkiln("remake", "bottle.mp4", "--json", folder=folder)
    told = json.loads(done.stdout)
    assert told["same_pixels"] is True
    before = json.loads((folder / "bottle.mp4.json").read_text("utf-8"))
    (clip,) = told["clips"]
    assert clip["digest"] == before["digest"]
    assert probe(folder / Path(clip["film"])).frames == 96

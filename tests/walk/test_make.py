"""Words to MP4 with the bundled model and the same clip again: the README, for real."""

import json
import os
import subprocess
import sys
from fractions import Fraction

import pytest

from pages import ROOT, reelkiln_calls
from reelkiln.film.facts import probe
from reelkiln.film.tags import RECIPE, TITLE, read_tags
from reelkiln.reel import Size

MAKE, REMAKE = reelkiln_calls(ROOT / "README.md", rendering=True)
PROMPT = MAKE[1]


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
    """The clip, with all that nobody chose left as it is."""
    folder = tmp_path_factory.mktemp("walk")
    return folder, reelkiln(*MAKE, folder=folder)


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
    assert "model spark: you asked for it" in done.stderr


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
    told = json.loads(reelkiln(*REMAKE, "--json", folder=folder).stdout)
    assert told["same_pixels"] is True
    before = json.loads((folder / "bottle.mp4.json").read_text("utf-8"))
    (clip,) = told["clips"]
    assert (clip["film"], clip["digest"]) == ("again.mp4", before["digest"])
    assert probe(folder / "again.mp4").frames == 96

"""Words to picture: both scorers, and what is wrong with a judge's files."""

from fractions import Fraction
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from reelkiln.backends.score import NullScorer, open_scorer, read_words
from reelkiln.errors import WeightsBroken
from reelkiln.reel import Clip
from training.spark.paint import render
from training.spark.world import FACTORS

pytestmark = pytest.mark.torch
JUDGE = Path(str(resources.files("reelkiln.models"))) / "bundled/spark/judge"


@pytest.fixture(scope="module")
def scorer():
    return open_scorer(JUDGE)


@pytest.fixture(scope="module")
def clip():
    """A gold mug that slides to the right on a pedestal, before blue, as the renderer draws it."""
    labels = ("mug", "gold", "blue", "pedestal", "slide_right", "soft")
    row = [FACTORS[f].index(name) for f, name in zip(FACTORS, labels, strict=True)]
    frames = render(torch.tensor([row]), (128, 224), torch.Generator().manual_seed(3))[0]
    return Clip(np.ascontiguousarray(frames.permute(0, 2, 3, 1).numpy()), Fraction(8))


def test_the_null_scorer_cannot_tell(clip):
    assert NullScorer()(clip, "a gold mug") is None


def test_the_judge_reads_a_render(scorer, clip):
    read = {f: max(sure, key=sure.get) for f, sure in scorer.read(clip).items()}
    assert read == {
        "product": "mug",
        "colour": "gold",
        "background": "blue",
        "surface": "pedestal",
        "motion": "slide_right",
    }


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("a gold coffee mug sliding right on a pedestal, sky blue background", True),
        ("mug", True),
        ("a lipstick", False),
        ("a red soap bar rotating in the dark", False),
    ],
)
def test_zero_lies_between_what_fits_and_what_does_not(scorer, clip, words, fits):
    assert (scorer(clip, words) > 0) == fits


def test_a_better_match_scores_higher(scorer, clip):
    right = scorer(clip, "a gold mug sliding right on a blue background")
    assert right > scorer(clip, "a gold mug rotating on a blue background")
    assert right > scorer(clip, "a gold mug sliding right on a red background")


@pytest.mark.parametrize("words", ["", "a spaceship over a harbour", "🙂", "soft light"])
def test_words_that_name_nothing_get_no_score(scorer, clip, words):
    assert scorer(clip, words) is None


def test_the_first_named_of_a_factor_counts():
    known = {"colour": {"red": ("red",), "blue": ("blue", "navy blue")}}
    assert read_words("navy blue, not red", known) == {"colour": "blue"}
    assert read_words("bluered", known) == {}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("config.json", lambda data: b"{"),
        ("config.json", lambda data: b"[]"),
        ("config.json", None),
        ("model.safetensors", lambda data: data[:-10]),
        ("model.safetensors", None),
    ],
)
def test_a_broken_judge_is_named(tmp_path, name, damage):
    for path in JUDGE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if damage:
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    else:
        (tmp_path / name).unlink()
    with pytest.raises(WeightsBroken, match=name):
        open_scorer(tmp_path)


def test_a_clip_of_any_length_and_shape_is_read(scorer):
    for shape in ((1, 40, 30, 3), (9, 20, 200, 3), (64, 160, 160, 3)):
        read = scorer.read(Clip(np.zeros(shape, np.uint8), Fraction(8)))
        assert sum(read["product"].values()) == pytest.approx(1, abs=1e-3)

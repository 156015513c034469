"""The scorer of the SigLIP kind: real classes with tiny weights; what it measures and refuses."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from reelkiln.backends.align import check_aligner, open_aligner
from reelkiln.backends.tiny_scorer import write_siglip
from reelkiln.errors import WeightsBroken
from reelkiln.models.scorers import find_scorer
from reelkiln.reel import Clip

pytestmark = pytest.mark.torch
CARD = find_scorer("siglip")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="module")
def scorer(folder):
    return open_aligner(CARD, folder)


def clip(seed=0, frames=9, size=(40, 72)):
    picture = np.random.default_rng(seed).integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    return Clip(picture, Fraction(8))


def test_the_figure_is_the_models_own_cosine(scorer, folder):
    """Against the class's own forward, with frames prepared by another library."""
    from PIL import Image
    from transformers import SiglipModel, SiglipTokenizer

    shown, words = clip(), "a red jar"
    places = [0, 3, 5, 8]
    small = [Image.fromarray(shown.frames[at]).resize((32, 32), Image.BICUBIC) for at in places]
    pixels = torch.tensor(np.stack([np.asarray(one) for one in small])).permute(0, 3, 1, 2)
    network = SiglipModel.from_pretrained(folder).eval()
    ids = SiglipTokenizer.from_pretrained(folder)(
        words, padding="max_length", max_length=16, return_tensors="pt"
    ).input_ids
    with torch.inference_mode():
        told = network(input_ids=ids, pixel_values=pixels / 127.5 - 1)
    cosine = float((told.image_embeds @ told.text_embeds.T).mean())
    assert scorer(shown, words) == pytest.approx(cosine, abs=2e-3)
    assert scorer.mark == "alignment"


def test_equal_clips_score_equally_and_words_matter(scorer):
    assert scorer(clip(), "a red jar") == scorer(clip(), "a red jar")
    assert scorer(clip(), "a red jar") != scorer(clip(), "a blue bottle")
    assert scorer(clip(1), "a red jar") != scorer(clip(2), "a red jar")


def test_weights_in_a_prompt_are_no_words(scorer):
    assert scorer(clip(), "(a red jar:1.3)") == scorer(clip(), "a red jar")


@pytest.mark.parametrize("words", ["", "  ", "a " * 500, "🙂 日本語", "<unk></s>"])
def test_any_words_and_any_shape(scorer, words):
    for shown in (clip(frames=1), clip(size=(33, 7)), clip(frames=3, size=(224, 224))):
        score = scorer(shown, words)
        assert score is None if not words.strip() else -1 <= score <= 1
    assert scorer(Clip(np.zeros((0, 8, 8, 3), np.uint8), Fraction(8)), "a jar") is None


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("config.json", lambda data: b"{"),
        ("config.json", lambda data: data.replace(b"SiglipModel", b"OtherModel")),
        ("model.safetensors", lambda data: data[:-10]),
        ("spiece.model", None),
    ],
)
def test_a_broken_file_is_named(folder, tmp_path, name, damage):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if damage:
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    else:
        (tmp_path / name).unlink()
    assert name in check_aligner(CARD, tmp_path)[0].message
    with pytest.raises(WeightsBroken, match=name):
        open_aligner(CARD, tmp_path)


def test_only_pickled_weights_are_refused(folder, tmp_path):
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(WeightsBroken, match="pickled"):
        open_aligner(CARD, tmp_path)


def test_a_tensor_that_is_missing_is_not_made_up(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["logit_bias"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsBroken, match="logit_bias"):
        open_aligner(CARD, tmp_path)

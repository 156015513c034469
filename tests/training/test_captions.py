"""Captions say what a scene shows, and can be read back."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkiln.backends.score import read_words
from training.spark.captions import PHRASES, canonical, caption, negative
from training.spark.tokenizer import TOKENS, encode, load_tokenizer
from training.spark.world import FACTORS, JUDGED, draw_factors, names

pytestmark = pytest.mark.torch
scenes = st.fixed_dictionaries({f: st.sampled_from(labels) for f, labels in FACTORS.items()})


def test_every_label_has_a_phrase():
    assert {f: set(labels) for f, labels in PHRASES.items()} == {
        f: set(labels) for f, labels in FACTORS.items()
    }
    assert all(said for labels in PHRASES.values() for said in labels.values())


@settings(max_examples=150, deadline=None)
@given(scene=scenes, seed=st.integers(0, 10**6))
def test_what_a_whole_caption_says_is_what_is_read(scene, seed):
    unsaid = {"surface"} if scene["surface"] == "floor" else set()
    for text in (caption(scene, random.Random(seed), whole=True), canonical(scene)):
        found = read_words(text, PHRASES)
        assert {f: label for f, label in found.items() if scene[f] != label} == {}, text
        assert set(JUDGED) - unsaid <= found.keys(), text


@settings(max_examples=150, deadline=None)
@given(scene=scenes, seed=st.integers(0, 10**6))
def test_a_caption_never_says_what_is_not_there(scene, seed):
    found = read_words(caption(scene, random.Random(seed)), PHRASES)
    assert {f: label for f, label in found.items() if scene[f] != label} == {}


def test_negatives_name_nothing_of_the_world():
    chance = random.Random(0)
    assert all(not read_words(negative(chance), PHRASES) for _ in range(60))


def test_captions_fit_the_tokenizer_and_strange_words_too():
    tokenizer, chance = load_tokenizer(), random.Random(0)
    rows = draw_factors(100, torch.Generator().manual_seed(0))
    ids = encode(tokenizer, [caption(names(row), chance) for row in rows])
    assert ids.shape == (100, TOKENS)
    assert (ids[:, -1] == tokenizer.pad_token_id).all()  # nothing was cut
    strange = encode(tokenizer, ["Ünïcødé 漢字 🙂 xyzzy", ""])
    assert strange.max() < len(tokenizer)
    words = tokenizer.convert_ids_to_tokens(encode(tokenizer, ["A Pink MUG"])[0, 1:4].tolist())
    assert words == ["a</w>", "pink</w>", "mug</w>"]

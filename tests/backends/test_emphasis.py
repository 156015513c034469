"""Weighted phrases: found in the words, felt in the embeddings, silent where there are none."""

from importlib import resources

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTextModel, CLIPTokenizer

from reelkiln.backends.emphasis import embed, phrases, weighted


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a jar", (("a jar", 1.0),)),
        ("(a jar:1.2)", (("a jar", 1.2),)),
        ("(a jar:9.5), (dim:0)", (("a jar", 2.0), (", ", 1.0), ("dim", 0.1))),
        ("a (jar", (("a (jar", 1.0),)),
        ("(a jar:high)", (("(a jar:high)", 1.0),)),
        ("", ()),
    ],
)
def test_phrases(prompt, found):
    assert phrases(prompt) == found


@given(st.text(alphabet="ab (:1.5),", max_size=40))
def test_no_letter_is_lost(text):
    kept = "".join(words for words, _ in phrases(text)).replace(" ", "")
    assert set(kept) <= set(text)
    if not weighted(text):
        assert kept == text.replace(" ", "")


@pytest.fixture(scope="module")
def encoder():
    with resources.as_file(
        resources.files("reelkiln.models").joinpath("bundled/spark/model")
    ) as place:
        tokenizer = CLIPTokenizer.from_pretrained(place / "tokenizer", local_files_only=True)
        model = CLIPTextModel.from_pretrained(place / "text_encoder", dtype=torch.float32)
    return tokenizer, model


def plain(encoder, prompt):
    tokenizer, model = encoder
    ids = tokenizer(
        prompt, padding="max_length", truncation=True, max_length=77, return_tensors="pt"
    )
    with torch.inference_mode():
        return model(ids.input_ids)[0]


def test_weight_one_changes_nothing(encoder):
    told = embed(*encoder, "(a gold bottle:1.0), on a pink background", "cpu")
    assert torch.allclose(told, plain(encoder, "a gold bottle, on a pink background"), atol=1e-5)


def test_a_weight_lifts_its_own_tokens_and_keeps_the_mean(encoder):
    told = embed(*encoder, "(a gold bottle:1.5), on a pink background", "cpu")
    same = plain(encoder, "a gold bottle, on a pink background")
    ratio = told.norm(dim=-1) / same.norm(dim=-1)
    inside, outside = ratio[0, 1], ratio[0, 6]
    assert inside / outside == pytest.approx(1.5, rel=1e-4)
    assert told.mean() == pytest.approx(same.mean().item(), rel=1e-4)


def test_a_long_prompt_is_cut_as_a_plain_one(encoder):
    long = ", ".join(["a gold bottle on a pink background"] * 30)
    assert torch.allclose(embed(*encoder, f"(:1.1){long}", "cpu"), plain(encoder, f"(:1.1){long}"),
                          atol=1e-5)  # fmt: skip
    assert embed(*encoder, "(" + long.replace(",", "") + ":1.2)", "cpu").shape == (1, 77, 128)

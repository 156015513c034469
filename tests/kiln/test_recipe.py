"""Recipes: an exact round trip, and a digest that sees pixels and nothing else."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiln.nulls import GPU, null_card, null_shot
from reelkiln.errors import UsageError
from reelkiln.kiln.recipe import (
    Recipe,
    TakeNote,
    Weights,
    digest,
    recipe_from_json,
    recipe_from_text,
    recipe_to_json,
    recipe_to_text,
    take_note,
)
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Take, Verdict

CARD = null_card()
RECIPE = Recipe(
    shot=null_shot(CARD),
    plan=plan_shot(null_shot(CARD), CARD, GPU),
    weights=(Weights(source="model", repo="a/b", revision="c" * 40, sha256={"x": "d" * 64}),),
    libraries={"torch": "2.13.0"},
    reelkiln="0.1.0",
    machine="Linux, 2 cores",
    chosen_because="you asked for it",
    seconds={"load": 1.25},
    peak_vram=1,
    peak_ram=2,
    takes=(TakeNote(segment=0, attempt=1, seed=7, sha256="e" * 64, kept=True, marks={"a": 0.1}),),
)

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
recipes = st.builds(
    lambda prompt, negative, seed, seconds, fraction: replace(
        RECIPE,
        shot=replace(RECIPE.shot, prompt=prompt, negative=negative, seed=seed, seconds=fraction),
        seconds=seconds,
    ),
    words,
    st.just("") | words,
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.text("abc"), st.floats(0, 1e6)),
    st.fractions(1, 8, max_denominator=1000),
)


@given(recipes)
def test_a_recipe_comes_back_equal_in_every_field(recipe):
    again = recipe_from_text(recipe_to_text(recipe))
    assert again == recipe
    assert digest(again) == digest(recipe)
    assert "\n" not in recipe_to_text(recipe)


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, seconds={}, peak_ram=9, peak_vram=9, takes=(), machine="another"),
        replace(RECIPE, chosen_because="it was there"),
        replace(RECIPE, plan=replace(RECIPE.plan, because=(), seconds_estimate=9.0, peak_bytes=9)),
    ],
)
def test_the_digest_does_not_see_how_it_went(other):
    assert digest(other) == digest(RECIPE)


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, shot=replace(RECIPE.shot, prompt="a blue jar")),
        replace(RECIPE, shot=replace(RECIPE.shot, seconds=Fraction(2))),
        replace(RECIPE, plan=replace(RECIPE.plan, dtype="float32")),
        replace(RECIPE, plan=replace(RECIPE.plan, steps=3)),
        replace(RECIPE, weights=()),
        replace(RECIPE, libraries={"torch": "2.12.0"}),
        replace(RECIPE, reelkiln="0.2.0"),
    ],
)
def test_the_digest_sees_what_changes_pixels(other):
    assert digest(other) != digest(RECIPE)


def test_the_digest_is_the_same_in_every_release():
    """It stands in private files: changing how it is made orphans them."""
    assert len(digest(RECIPE)) == 64
    assert digest(RECIPE) == digest(recipe_from_json(json.loads(recipe_to_text(RECIPE))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        json.dumps({**recipe_to_json(RECIPE), "format": 99}),
        json.dumps({**recipe_to_json(RECIPE), "shot": 3}),
        json.dumps({**recipe_to_json(RECIPE), "shot": {"prompt": 3}}),
        json.dumps({**recipe_to_json(RECIPE), "strange": 3}),
        json.dumps({key: v for key, v in recipe_to_json(RECIPE).items() if key != "plan"}),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(text):
    with pytest.raises(UsageError) as caught:
        recipe_from_text(text)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_take_is_told_without_its_place_and_without_marks_that_are_no_number():
    verdict = Verdict(False, ("black",), {"finite": 0.5, "luma": float("nan")}, "other_seed")
    take = Take(segment=0, attempt=1, seed=3, path="/home/me/x", sha256="f", verdict=verdict)
    note = take_note(take)
    assert note.marks == {"finite": 0.5}
    assert not hasattr(note, "path")

"""Storyboards told: the same takes in every language, other words on them, nothing missing."""

from dataclasses import replace
from fractions import Fraction

import pytest

from reelkiln.errors import ScriptError, UnknownName
from reelkiln.script.board import tell
from reelkiln.script.storyboard import Storyboard


def told(space, language="en", board="launch", sku="rose-face-cream"):
    return tell(space, space.storyboards[board], sku, language=language, seed=0)


def test_languages_change_the_words_and_not_the_shots(space):
    english, hindi = told(space), told(space, "hi")
    assert [s.scripted for s in english.shots] == [s.scripted for s in hindi.shots]
    assert english.shots[0].caption == "Meet Rose Face Cream"
    assert hindi.shots[0].caption == "मिलिए Rose Face Cream से"
    assert hindi.shots[3].caption == "पहले स्पर्श से कोमल त्वचा"
    assert english.call_to_action == "Find it in our shop"
    assert english.hashtags == "#softskin, #rose"


def test_length_counts_cross_fades_once(space):
    assert told(space).seconds == Fraction("3.5") + 3 + 3 + 3 - Fraction("0.4") - Fraction("0.5")


def test_a_missing_language_is_named_for_every_text(space):
    with pytest.raises(ScriptError) as caught:
        told(space, "de")
    assert len(caught.value.details) == 3
    assert any("caption of shot 1 has no words in de" in line for line in caught.value.details)


def test_an_unknown_product(space):
    with pytest.raises(UnknownName, match="no product is called rose"):
        told(space, sku="rose")


def test_the_same_template_twice_gives_two_shots(space):
    board = Storyboard.model_validate(
        {"storyboard": "twice", "title": "T", "shots": ({"template": "hero-reveal"},) * 3}
    )
    shots = tell(space, board, "rose-face-cream", language="en", seed=0).shots
    assert len({shot.scripted.wordings["paragraph"].prompt for shot in shots}) == 3


def test_a_claim_that_stands_there_only_once_slots_are_filled(space):
    """ "{product.name} cures" is harmless until the name is Acne."""
    product = replace(space.products["rose-face-cream"], name="Acne", words={})
    board = Storyboard.model_validate(
        {"storyboard": "b", "title": "T",
         "shots": ({"template": "hero-reveal", "caption": "It treats {product.name}"},)}
    )  # fmt: skip
    other = replace(space, products={**space.products, "rose-face-cream": product})
    with pytest.raises(ScriptError, match="1 mistake"):
        tell(other, board, "rose-face-cream", language="en", seed=0)


def test_a_variant_that_does_not_suit_the_product_is_named(space):
    board = Storyboard.model_validate(
        {"storyboard": "b", "title": "T",
         "shots": ({"template": "application-glow", "variant": "lips-and-laugh"},)}
    )  # fmt: skip
    with pytest.raises(ScriptError) as caught:
        tell(space, board, "charcoal-soap", language="en", seed=0)
    assert "has no further telling for charcoal-soap" in caught.value.details[0]

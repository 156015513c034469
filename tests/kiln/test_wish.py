"""What may be asked for, where it goes, and which model is taken."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiln.nulls import GPU, NO_GPU, null_card
from reelkiln.errors import UnknownName, UsageError, WeightsMissing
from reelkiln.kiln.choose import choose
from reelkiln.kiln.names import check_targets, family, targets
from reelkiln.kiln.wish import (
    Wish,
    advice,
    clean_words,
    parse_seconds,
    parse_size,
    shots_of,
    unknown_words,
)
from reelkiln.models.cards import find_card, load_cards
from reelkiln.plan.card import WeightSet
from reelkiln.reel import ASPECTS, Size

CARD = null_card()
CARDS = load_cards()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4", 4), ("2.5", Fraction(5, 2)), ("7/3", Fraction(7, 3)), (" 8 ", 8)],
)
def test_seconds_are_read_exactly(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "-1", "1e3", "4s", "1/0", "٤", "9" * 99])
def test_what_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(UsageError, match="no number of seconds"):
        parse_seconds(text)


@given(st.text())
def test_any_text_is_a_number_of_seconds_or_a_usage_error(text):
    try:
        assert parse_seconds(text) >= 0
    except UsageError as error:
        assert error.hint


def test_sizes_and_aspects():
    assert parse_size(None, None) == ASPECTS["9:16"]
    assert parse_size(None, "1:1") == ASPECTS["1:1"]
    assert parse_size("540x960", None) == Size(540, 960)


@pytest.mark.parametrize(
    ("size", "aspect"),
    [("540", None), ("0x0", None), ("axb", None), ("5x", None), (None, "2:1"), ("8x8", "1:1")],
)
def test_what_is_no_size_is_refused(size, aspect):
    with pytest.raises(UsageError):
        parse_size(size, aspect)


@given(st.text() | st.from_regex(r"\d+x\d+", fullmatch=True))
def test_any_text_is_a_size_or_a_usage_error(text):
    try:
        assert parse_size(text, None).pixels > 0
    except UsageError as error:
        assert error.message


def test_shots_have_seeds_in_a_row_that_wrap():
    shots = shots_of(Wish(prompt=" a jar ", seed=2**32 - 2, count=3, size=Size(64, 64)), CARD)
    assert [shot.seed for shot in shots] == [2**32 - 2, 2**32 - 1, 0]
    assert {shot.prompt for shot in shots} == {"a jar"}
    assert {shot.preset for shot in shots} == {"standard"}


@pytest.mark.parametrize(
    "wish",
    [
        Wish(prompt=" "),
        Wish(prompt="x" * 4001),
        Wish(prompt="a\0b"),
        Wish(prompt="\udcff"),
        Wish(prompt="a", negative="\udcff"),
        Wish(prompt="a", seconds=Fraction(0)),
        Wish(prompt="a", seconds=Fraction(9)),
        Wish(prompt="a", size=Size(3, 3)),
        Wish(prompt="a", preset="fast"),
    ],
)
def test_impossible_wishes_are_refused(wish):
    with pytest.raises(UsageError) as caught:
        shots_of(wish, CARD)
    assert caught.value.hint


def test_words_lose_outer_spaces_only():
    assert clean_words("  a  b\n", "prompt") == "a  b"


def test_advice_names_the_networks_and_the_words():
    spark = CARDS["spark"]
    (shot,) = shots_of(Wish(prompt="a xylophone", seconds=Fraction(2)), spark)
    refusing, words = advice(shot, spark)
    assert "TikTok" in refusing
    assert "Pinterest" in refusing
    assert "bottle" in words
    (fine,) = shots_of(Wish(prompt="a gold Bottle"), spark)
    assert advice(fine, spark) == ()
    assert "Pinterest" in advice(replace(fine, seconds=Fraction(3)), spark)[0]
    assert "TikTok" not in advice(replace(fine, seconds=Fraction(3)), spark)[0]


def test_a_model_without_a_list_knows_every_word():
    assert not unknown_words(CARD, "zzz")
    spark = CARDS["spark"]
    assert unknown_words(spark, "zzz 瓶")
    assert unknown_words(spark, "a robot in a city at light speed")  # halves of phrases
    assert not unknown_words(spark, "a robot, Zoom-In")
    assert not unknown_words(spark, "sunscreen")  # trained on, though the card says "tube"
    assert not unknown_words(spark, "A robot in a forest.")


def test_targets_are_named_numbered_or_put_in_a_folder(tmp_path):
    def names(out, count=1):
        found = targets(out, tmp_path, "A gold jar!", seed=5, count=count)
        return [path.relative_to(tmp_path).as_posix() for path in found]

    assert names(None) == ["a-gold-jar-5.mp4"]
    assert names(None, 2) == ["a-gold-jar-5.mp4", "a-gold-jar-6.mp4"]
    assert names(tmp_path / "b") == ["b.mp4"]
    assert names(tmp_path / "b.mp4", 10)[::9] == ["b-01.mp4", "b-10.mp4"]
    (tmp_path / "to").mkdir()
    assert names(tmp_path / "to") == ["to/a-gold-jar-5.mp4"]


@pytest.mark.parametrize("name", ["b.avi", "CON.mp4", "a?.mp4", "x" * 300 + ".mp4", "b.mp4 "])
def test_names_that_some_system_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(UsageError):
        targets(tmp_path / name, tmp_path, "x", seed=0, count=1)


def test_every_file_of_a_clip_is_safe_from_being_overwritten(tmp_path):
    movie = tmp_path / "b.mp4"
    check_targets([movie], force=False)
    for path in family(movie):
        path.write_text("mine")
        with pytest.raises(UsageError, match="exists already"):
            check_targets([movie], force=False)
        check_targets([movie], force=True)
        assert path.read_text() == "mine"
        path.unlink()
    with pytest.raises(UsageError):
        check_targets([Path("/nowhere/at/all/b.mp4")], force=True)


def pick(name, machine, *here):
    return choose(name, CARDS, machine, find=find_card, installed=lambda card: card.name in here)


def test_the_set_that_is_on_the_disk_is_taken():
    whole = WeightSet(title="whole", quality="as published")
    card = replace(null_card(), sets={"small": whole, "whole": whole}, default_set="small")

    def chosen(card, *here):
        return choose(
            card.name, {}, NO_GPU, find=lambda _: card, installed=lambda c: c.name in here
        )

    assert chosen(card, "null", "null@whole").card.name == "null"
    other = chosen(card, "null@whole")
    assert other.card.default_set == "whole"
    assert other.because == "you asked for it, and its set whole is on this disk"
    assert chosen(card).card is card
    assert chosen(card.with_set("whole"), "null").card.name == "null@whole"


def test_auto_without_a_gpu_takes_the_bundled_model_and_says_so():
    choice = pick("auto", NO_GPU, "epicrealism-lightning")
    assert choice.card.name == "spark"
    assert "no GPU" in choice.because
    assert "trying" in choice.because


def test_auto_with_a_gpu_takes_the_quickest_that_is_here():
    assert pick("auto", GPU, "epicrealism").card.name == "epicrealism"
    both = pick("auto", GPU, "epicrealism", "epicrealism-lightning")
    assert both.card.name == "epicrealism-lightning"


def test_auto_with_a_gpu_and_no_weights_names_both_ways():
    with pytest.raises(WeightsMissing) as caught:
        pick("auto", GPU)
    assert "reelkiln models pull epicrealism-lightning" in caught.value.hint
    assert "GB" in caught.value.hint
    assert "--model spark" in caught.value.hint


def test_a_model_by_name_is_taken_and_a_strange_name_gets_the_nearest():
    assert pick("spark", GPU).card.name == "spark"
    with pytest.raises(UnknownName) as caught:
        pick("sprak", GPU)
    assert "spark" in caught.value.hint

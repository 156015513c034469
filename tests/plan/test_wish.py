"""What may be asked for."""

from dataclasses import replace
from fractions import Fraction

import pytest

from plan.toys import ALL, CARDS, machine, shot
from reelkiln.errors import UnknownName, UsageError, unknown_name
from reelkiln.plan.walk import plan_shot
from reelkiln.plan.wish import PROMPT_MAX, check_shot
from reelkiln.reel import ASPECTS, Size

SPARK = CARDS["spark"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": " \t\n"}, "prompt is empty"),
        ({"prompt": "a" * (PROMPT_MAX + 1)}, "4,001 characters"),
        ({"prompt": "a\0b"}, "NUL"),
        ({"negative": "a" * (PROMPT_MAX + 1)}, "negative prompt has 4,001"),
        ({"negative": "\0"}, "negative prompt holds a NUL"),
        ({"seconds": Fraction(0)}, "0 seconds"),
        ({"seconds": Fraction(-4)}, "-4 seconds"),
        ({"seconds": Fraction(99, 100)}, "0.99 seconds"),
        ({"seconds": Fraction(801, 100)}, "8.01 seconds"),
        ({"size": Size(62, 64)}, "62x64"),
        ({"size": Size(4098, 4096)}, "4098x4096"),
        ({"size": Size(721, 1280)}, "odd side"),
        ({"size": Size(400, 1602)}, "too slender"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**32}, "seed 4294967296"),
        ({"preset": "fianl"}, "fianl"),
    ],
)
def test_impossible_wishes_are_refused_before_planning(changes, message):
    wish = shot(SPARK, **changes)
    with pytest.raises(UsageError, match=message) as refused:
        plan_shot(wish, SPARK, machine())
    assert refused.value.hint
    assert refused.value.exit_code == 2
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "a" * PROMPT_MAX},
        {"prompt": "Crème, 日本, 🧴"},
        {"seconds": Fraction(1)},
        {"seconds": Fraction(8)},
        {"size": Size(64, 64)},
        {"size": Size(4096, 4096)},
        {"size": Size(400, 1600)},
        {"seed": 2**32 - 1},
        *({"size": size} for size in ASPECTS.values()),
    ],
)
def test_the_bounds_themselves_are_allowed(changes):
    for card in ALL:
        check_shot(shot(card, **changes), card)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownName, match="no preset of spark is called 'fianl'") as refused:
        check_shot(shot(SPARK, preset="fianl"), SPARK)
    assert refused.value.hint == "Did you mean final? There are: draft, final, standard."


def test_a_name_like_no_other_gets_the_list():
    assert unknown_name("model", "zzz", ["b", "a"]).hint == "There are: a, b."


def test_a_preset_of_the_card_is_enough():
    one = replace(SPARK, presets={"standard": SPARK.presets["standard"]})
    check_shot(shot(one), one)
    with pytest.raises(UnknownName):
        check_shot(shot(one, preset="draft"), one)

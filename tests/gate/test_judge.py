"""Verdicts: what is refused, why, what is tried next, and what approved takes teach."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkiln.gate.judge import broken, judge, score_mark
from reelkiln.gate.learnt import APPROVED_MIN, robust_limits
from reelkiln.gate.limits import FIXED, Limits

from .sources import product


def inside(rule) -> float:
    return rule.low if math.isfinite(rule.low) else rule.high


def outside(rule) -> float:
    return rule.low - 1 if math.isfinite(rule.low) else rule.high + 1


GOOD = {rule.mark: inside(rule) for rule in FIXED.rules}


def test_marks_at_their_limits_are_kept():
    verdict = judge(GOOD)
    assert verdict.kept
    assert verdict.reasons == ()
    assert verdict.action is None
    assert verdict.marks == GOOD


@pytest.mark.parametrize("rule", FIXED.rules, ids=lambda rule: rule.mark)
def test_each_rule_refuses_with_its_reason_and_action(rule):
    verdict = judge(GOOD | {rule.mark: outside(rule)})
    assert not verdict.kept
    assert verdict.action == rule.action
    assert len(verdict.reasons) == 1
    assert "{" not in verdict.reasons[0]
    assert rule.because


@pytest.mark.parametrize("rule", FIXED.rules, ids=lambda rule: rule.mark)
def test_what_is_not_a_number_is_never_inside(rule):
    assert not judge({rule.mark: math.nan}).kept


def test_what_was_not_measured_breaks_nothing():
    assert judge({}).kept


def test_the_gravest_fault_decides():
    verdict = judge({"softness": 0.9, "finite": 0.5, "black_share": 1.0})
    assert verdict.action == "safer_dtype"
    assert len(verdict.reasons) == 3
    assert [rule.mark for rule in broken(verdict.marks)] == ["finite", "black_share", "softness"]


def test_limits_can_be_left_out():
    assert judge({"jump": 99.0}, FIXED.without("jump")).kept


@given(st.integers(0, APPROVED_MIN - 1))
def test_too_few_approved_takes_teach_nothing(count):
    assert robust_limits([{"luma": 100.0}] * count) == FIXED


@given(
    st.lists(st.floats(0, 255), min_size=APPROVED_MIN, max_size=60),
    st.randoms(use_true_random=False),
)
def test_learnt_limits_do_not_depend_on_order_and_keep_the_usual(values, dice: random.Random):
    history = [{"luma": value} for value in values]
    mixed = list(history)
    dice.shuffle(mixed)
    limits = robust_limits(history, Limits(()))
    assert limits == robust_limits(mixed, Limits(()))
    assert judge({"luma": sorted(values)[len(values) // 2]}, limits).kept


def test_an_outlier_is_refused_and_one_wild_take_does_not_widen_the_limits():
    history = [{"luma": 120.0 + at % 5, "tile_seam": 1.0} for at in range(40)]
    history[7] = {"luma": 9000.0, "tile_seam": math.inf}
    limits = robust_limits(history)
    assert judge({"luma": 123.0, "tile_seam": 2.0}, limits).kept
    assert judge({"luma": 160.0}, limits).action == "other_seed"
    assert judge({"tile_seam": 30.0}, limits).action == "other_tile"
    assert limits.rules[: len(FIXED.rules)] == FIXED.rules


def test_takes_that_are_all_alike_do_not_refuse_the_next():
    limits = robust_limits([{"softness": 0.2, "luma": 100.0}] * 30)
    assert judge({"softness": 0.25, "luma": 108.0}, limits).kept


@pytest.mark.parametrize(
    ("mark", "usual", "low", "high"),
    [
        ("luma", 120.0, "other_seed", "other_seed"),
        ("speed", 4.0, "other_seed", "smaller_motion"),
        ("softness", 0.3, None, "other_seed"),
        ("palette", 9.0, None, "other_seed"),
        ("alignment", 0.12, "other_seed", None),
        ("score", 0.5, "other_seed", None),
    ],
)
def test_only_the_side_that_is_a_fault_is_refused(mark, usual, low, high):
    limits = robust_limits([{mark: usual}] * APPROVED_MIN, Limits(()))
    assert judge({mark: usual}, limits).kept
    assert judge({mark: usual - 100}, limits).action == low
    assert judge({mark: usual + 100}, limits).action == high


def test_scores_come_from_outside_or_not_at_all():
    clip = product((180, 40, 50), (225, 205, 170))

    class Counting:
        mark = "alignment"

        def __call__(self, _clip, words):
            return float(len(words)) if words else None

    assert score_mark(None, clip, "a bottle") == {}
    assert score_mark(Counting(), clip, "") == {}
    assert score_mark(Counting(), clip, "four") == {"alignment": 4.0}

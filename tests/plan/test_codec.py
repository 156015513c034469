"""A plan survives JSON exactly; what is no plan is refused with the place named."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.toys import CARDS, machine, machines, shot, wishes
from reelkiln.errors import PlanRefused, UsageError
from reelkiln.plan.codec import FORMAT, plan_from_json, plan_to_json
from reelkiln.plan.form import read
from reelkiln.plan.plan import Plan
from reelkiln.plan.walk import plan_shot

EPIC = CARDS["epicrealism"]


def data():
    return plan_to_json(plan_shot(shot(EPIC), EPIC, machine()))


@given(wishes(), machines())
@settings(deadline=None)
def test_round_trip(wish, where):
    shot_, card = wish
    try:
        plan = plan_shot(shot_, card, where)
    except PlanRefused:
        return
    text = json.dumps(plan_to_json(plan), allow_nan=False)
    assert plan_from_json(json.loads(text)) == plan


def test_the_fields_carry_the_plans_own_names():
    assert set(data()) == {"format", *(field.name for field in fields(Plan))}
    assert data()["size"] == "384x704"
    assert data()["fps"] == "8"
    assert data()["rung"]["residence"] == "streamed"


@pytest.mark.parametrize("strange", [None, [], "plan", 3, {}, {"format": 2}, {"format": "1"}])
def test_another_format_is_refused(strange):
    with pytest.raises(UsageError, match=f"not a plan of format {FORMAT}"):
        plan_from_json(strange)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["steps"], "25", "plan.steps must be a whole number"),
        (["steps"], True, "plan.steps must be a whole number"),
        (["guidance"], float("nan"), "plan.guidance must be a number"),
        (["guidance"], None, "plan.guidance must be a number"),
        (["size"], "0x5", "plan.size must be a size"),
        (["size"], [1, 2], "plan.size must be a size"),
        (["fps"], "1/0", "plan.fps must be"),
        (["fps"], 8.0, "plan.fps must be"),
        (["device"], "tpu", "plan.device must be one of cuda, cpu"),
        (["rung", "storage_bits"], 4, "plan.rung.storage_bits must be one of 32, 16, 8"),
        (["rung", "storage_bits"], 16.0, "plan.rung.storage_bits must be one of"),
        (["rung", "split"], 1, "plan.rung.split must be true or false"),
        (["rung"], None, "plan.rung must be a table"),
        (["segments"], {}, "plan.segments must be a list"),
        (["segments", 0, "frames"], "x", r"plan.segments\[0\].frames must be a whole number"),
        (["segments", 0, "image"], 3, r"plan.segments\[0\].image must be text"),
        (["because", 0], 3, r"plan.because\[0\] must be text"),
        (["reach", "lead"], -1.5, "plan.reach.lead must be a whole number"),
        (["reach", "kind"], "lead", "plan.reach: lead needs"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(path, value, message):
    plan = data()
    place = plan
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(UsageError, match=message):
        plan_from_json(plan)


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(UsageError, match="plan: unknown key 'stepz'") as refused:
        plan_from_json({**data(), "stepz": 3})
    assert refused.value.hint == "Did you mean steps?"
    short = data()
    del short["rung"]
    with pytest.raises(UsageError, match="plan: key 'rung' is missing"):
        plan_from_json(short)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from([field.name for field in fields(Plan)]), json_values)
def test_nothing_but_a_plan_or_a_refusal_comes_out(name, value):
    try:
        plan = plan_from_json({**data(), name: value})
    except UsageError as refused:
        assert refused.hint
        return
    assert isinstance(plan, Plan)


@pytest.mark.parametrize("number", ["Infinity", "NaN", "1e999", "9" * 400])
def test_a_number_that_no_float_holds_is_refused(number):
    with pytest.raises(UsageError, match="must be a number"):
        read(float, json.loads(number), "seconds")

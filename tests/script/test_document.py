"""Strict YAML: what is refused, what stays text, and that nothing unexpected ever comes out."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelkiln.script.document import DEPTH_MAX, parse

QUICK = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def faults_of(text: str) -> str:
    return " | ".join(str(fault) for fault in parse(text, "f.yaml").faults)


def test_scalars_follow_yaml_1_2():
    text = "a: 9:16\nb: NO\nc: 1_0\nd: 012\ne: 1.5\nf: true\ng: ~\nh: '7'\ni: 0x10\nj: on"
    assert parse(text, "f").value == {
        "a": "9:16", "b": "NO", "c": "1_0", "d": 12, "e": 1.5, "f": True, "g": None, "h": "7",
        "i": "0x10", "j": "on",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "f.yaml:1:4: anchors (&name) are not allowed"),
        ("a: 1\nb: *x", "f.yaml:2:4: aliases (*name) are not allowed"),
        ("a: !!python/name:os.system x", "f.yaml:1:4: tags (!name) are not allowed"),
        ("a: 1\n\tb: 2", "a tab stands here"),
        ("", "f.yaml:1:1: the file is empty"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here"),
        ("[" * 40 + "]" * 40, f"nested deeper than {DEPTH_MAX} levels"),
        ("? [a]\n: b", "a key must be a word"),
        ("a: '" + "x" * 30_000 + "'", "f.yaml:1:4: a text longer than 20000 characters"),
        ("a: b\nc: \x07", "f.yaml:2:4: a character that YAML does not allow"),
        ("- x\n" * 30_000, "more than 20000 values"),
        ("a: 1\n" * 60_000, "f.yaml: larger than 256 KiB"),
        ("a: [1, 2", "f.yaml:"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text, said):
    assert said in faults_of(text)


def test_equal_keys_are_all_named():
    found = parse("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3", "f.yaml")
    assert [str(fault) for fault in found.faults] == [
        "f.yaml:2:1: a stands here twice (first: line 1)",
        "f.yaml:3:11: c stands here twice (first: line 3)",
        "f.yaml:4:1: a stands here twice (first: line 1)",
    ]


def test_the_alias_bomb_is_refused_before_it_unfolds():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    found = parse(bomb, "bomb.yaml")
    assert found.value is None
    assert "anchors" in str(found.faults[0])


letters = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp"))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(letters, max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(letters, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@QUICK
@given(plain)
def test_json_is_read_back(value):
    """JSON is a subset of YAML 1.2."""
    text = json.dumps(value, ensure_ascii=False)
    found = parse(text, "f.yaml")
    assert (found.faults, found.value) == ((), value)


@QUICK
@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!#|>'\"\n\t ,?%@`", max_size=120))
def test_any_text_gives_a_value_or_placed_faults(text):
    found = parse(text, "f.yaml")
    assert found.faults or found.places
    for fault in found.faults:
        assert fault.message
        assert fault.place.line <= len(text) + 2

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkiln.errors import FilmError
from reelkiln.film.sidecar import read_sidecar, write_sidecar

words = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
content = st.dictionaries(words, values, max_size=5)


@settings(max_examples=40, deadline=None)
@given(content)
def test_what_is_written_is_read(tmp_path_factory, said):
    movie = tmp_path_factory.mktemp("sidecar") / "a.mp4"
    path = write_sidecar(movie, said)
    assert path == movie.with_name("a.mp4.json")
    assert read_sidecar(movie) == said


def test_it_is_plain_sorted_utf_8(tmp_path):
    path = write_sidecar(tmp_path / "a.mp4", {"b": "größe", "a": 1})
    assert path.read_bytes() == '{\n  "a": 1,\n  "b": "größe"\n}\n'.encode()


def test_numbers_that_json_has_not_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_sidecar(tmp_path / "a.mp4", {"a": float("nan")})
    assert not list(tmp_path.glob("*.json"))


def test_none_beside_is_none(tmp_path):
    assert read_sidecar(tmp_path / "a.mp4") is None


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"'])
def test_what_is_no_sidecar_is_named(tmp_path, data):
    Path(tmp_path, "a.mp4.json").write_bytes(data)
    with pytest.raises(FilmError, match=r"a\.mp4\.json is no sidecar"):
        read_sidecar(tmp_path / "a.mp4")

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from film.scenes import make, moving_box
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.tags import COMMENT, RECIPE, TITLE, check_tags, read_tags

MATERIAL = moving_box(2, fps=24)
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
tricky = st.text("\\\n\r=;#[]-'\" \t", max_size=12)
values = st.one_of(text, tricky, st.tuples(text, tricky).map("".join))


def trip(folder, tags):
    make(folder / "a.mp4", MATERIAL, seconds=1 / 12, tags=tags)
    return read_tags(folder / "a.mp4")


@settings(max_examples=25, deadline=None)
@given(st.lists(values, min_size=1, max_size=12))
def test_any_text_comes_back_as_it_was(tmp_path_factory, said):
    tags = {f"key.{index}": value for index, value in enumerate(said)}
    assert trip(tmp_path_factory.mktemp("tags"), tags) == tags


def test_a_recipe_of_100_kb_comes_back_whole(tmp_path):
    recipe = json.dumps({"prompt": "größe 瓶 🎬\n\\" * 5000, "seed": 1}, ensure_ascii=False)
    assert len(recipe.encode()) > 100_000
    tags = {RECIPE: recipe, TITLE: "a bottle\\", COMMENT: "made with reelkiln"}
    assert trip(tmp_path, tags) == tags


@pytest.mark.parametrize(
    "value",
    [
        "-y",
        "-i /etc/passwd",
        ";FFMETADATA1",
        "[CHAPTER]\nSTART=0\nEND=1",
        "#",
        "\\",
        "\\\\\n\\",
        "",
        "a=b=c",
        "\r\n",
    ],
)
def test_words_that_look_like_commands_stay_words(tmp_path, value):
    assert trip(tmp_path, {TITLE: value, "z.last": "untouched"}) == {
        TITLE: value,
        "z.last": "untouched",
    }


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 5_000_000])
def test_what_no_file_can_carry_is_refused_before_anything_is_made(tmp_path, value):
    with pytest.raises(UsageError):
        make(tmp_path / "a.mp4", tags={TITLE: value})
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.parametrize("key", ["", "-y", "a b", "encoder", "[x]", "é", "a=b"])
def test_keys_are_plain(key):
    with pytest.raises(ValueError, match="cannot be the key"):
        check_tags({key: "x"})


def test_a_film_that_is_missing_or_none_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.mp4 is missing"):
        read_tags(tmp_path / "gone.mp4")
    (tmp_path / "no.mp4").write_text("not a film")
    with pytest.raises(FilmError, match=r"no\.mp4 is not a film"):
        read_tags(tmp_path / "no.mp4")

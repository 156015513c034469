import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reelkiln.errors import UsageError
from reelkiln.film.names import (
    check_name,
    companions,
    movie_name,
    part_path,
    wrong_name,
)

FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)}
RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{d}" for p in ("com", "lpt") for d in range(1, 10)}


def fits_every_desktop(name: str) -> bool:
    """Microsoft's rules, written a second time and differently from the code's."""
    return (
        0 < len(name.encode()) <= 255
        and not FORBIDDEN & set(name)
        and name[-1] not in ". "
        and name.partition(".")[0].rstrip().lower() not in RESERVED
        and PureWindowsPath(name).name == name
    )


@given(st.text(max_size=300), st.integers(0, 2**32 - 1))
def test_any_words_become_a_name_that_every_desktop_takes(words, seed):
    name = movie_name(words, seed)
    assert name.endswith(f"-{seed}.mp4")
    assert fits_every_desktop(name)
    assert wrong_name(name) is None


@given(
    st.one_of(st.text(max_size=60), st.text("CONAUXLPT1.~ :", max_size=12)).map(
        lambda t: t + ".mp4"
    )
)
def test_a_name_that_is_let_through_fits_every_desktop_with_all_that_is_beside_it(name):
    if wrong_name(name) is None:
        beside = companions(Path("out", name))
        for path in (
            Path(name),
            beside.sidecar,
            beside.poster,
            beside.sheet,
            part_path(Path(name), 1),
        ):
            assert fits_every_desktop(path.name), path


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".mp4",
        "a.avi",
        "con.mp4",
        "COM1.mp4",
        "a?.mp4",
        "a:b.mp4",
        "a\nb.mp4",
        "é" * 120 + ".mp4",
        "x" * 250 + ".mp4",
        "~a.mp4",
        "\ud800.mp4",
        "LPT¹.mp4",
        "x" * 210 + "|.mp4",
    ],
)
def test_wrong_names_are_told(name):
    assert wrong_name(name)
    with pytest.raises(UsageError, match="the file name"):
        check_name(Path(name))


@pytest.mark.parametrize(
    "name", ["a.mp4", "Bottle No. 5.MP4", "größe.mp4", "瓶.mp4", "-y.mp4", "x" * 215 + ".mp4"]
)
def test_good_names_pass(name):
    check_name(Path("anywhere", name))


@given(
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=251
    )
)
@example("x" * 251)
@example("é" * 125)
def test_a_part_file_lies_beside_its_target_and_fits(name):
    name = f"{name}.mp4"
    if len(name.encode()) <= 255:
        part = part_path(Path("out", name), 4_194_304)
        assert part.parent == Path("out")
        assert part.name.startswith(".")
        assert part.name.endswith(".4194304.part.mp4")
        assert len(os.fsencode(part.name)) <= 255


def test_companions_never_take_a_name_that_a_person_would_give_a_photo():
    beside = companions(Path("out/bottle.mp4"))
    names = [path.name for path in (beside.sidecar, beside.poster, beside.sheet)]
    assert names == ["bottle.mp4.json", "bottle.poster.png", "bottle.sheet.png"]

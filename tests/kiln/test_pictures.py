"""The pictures of a reel's shots, found again: named for a shot, just named, or beside the film."""

from dataclasses import replace
from pathlib import Path

import pytest

from kiln.test_recipe import RECIPE
from reelkiln.errors import UsageError
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.pictures import pictured, read_named
from reelkiln.kiln.start import with_picture

WHICH = "Of its shots, these begin from a picture: shot 1 from jar.png, shot 3 from box.png."


@pytest.fixture
def shots(tmp_path, monkeypatch):
    """Three shots, of which the first and the last begin from pictures that lie in `photos`."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("other.png").write_bytes(b"other")
    return tuple(shot(name) for name in ("jar.png", None, "box.png"))


def shot(name):
    if name is None:
        return RECIPE
    Path("photos", name).write_bytes(name.encode())
    begun = replace(RECIPE.shot, image=name)
    begun, plan = with_picture(begun, RECIPE.plan, name)
    return replace(RECIPE, shot=begun, plan=plan, picture=file_sha256(Path("photos", name)))


def found(shots, *named, folders=(), reel=True):
    ready = pictured(
        shots, [read_named(one) for one in named], [Path(f) for f in folders], reel=reel
    )
    return [one.shot.image and Path(one.shot.image).as_posix() for one in ready]


def refused(shots, *named, folders=(), reel=True):
    with pytest.raises(UsageError) as caught:
        found(shots, *named, folders=folders, reel=reel)
    return caught.value.message, caught.value.hint


def test_pictures_are_found_beside_the_film_by_the_shot_or_by_what_they_are(shots):
    both = ["photos/jar.png", None, "photos/box.png"]
    assert found(shots, folders=[".", "photos"]) == both
    assert found(shots, "3=photos/box.png", "1=photos/jar.png") == both
    assert found(shots, "photos/box.png", "photos/jar.png") == both  # the order says nothing
    Path("photos/box.png").rename("moved.png")
    assert found(shots, "3=moved.png", folders=["photos"]) == [both[0], None, "moved.png"]
    twice = (shots[0], shots[0])
    assert found(twice, "photos/jar.png") == ["photos/jar.png"] * 2


def test_a_wrong_shot_is_refused_in_one_line(shots):
    for number in (0, 4):
        said = (f"shot {number} is not in this film: it has 3", WHICH)
        assert refused(shots, f"{number}=photos/jar.png", folders=["photos"]) == said
    said = ("shot 2 begins from words alone", WHICH)
    assert refused(shots, "2=photos/jar.png", folders=["photos"]) == said
    message, hint = refused(shots, "3=photos/jar.png", folders=["photos"])
    assert message == "shot 3 begins from the picture box.png, and photos/jar.png is another one"
    assert hint == "Put that picture beside the film, or name it with --image 3=FILE."
    message, _ = refused(shots, "other.png", folders=["photos"])
    assert message == "no shot begins from the picture other.png"
    message, _ = refused((RECIPE,), "other.png", reel=False)
    assert message == "the film begins from words alone, and other.png is named for it"


def test_a_picture_that_is_not_there_is_told_with_its_shot(shots):
    message, hint = refused(shots, "1=photos/jar.png")
    assert message == "shot 3 begins from the picture box.png, and it is not here"
    assert "--image 3=FILE" in hint
    message, hint = refused(shots[:1], reel=False)
    assert message == "the clip begins from the picture jar.png, and it is not here"
    assert hint.endswith("--image FILE.")
    assert refused(shots, "1=gone.png")[0] == "start picture gone.png: there is no such file"
    assert refused(shots, "1=photos")[0].startswith("start picture photos: cannot be read: ")
    Path("photos/jar.png").write_bytes(b"drawn anew")
    assert "photos/jar.png is no longer the same" in refused(shots, folders=["photos"])[0]

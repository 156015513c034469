"""A new workspace is whole or not there."""

from pathlib import Path

import pytest

from reelkiln.errors import UsageError
from reelkiln.script.starter import write_starter
from reelkiln.script.workspace import read_workspace


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_a_new_workspace_is_read_without_mistakes(place):
    files = write_starter(place / "ethereal-glow")
    assert place / "ethereal-glow" / "brand.yaml" in files
    assert read_workspace(place / "ethereal-glow").brand.name == "Ethereal Glow"
    assert [path.name for path in place.iterdir()] == ["ethereal-glow"]


def test_an_empty_folder_is_filled(place):
    write_starter(place)
    assert (place / "products.csv").is_file()


def test_what_is_there_stays(place):
    (place / "keep.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        write_starter(place)
    with pytest.raises(UsageError, match="is a file"):
        write_starter(place / "keep.txt")
    assert [path.name for path in place.iterdir()] == ["keep.txt"]


def test_a_folder_that_cannot_be_made_leaves_nothing(place):
    (place / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        write_starter(place / "file" / "deep")
    assert [path.name for path in place.iterdir()] == ["file"]

"""A new workspace is whole or not there."""

import pytest

from reelkiln.errors import UsageError
from reelkiln.script.starter import write_starter
from reelkiln.script.workspace import read_workspace


def test_a_new_workspace_is_read_without_mistakes(tmp_path):
    files = write_starter(tmp_path / "ethereal-glow")
    assert tmp_path / "ethereal-glow" / "brand.yaml" in files
    assert read_workspace(tmp_path / "ethereal-glow").brand.name == "Ethereal Glow"
    assert [path.name for path in tmp_path.iterdir()] == ["ethereal-glow"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "here").mkdir()
    write_starter(tmp_path / "here")
    assert (tmp_path / "here" / "products.csv").is_file()


def test_what_is_there_stays(tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        write_starter(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        write_starter(tmp_path / "keep.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        write_starter(tmp_path / "missing" / "deep")
    assert list(tmp_path.iterdir()) == []

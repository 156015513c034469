"""The starter workspace, copied to a place of its own."""

import shutil
from importlib import resources
from pathlib import Path

import pytest

from reelkiln.script.workspace import Workspace, read_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with resources.as_file(resources.files("reelkiln.script").joinpath("starter")) as starter:
        return Path(shutil.copytree(starter, tmp_path / "ethereal-glow"))


@pytest.fixture
def space(folder: Path) -> Workspace:
    return read_workspace(folder)

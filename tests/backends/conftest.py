"""Tiny weights for this folder's tests."""

import pytest

from reelkiln.backends.seam import Folders


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """AnimateDiff weights, written once, for reading only: "model", "motion", "lightning"."""
    from reelkiln.backends.tiny import write_animatediff

    return write_animatediff(tmp_path_factory.mktemp("tiny"))

import os
import sys

import pytest

from faults.worker_process import Workers
from kiln.shifts import ledger_in

collect_ignore_glob = [] if hasattr(os, "fork") else ["test_*.py"]


@pytest.fixture(scope="session")
def workers():
    with Workers(sys.stderr) as found:
        yield found


@pytest.fixture
def place(tmp_path):
    """A workspace's folder."""
    folder = tmp_path / "place"
    (folder / ".reelkiln").mkdir(parents=True)
    return folder


@pytest.fixture
def ledger(place):
    with ledger_in(place) as one:
        yield one

"""RAM that no file backs: its most, also between the moments in which somebody asks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from reelkiln.backends.probe import OwnRam, ram_own

MiB = 1 << 20

pytestmark = pytest.mark.skipif(not ram_own(), reason="this system does not tell it")


def hold(size: int) -> None:
    """Take so many bytes for as long as three looks take, and let them go."""
    held = np.ones(size, np.uint8)
    threading.Event().wait(3 * OwnRam.EVERY)
    del held


def test_what_came_and_went_between_two_moments_is_seen():
    with OwnRam() as own:
        before = ram_own()
        hold(300 * MiB)
        assert ram_own() < before + 100 * MiB
    assert own.most > before + 250 * MiB


def test_it_counts_on_and_leaves_no_thread():
    own = OwnRam()
    with own:
        hold(300 * MiB)
    most = own.most
    with own:
        pass
    assert own.most >= most
    assert all(thread.name != "own RAM" for thread in threading.enumerate())

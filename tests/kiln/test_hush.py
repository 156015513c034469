"""What another library's thread writes stays out of our results."""

import sys
import threading

import pytest

from reelkiln.kiln.hush import hushed


def test_only_the_named_threads_are_hushed(capsys):
    before = sys.stdout
    with hushed("ray_"):
        noisy = threading.Thread(target=print, args=("node died",), name="ray_listen")
        other = threading.Thread(target=print, args=("result",), name="mine")
        for thread in (noisy, other):
            thread.start()
            thread.join()
        sys.stdout.write("more\n")
        assert sys.stdout.isatty() == before.isatty()
    assert sys.stdout is before
    assert capsys.readouterr().out == "result\nmore\n"


def test_it_ends_with_whatever_is_raised():
    before = sys.stdout
    with pytest.raises(KeyboardInterrupt), hushed("ray_"):
        raise KeyboardInterrupt
    assert sys.stdout is before

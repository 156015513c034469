"""Waiting for another thread or process, and looking into folders that it changes meanwhile.

A machine may be busy with anything else: what is waited for here comes, or is broken. How long it
took is never what a test is about.
"""

import os
import time
from pathlib import Path

LONG = 120.0
"""Seconds after which it does not come any more, on the slowest machine that runs these tests."""


def wait_for(condition, seconds=LONG):
    """Until `condition()` is true; what it returned. Fails after so many seconds."""
    until = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < until, f"not within {seconds:.0f} s"
        time.sleep(0.01)
    return met


def files_under(folder):
    """All files below a folder. What comes or goes while it is listed is in it or not: `Path.rglob`
    fails where a folder goes between being seen and being read."""
    return [Path(at, name) for at, _, names in os.walk(folder) for name in names]

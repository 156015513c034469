"""F18: a worker that works for long holds no more memory than one that began a while ago.

A few seconds in CI, 20 minutes with `make soak`, and as long as `REELKILN_LONG_MINUTES` says: 1440
are the 24 hours.
"""

import json
import os
import statistics
import sys
import time
from contextlib import suppress

import psutil
import pytest

from faults.soundness import assert_sound
from kiln.shifts import queue, states

SOAK = bool(os.environ.get("REELKILN_SOAK"))
MINUTES = float(os.environ.get("REELKILN_LONG_MINUTES") or (20 if SOAK else 0.15))
STOCK = 6 if MINUTES < 1 else 40
"""Clips that wait at least: a worker must not run out of work."""
WARM = 12
"""Clips until everything was read and every buffer was used once."""
MIB = 1 << 20
GROWTH = 16 * MIB
"""What a short run may grow by: SQLite and allocators fill their caches."""
PER_THOUSAND = 24 * MIB
"""What the second half of a long run may grow by for each thousand clips: twice as many as the
longest night has at a minute a clip. A coarse net: memory grows in steps of some MiB, which weigh
much in a run of minutes. What once leaked is held by `tests/film/test_container.py`."""


@pytest.mark.timeout(60 * MINUTES + 600)
@pytest.mark.parametrize("renderer", ["here", "lanes"] if SOAK else ["here"])
def test_f18_memory_stays_flat_over_many_clips(place, ledger, workers, renderer):
    ids = queue(ledger, 2 * STOCK)
    pid = workers.start(place, renderer=renderer)
    worker, samples, until = psutil.Process(pid), [], time.monotonic() + 60 * MINUTES
    done = 0
    while time.monotonic() < until or done < 2 * WARM:
        counted = list(states(ledger).values())
        done = counted.count("delivered")
        if counted.count("queued") < STOCK:
            ids += queue(ledger, STOCK)
        if done >= WARM:
            samples.append((done, held_by(worker)))
        assert workers.wait(pid, 0.2 if MINUTES < 1 else 1.0) is None, "it ended by itself"
    assert workers.wait(pid, 120) == 0
    assert_sound(place, ledger, ids)
    assert set(states(ledger).values()) == {"delivered"}
    told = about(samples)
    sys.stdout.write(json.dumps({"renderer": renderer, "minutes": MINUTES, **told}) + "\n")
    if told["clips"] < 500:
        assert told["grown MiB"] * MIB < GROWTH
    else:
        assert told["MiB for each thousand, second half"] * MIB < PER_THOUSAND


def held_by(worker):
    """Resident bytes of a worker and its renderer; not of the encoders, which come and go."""
    held = own(worker)
    for one in worker.children(recursive=True):
        with suppress(psutil.Error):
            if "python" in one.name():
                held += own(one)
    return held


def own(process):
    """Resident bytes that no file stands behind: pages of libraries come and go as the system
    likes, by more than what is looked for."""
    held = process.memory_info()
    return held.rss - getattr(held, "shared", 0)


def about(samples):
    """What the samples, of clips done and bytes held, come to."""
    half = samples[len(samples) // 2 :]
    counts, held = zip(*half, strict=True)
    flat = len(set(counts)) < 2
    slope = 0.0 if flat else statistics.linear_regression(counts, held).slope * 1000
    return {
        "clips": samples[-1][0],
        "first MiB": round(samples[0][1] / MIB, 1),
        "half MiB": round(half[0][1] / MIB, 1),
        "last MiB": round(samples[-1][1] / MIB, 1),
        "grown MiB": round((samples[-1][1] - samples[0][1]) / MIB, 1),
        "MiB for each thousand, second half": round(slope / MIB, 2),
    }

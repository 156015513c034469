"""F11: the power goes while a film is written. Nothing unreadable ever has a final name."""

import random
import time

from faults.soundness import assert_sound, readable
from kiln.shifts import queue, states
from reelkiln.kiln.crash import ENV
from waiting import files_under

CUTS = 20


def test_f11_twenty_cuts_while_films_are_written(place, ledger, workers):
    rng = random.Random(11)
    ids = queue(ledger, CUTS)
    cut = 0
    while cut < CUTS:
        pid = workers.start(place)
        while not any("/.reelkiln-" in one.as_posix() for one in files_under(place / "reels")):
            if workers.wait(pid, 0.002) is not None:
                break
        time.sleep(rng.uniform(0.0, 0.3))
        if workers.wait(pid, 0) is None:
            workers.kill(pid)
            cut += 1
        readable(place)
        if "queued" not in states(ledger).values():
            ids += queue(ledger, 5)
    assert workers.run(place) == 0
    assert_sound(place, ledger, ids)


def test_f11_what_was_not_flushed_is_lost_and_made_again(place, ledger, workers):
    """The disk keeps only half of what was written without a flush."""
    ids = queue(ledger, 1)
    workers.run(place, env={ENV: "part file written"})
    workers.run(place, env={ENV: "film staged"})
    for path in files_under(place):
        unflushed = ".part" in path.name or ".reelkiln-" in str(path.parent.name)
        if unflushed or path.suffix == ".npy":
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // 2)
    readable(place)
    assert workers.run(place) == 0
    assert_sound(place, ledger, ids)
    assert set(states(ledger).values()) == {"delivered"}

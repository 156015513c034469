"""The drill in small, with real processes; and that it sees what is lost or made twice."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.running import command
from kiln.shifts import queue, shift_in
from reelkiln.errors import LedgerError
from reelkiln.kiln.drill import Drill, count
from reelkiln.reel import Size
from reelkiln.script.starter import write_starter
from reelkiln.store.ledger import open_ledger


@pytest.fixture
def folder():
    made = Path("drill").absolute()
    write_starter(made)
    (made / "reels").mkdir(exist_ok=True)
    return made


@pytest.fixture
def ledger(folder):
    with open_ledger(folder / ".reelkiln" / "ledger.db") as made:
        yield made


def drill(folder, ledger, start):
    return Drill(
        folder=folder,
        ledger=ledger,
        command=start,
        log=folder / "worker.log",
        model="null",
        preset="draft",
        size=Size(64, 64),
        now=lambda: datetime.now(UTC),
        rng=random.Random(3),
        kills=2,
        seconds=24.0,
    )


def test_two_kills_lose_nothing_and_make_nothing_twice(folder, ledger):
    one = drill(folder, ledger, command("work", "--on-battery", "--quiet"))
    moments = list(one.run())
    outcome = one.outcome()
    assert str(outcome) == "2 kills, 0 lost, 0 twice", (outcome.lost, outcome.twice)
    assert outcome.passed
    assert outcome.delivered + len(outcome.parked) == outcome.clips >= 2
    assert [m.kills for m in moments] == sorted(m.kills for m in moments)
    assert any(m.said.startswith("killed while") for m in moments)


def test_a_worker_that_ends_by_itself_is_told(folder, ledger):
    one = drill(folder, ledger, command("work", "--no-such-option"))
    with pytest.raises(LedgerError, match="ended by itself with 2") as caught:
        list(one.run())
    assert any("no-such-option" in line for line in caught.value.details)


def test_what_is_lost_or_twice_is_seen(folder, ledger):
    ids = queue(ledger, 4)
    shift_in(folder, ledger).run()
    assert count(folder, ledger, ids, kills=0).passed
    films = [folder / "reels" / f"{name}.mp4" for name in ids]
    films[0].unlink()
    films[1].write_bytes(films[1].read_bytes()[:-1] + b"x")
    films[2].with_stem("again").write_bytes(films[2].read_bytes())
    more = queue(ledger, 1)
    found = count(folder, ledger, [*ids, *more, "gone"], kills=3)
    assert str(found) == "3 kills, 4 lost, 1 twice"
    assert not found.passed
    told = " | ".join(found.lost)
    for name, why in ((ids[0], "read"), (ids[1], "not the file"), (more[0], "still queued")):
        assert any(line.startswith(name) and why in line for line in found.lost), told
    assert "gone: it has no row" in told
    assert "again.mp4" in found.twice[0]

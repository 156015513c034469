"""Copies of the ledger: whole or not there, also while others write and while the disk is full."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelkiln.errors import LedgerError, LockHeld, UsageError
from reelkiln.store import backup as module
from reelkiln.store.backup import back_up, backups, check_ledger, copy_ledger, restore
from reelkiln.store.ledger import open_ledger
from reelkiln.store.migrations import STEPS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FOLDER, LEDGER = Path("backups"), Path("ledger.db")


def deliver(name, *, recipe="{}"):
    with open_ledger(LEDGER) as ledger:
        ledger.record_delivery(
            sha256=name * 64, recipe_digest="d" * 64, recipe=recipe, path=name, takes=(), now=NOON
        )


def delivered(path=LEDGER):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT path FROM deliveries ORDER BY id")]


def test_a_copy_holds_every_row_and_stands_alone():
    deliver("a")
    made = back_up(LEDGER, FOLDER, now=NOON)
    assert made.path.name == "ledger-20260501T120000Z.db"
    assert sorted(path.name for path in FOLDER.iterdir()) == [made.path.name]
    assert delivered(made.path) == ["a"]
    assert check_ledger(made.path) == len(STEPS)
    assert backups(FOLDER) == (made,)


def test_a_copy_made_while_others_write_is_one_moment_of_the_ledger():
    deliver("0", recipe="x" * 2_000_000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            deliver("w", recipe="y" * 20_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for minute in range(5):
            made = back_up(LEDGER, FOLDER, now=NOON + timedelta(minutes=minute))
            counts.append(len(delivered(made.path)))
    finally:
        stop.set()
        writer.join()
    assert counts == sorted(counts)
    assert delivered()[: counts[-1]] == delivered(made.path)


def test_seven_are_kept_and_other_files_are_nobodys_business():
    deliver("a")
    FOLDER.mkdir()
    (FOLDER / "ledger-mine.db").write_text("a person's own", encoding="utf-8")
    for day in range(10):
        back_up(LEDGER, FOLDER, now=NOON + timedelta(days=day))
    days = [backup.made_at.day for backup in backups(FOLDER)]
    assert days == [10, 9, 8, 7, 6, 5, 4]
    assert (FOLDER / "ledger-mine.db").exists()


def test_a_damaged_ledger_is_never_copied_over_good_copies():
    deliver("a", recipe="x" * 200_000)
    good = [back_up(LEDGER, FOLDER, now=NOON + timedelta(days=day)) for day in range(7)]
    with LEDGER.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(4096))
    with pytest.raises(LedgerError, match="damaged"):
        back_up(LEDGER, FOLDER, now=NOON + timedelta(days=8))
    assert set(backups(FOLDER)) == set(good)
    assert len(list(FOLDER.iterdir())) == 7


def test_without_a_ledger_there_is_nothing_to_copy():
    with pytest.raises(UsageError, match="no ledger"):
        back_up(LEDGER, FOLDER, now=NOON)
    assert not LEDGER.exists()


def test_a_restore_puts_the_rows_back_and_keeps_what_was_there():
    deliver("a")
    made = back_up(LEDGER, FOLDER, now=NOON)
    deliver("b")
    aside = restore(made.path, LEDGER, now=NOON)
    assert delivered() == ["a"]
    assert delivered(aside) == ["a", "b"]
    deliver("c")
    assert delivered() == ["a", "c"]


def test_a_restore_mends_a_ledger_that_can_no_longer_be_read():
    deliver("a")
    made = back_up(LEDGER, FOLDER, now=NOON)
    LEDGER.write_bytes(b"SQLite format 3\0 and then the dog ate it" * 100)
    with pytest.raises(LedgerError):
        open_ledger(LEDGER)
    aside = restore(made.path, LEDGER, now=NOON)
    assert delivered() == ["a"]
    assert aside.read_bytes().endswith(b"the dog ate it")


def test_a_restore_where_nothing_is_left():
    deliver("a")
    made = back_up(LEDGER, FOLDER, now=NOON)
    LEDGER.unlink()
    assert restore(made.path, LEDGER, now=NOON) is None
    assert delivered() == ["a"]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(byte ^ 0xFF for byte in data[len(data) // 2 :])
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (name TEXT)")


def newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")


@pytest.mark.parametrize("harm", [cut, flip, empty, foreign, newer])
def test_a_bad_copy_is_refused_and_the_ledger_untouched(harm):
    deliver("a", recipe="x" * 100_000)
    made = back_up(LEDGER, FOLDER, now=NOON)
    deliver("b")
    harm(made.path)
    before = LEDGER.read_bytes()
    with pytest.raises(LedgerError, match=made.path.name) as caught:
        restore(made.path, LEDGER, now=NOON)
    assert caught.value.hint
    assert LEDGER.read_bytes() == before
    assert delivered() == ["a", "b"]


def test_a_restore_waits_for_nobody_for_long(monkeypatch):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.1)
    deliver("a")
    made = back_up(LEDGER, FOLDER, now=NOON)
    with closing(sqlite3.connect(LEDGER, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockHeld):
            restore(made.path, LEDGER, now=NOON)
    assert delivered() == ["a"]


SMALL = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from reelkiln.errors import DiskFull
from reelkiln.store.backup import back_up
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    back_up(Path("ledger.db"), Path("backups"), now=datetime(2026, 6, 1, tzinfo=UTC))
except DiskFull as error:
    sys.exit(error.exit_code)
"""


def test_on_a_full_disk_nothing_half_written_stays_and_older_copies_do():
    deliver("a")
    good = back_up(LEDGER, FOLDER, now=NOON)
    deliver("b", recipe="x" * 200_000)
    done = subprocess.run(
        [sys.executable, "-c", SMALL], check=False, capture_output=True, text=True
    )
    assert done.returncode == 75, done.stderr
    assert [path.name for path in FOLDER.iterdir()] == [good.path.name]


def test_a_copy_killed_half_way_has_no_final_name(monkeypatch):
    deliver("a")

    def die(part, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "check_ledger", die)
    with pytest.raises(KeyboardInterrupt):
        copy_ledger(LEDGER, Path("copy.db"))
    assert not list(Path().glob("*copy*")) + list(Path().glob(".copy*"))


def test_a_copy_that_goes_while_they_are_listed_is_no_mistake(tmp_path):
    (tmp_path / "ledger-20260501T120000Z.db").write_bytes(b"rows")
    # A name of no clock's, and one whose file is gone, as between the listing and the look.
    (tmp_path / "ledger-99999999T999999Z.db").write_bytes(b"rows")
    try:
        (tmp_path / "ledger-20260502T120000Z.db").symlink_to(tmp_path / "nowhere")
    except OSError:
        return  # this system lets nobody make links
    assert [copy.path.name for copy in backups(tmp_path)] == ["ledger-20260501T120000Z.db"]

"""F6 and F15: the disk is full, and files are damaged."""

import contextlib
import os
import subprocess

import pytest

from faults.soundness import assert_sound, readable
from kiln.shifts import ledger_in, queue, shift_in, states
from reelkiln.errors import LedgerError
from reelkiln.store.dbos_engine import DbosEngine

MIB = 1 << 20


@contextlib.contextmanager
def small_disk(folder, size):
    """A disk of so many bytes at `folder`; False where this user may not make one."""
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    made = os.name == "posix" and not subprocess.call(options, stderr=subprocess.DEVNULL)
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, leave):
    """Fill the disk but for so many bytes."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "filler").open("wb") as file:
        file.write(bytes(max(0, free - leave)))
    return folder / "filler"


@pytest.mark.parametrize("leave", [0, 64 << 10, 300 << 10])
def test_f6_a_full_disk_ends_the_shift_with_75_and_nothing_is_lost(tmp_path, workers, leave):
    place = tmp_path / "small"
    place.mkdir()
    with small_disk(place, 24 * MIB) as small, ledger_in(place) as ledger:
        ids = queue(ledger, 4)
        if small:
            filler = fill(place, leave)
            assert workers.run(place) == 75
            readable(place)
            filler.unlink()
        else:  # no disk of our own: the system refuses every file that grows over a limit
            assert workers.run(place, file_size=leave + (48 << 10)) in (75, -25)
        assert_sound(place, ledger, ids, whole=False)
        assert workers.run(place) == 0
        assert_sound(place, ledger, ids)
        assert set(states(ledger).values()) == {"delivered"}


def test_f15_without_the_engines_file_the_rows_know_what_is_to_be_done(place, ledger, workers):
    ids = queue(ledger, 3, models=("slow",))
    pid = workers.start(place)
    while "running" not in states(ledger).values():
        assert workers.wait(pid, 0.05) is None
    workers.kill(pid)
    (place / ".reelkiln" / "engine.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with (
        pytest.raises(LedgerError, match=r"engine's file .* cannot be used"),
        DbosEngine(place / ".reelkiln").run_worker(print, 1),
    ):
        pass
    for path in place.glob(".reelkiln/engine.db*"):
        path.unlink()
    engine = DbosEngine(place / ".reelkiln")
    shift_in(place, ledger, engine=engine).run()
    engine.close()
    assert_sound(place, ledger, ids)
    assert set(states(ledger).values()) == {"delivered"}

"""`clean`, `backup` and `restore` as a person calls them."""

import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.running import refused, result, run
from reelkiln.script.starter import write_starter
from reelkiln.store.ledger import open_ledger

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def workspace(monkeypatch):
    write_starter(Path("w"))
    monkeypatch.chdir("w")
    deliver("jar.mp4")


def deliver(name):
    Path(name).write_bytes(name.encode())
    with open_ledger(Path(".reelkiln") / "ledger.db") as ledger:
        ledger.record_delivery(
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            recipe_digest="d",
            recipe="{}",
            path=name,
            takes=(),
            now=NOON,
        )


def rejected(name):
    return run("review", name, "--reject")


def old(path, days):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * 2_000_000)
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def test_clean_shows_first_and_removes_what_it_showed(workspace):
    gone, kept = old(Path("reels/a.refused.mp4"), 15), old(Path("reels/b.refused.mp4"), 3)
    shown = run("clean", "--dry-run")
    assert "refused takes" in shown.stdout and "0.002" in shown.stdout
    assert "nothing was removed" in shown.stderr
    assert gone.exists()
    told = result(run("clean", "--json"))
    assert told["freed_bytes"] == 2_000_000
    assert [kind["goes"] for kind in told["kinds"] if kind["goes"]] == [[str(gone.absolute())]]
    assert not gone.exists() and kept.exists()


def test_a_ledger_comes_back_from_its_backup(workspace):
    made = run("backup")
    assert made.returncode == 0
    assert Path(made.stdout.strip()).is_file()
    deliver("two.mp4")
    assert "ledger-" in run("restore", "--list").stdout
    assert "add --yes" in refused(run("restore", input=""), 2).lower()
    done = run("restore", "--yes")
    assert done.returncode == 0, done.stderr
    assert "kept as" in done.stderr
    assert rejected("jar.mp4").returncode == 0
    assert "not in the ledger" in refused(rejected("two.mp4"), 2)


def test_what_is_no_backup_is_refused_in_one_line(workspace):
    Path("song.db").write_bytes(b"la la la" * 1000)
    assert "song.db" in refused(run("restore", "song.db", "--yes"), 1)
    assert "no file" in refused(run("restore", "gone.db", "--yes"), 2)


def test_before_anything_was_made():
    write_starter(Path("w"))
    assert "no ledger" in refused(run("backup", cwd="w"), 2)
    assert "no backup" in refused(run("restore", "--yes", cwd="w"), 2)
    assert run("clean", cwd="w").returncode == 0


def test_a_workspace_moves_in_one_file(workspace):
    done = run("pack", "-o", "../w.zip")
    assert done.returncode == 0, done.stderr
    assert "key" in done.stderr
    assert "exists already" in refused(run("pack", "-o", "../w.zip"), 2)
    moved = run("unpack", "../w.zip", "../there")
    assert moved.returncode == 0, moved.stderr
    assert Path("../there/jar.mp4").read_bytes() == b"jar.mp4"
    assert run("review", "jar.mp4", "--reject", cwd="../there").returncode == 0
    Path("../half.zip").write_bytes(Path("../w.zip").read_bytes()[:500])
    assert "only a part" in refused(run("unpack", "../half.zip", "../half"), 2)

"""The ledger: one file, each method one transaction, faults told in our own words."""

import sqlite3
from datetime import UTC, datetime

import pytest

from reelkiln.errors import LedgerError, LockHeld
from reelkiln.reel import Take, Verdict
from reelkiln.store import ledger as ledger_module
from reelkiln.store.ledger import Ledger, open_ledger
from reelkiln.store.migrations import STEPS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEPT = Take(
    segment=0,
    attempt=2,
    seed=7,
    path="x.npy",
    sha256="ab",
    verdict=Verdict(True, (), {"finite": 1.0, "luma_max": 100.25}),
)
REFUSED = Take(
    segment=0,
    attempt=1,
    seed=3,
    path="y.npy",
    sha256="cd",
    verdict=Verdict(False, ("schwarz, größer",), {"finite": 0.5}, "other_seed"),
)


def record(ledger, *, sha256="f" * 64, digest="d" * 64, path="a.mp4", takes=()):
    return ledger.record_delivery(
        sha256=sha256, recipe_digest=digest, recipe="{}", path=path, takes=takes, now=NOON
    )


def test_what_is_written_is_found_again(tmp_path):
    with open_ledger(tmp_path / "new" / "ledger.db") as ledger:
        key = record(ledger, takes=(REFUSED, KEPT))
    with open_ledger(tmp_path / "new" / "ledger.db") as ledger:
        row = ledger.find_delivery(sha256="f" * 64)
        assert row is not None
        assert (row.id, row.path, row.delivered_at) == (key, "a.mp4", NOON)
        assert row == ledger.find_delivery(recipe_digest="d" * 64)
        refused, kept = ledger.takes_of(key)
    assert (kept.seed, kept.attempt, kept.verdict) == (7, 2, KEPT.verdict)
    assert refused.verdict.reasons == REFUSED.verdict.reasons
    assert not refused.verdict.kept


def test_the_latest_delivery_answers_and_an_empty_hash_finds_nothing(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        record(ledger, path="first.mp4")
        record(ledger, path="second.mp4", sha256="")
        row = ledger.find_delivery(recipe_digest="d" * 64)
        assert row is not None
        assert row.path == "second.mp4"
        assert ledger.find_delivery() is None
        assert ledger.find_delivery(sha256="0" * 64) is None


def test_a_delivery_is_written_with_its_takes_or_not_at_all(tmp_path):
    bad = Take(segment=0, attempt=1, seed=1, path="", sha256=None, verdict=Verdict(True))  # type: ignore[arg-type]
    with open_ledger(tmp_path / "ledger.db") as ledger:
        with pytest.raises(LedgerError):
            record(ledger, takes=(KEPT, bad))
        assert ledger.find_delivery(sha256="f" * 64) is None


def test_every_older_schema_migrates_and_keeps_its_rows(tmp_path):
    path = tmp_path / "ledger.db"
    for version in range(len(STEPS) + 1):
        path.unlink(missing_ok=True)
        raw = sqlite3.connect(path, isolation_level=None)
        for step in STEPS[:version]:
            for statement in step:
                raw.execute(statement)
        raw.execute(f"PRAGMA user_version = {version}")
        raw.close()
        with open_ledger(path) as ledger:
            assert ledger.version() == len(STEPS)
            record(ledger)


def test_a_failed_migration_leaves_the_old_schema(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    broken = (*STEPS, ("CREATE TABLE more (id INTEGER)", "THIS IS NOT SQL"))
    monkeypatch.setattr(ledger_module, "STEPS", broken)
    with pytest.raises(LedgerError):
        open_ledger(path)
    raw = sqlite3.connect(path)
    names = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
    assert raw.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    raw.close()
    assert "more" not in names


def test_a_ledger_of_a_newer_reelkiln_is_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    raw.close()
    with pytest.raises(LedgerError, match="newer reelkiln"):
        open_ledger(path)


@pytest.mark.parametrize(
    "content", [b"this is no database, " * 50, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_ledger_is_said_to_be_damaged(tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged") as caught:
        open_ledger(path)
    assert "Move the file away" in caught.value.hint


def test_a_locked_ledger_is_said_to_be_held(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    monkeypatch.setattr("reelkiln.store.database.WAIT_SECONDS", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(LockHeld, match="another program"):
            Ledger(path).migrate()
    finally:
        other.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be made"):
        open_ledger(tmp_path / "file" / "state" / "ledger.db")


def test_a_folder_in_the_place_of_the_ledger_is_named(tmp_path):
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerError, match="cannot be used"):
        open_ledger(tmp_path / "ledger.db")


def test_the_latest_films_of_a_model(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for number, model in enumerate(("spark", "other", "spark")):
            ledger.record_delivery(
                sha256=f"{number}" * 64,
                recipe_digest="d",
                recipe="{}",
                path=f"{number}.mp4",
                takes=(),
                now=NOON,
                model=model,
            )
        found = ledger.latest_deliveries("spark")
        assert [row.path for row in found] == ["2.mp4", "0.mp4"]
        assert [row.path for row in ledger.latest_deliveries("spark", limit=1)] == ["2.mp4"]
        assert ledger.latest_deliveries("nobody") == ()

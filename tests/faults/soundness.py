"""What must be true of a workspace after any fault."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from reelkiln.film.facts import probe
from reelkiln.film.names import companions
from reelkiln.kiln.deliver import file_sha256
from reelkiln.kiln.kept import ids_in
from reelkiln.store.queue import list_segments
from waiting import files_under

ENDED = {"delivered", "parked", "cancelled"}
REEL_FRAMES = 48
"""Two clips of a second, one after the other."""


def assert_sound(folder, ledger, ids, *, whole=True):
    """Nothing lost, nothing twice, no file without a row, no row without its file.

    `whole`: every segment has ended as well.
    """
    rows = list_segments(ledger)
    assert sorted(row.id for row in rows) == sorted(ids)
    if whole:
        assert {row.state for row in rows} <= ENDED, [(r.id, r.state, r.reason) for r in rows]
        assert not [row.id for row in rows if row.state == "parked" and not row.reason]
    for database in ("ledger.db", "engine.db"):
        path = folder / ".reelkiln" / database
        if path.exists():
            with contextlib.closing(sqlite3.connect(path)) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    deliveries = _deliveries(folder)
    delivered = {row.id: row for row in rows if row.state == "delivered"}
    assert sorted(deliveries) == sorted(delivered), "a delivery for each delivered segment, once"
    for one, row in delivered.items():
        movie = folder / row.movie
        assert deliveries[one] == row.sha256 == file_sha256(movie)
        assert probe(movie).frames == (REEL_FRAMES if row.kind == "reel" else 24)
        sidecar = json.loads(companions(movie).sidecar.read_text(encoding="utf-8"))
        assert (sidecar["segment"], sidecar["sha256"]) == (one, row.sha256)
    if whole:
        _assert_tidy(folder, rows)


def _deliveries(folder):
    with contextlib.closing(sqlite3.connect(folder / ".reelkiln" / "ledger.db")) as raw:
        found = raw.execute("SELECT segment_id, sha256 FROM deliveries").fetchall()
    assert len(dict(found)) == len(found), "delivered twice"
    return dict(found)


def _assert_tidy(folder, rows):
    known = {row.movie for row in rows if row.state == "delivered"} | {row.kept for row in rows}
    films = {path.relative_to(folder).as_posix() for path in _films(folder)}
    assert films == known - {""}, "a file without a row"
    assert not list((folder / "reels").rglob(".*")), "something half made was left"
    waits = {row.reel_id for row in rows if row.reel_id} & {r.id for r in rows if not r.ended}
    left = set(ids_in(folder / ".reelkiln" / "scratch")) - waits
    assert not left, [(row.id, row.state, row.reason) for row in rows if row.id in left]


def _films(folder):
    """What has a final name: not what is being made, in folders whose names begin with a dot."""
    films = [path for path in files_under(folder / "reels") if path.suffix == ".mp4"]
    return [path for path in films if "/." not in path.relative_to(folder).as_posix()]


def readable(folder):
    """Every film under a final name can be read, at any moment."""
    for movie in _films(folder):
        assert probe(movie).frames in (24, REEL_FRAMES), movie


def now():
    return datetime.now(UTC)


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
__all__ = ["LONG_AGO", "Path", "assert_sound", "now", "readable"]

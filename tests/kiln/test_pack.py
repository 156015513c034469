"""A workspace in one file: what goes in comes out, and nothing else; no pack can do harm."""

import hashlib
import json
import sqlite3
import stat
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelkiln.errors import DiskFull, LedgerError, UsageError
from reelkiln.kiln import unpack as module
from reelkiln.kiln.pack import LEDGER, MANIFEST, pack
from reelkiln.kiln.unpack import read_manifest, unpack
from reelkiln.script.starter import write_starter
from reelkiln.script.workspace import read_workspace
from reelkiln.store.ledger import open_ledger
from reelkiln.store.migrations import STEPS
from reelkiln.store.moving import PATHS, move_paths

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HERE, PACK, THERE = Path("glow"), Path("glow.zip"), Path("elsewhere") / "glow"
LONG_AGO = (1980, 1, 1, 0, 0, 0)


@pytest.fixture
def workspace():
    write_starter(HERE)
    (HERE / "reels").mkdir()
    (HERE / "reels" / "jar.mp4").write_bytes(b"film" * 1000)
    state = HERE / ".reelkiln"
    with open_ledger(state / "ledger.db") as ledger:
        path = str((HERE / "reels" / "jar.mp4").absolute())
        ledger.record_delivery(
            sha256="a" * 64, recipe_digest="d", recipe="{}", path=path, takes=(), now=NOON
        )
    for secret in ("signing/key.pem", "scratch/x/1.npy", "engine.db"):
        (state / secret).parent.mkdir(parents=True, exist_ok=True)
        (state / secret).write_bytes(b"stays here")
    (HERE / ".env").write_text("TOKEN=canary", encoding="utf-8")
    return HERE


def packed(workspace, **more):
    return pack(workspace, workspace / ".reelkiln", PACK, now=NOON, models={"big": 5}, **more)


def contents(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_it_is_the_same_workspace_on_the_other_side(workspace):
    made = packed(workspace)
    assert made.manifest == read_manifest(PACK) == unpack(PACK, THERE)
    before, after = contents(HERE), contents(THERE)
    hidden = {name for name in before if name.startswith(".")}
    assert {n: d for n, d in before.items() if n not in hidden} == {
        n: d for n, d in after.items() if n != LEDGER
    }
    assert read_workspace(THERE).products.keys() == read_workspace(HERE).products.keys()
    with open_ledger(THERE / LEDGER) as ledger:
        row = ledger.find_delivery(sha256="a" * 64)
    assert row.path == str((THERE / "reels" / "jar.mp4").absolute())
    assert sorted(path.name for path in THERE.parent.iterdir()) == ["glow"]


def test_no_secret_and_no_work_in_progress_is_in_it(workspace):
    packed(workspace)
    with zipfile.ZipFile(PACK) as file:
        names = file.namelist()
    assert [name for name in names if name.startswith(".")] == [LEDGER]
    assert b"canary" not in PACK.read_bytes()


def test_weights_travel_into_the_cache_and_replace_nothing(workspace):
    weight = Path("net.safetensors")
    weight.write_bytes(b"w" * 5000)
    at = "models--a--b/snapshots/" + "0" * 40 + "/" + "deep/" * 40 + "net.safetensors"
    packed(workspace, weights={at: weight, "models--a--b/refs/main": weight})
    (Path("cache") / "models--a--b" / "refs").mkdir(parents=True)
    (Path("cache") / "models--a--b" / "refs" / "main").write_bytes(b"mine")
    unpack(PACK, THERE, cache=Path("cache"))
    assert (Path("cache") / at).read_bytes() == weight.read_bytes()
    assert (Path("cache") / "models--a--b" / "refs" / "main").read_bytes() == b"mine"
    assert not (THERE / "reelkiln-models").exists()


@pytest.mark.parametrize("name", ["aux.txt", "a.", "what?.txt"])
def test_names_that_windows_cannot_have_are_refused_all_at_once(workspace, name):
    (HERE / name).write_bytes(b"")
    (HERE / "Brand.YAML").write_bytes(b"")
    with pytest.raises(UsageError, match="2 files") as caught:
        packed(workspace)
    assert any(name in detail for detail in caught.value.details)
    assert not PACK.exists()


def test_links_are_refused(workspace):
    try:
        (HERE / "photos").symlink_to("/etc")
        (HERE / "passwd").symlink_to("/etc/passwd")
    except OSError:
        return  # this system lets nobody make links
    with pytest.raises(UsageError, match="2 links") as caught:
        packed(workspace)
    assert caught.value.details == ("passwd", "photos")


def test_a_damaged_ledger_is_not_packed(workspace):
    (HERE / ".reelkiln" / "ledger.db").write_bytes(b"not a database" * 500)
    with pytest.raises(LedgerError, match="damaged"):
        packed(workspace)
    assert not PACK.exists()


def rewritten(*, change=None, add=(), names=None):
    """The pack anew, with its list changed and entries added."""
    with zipfile.ZipFile(PACK) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(entries.pop(MANIFEST))
    if change:
        change(manifest, entries)
    with zipfile.ZipFile(PACK, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
        for info, data in add:
            manifest["files"][info.filename] = listed(data)
            file.writestr(info, data)
        file.writestr(MANIFEST, json.dumps(manifest))


def listed(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def entry(name, kind=0):
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.external_attr = kind << 16
    return info


HOSTILE = [
    "../outside.txt",
    "/etc/cron.d/x",
    "..\\outside.txt",
    "C:\\x.txt",
    "C:x.txt",
    "a/../../outside.txt",
    "reels/aux.mp4",
    "reels/",
    "a*b",
    ".reelkiln/engine.db",
    ".reelkiln/signing/key.pem",
    "photos/.git/hooks/post-checkout",
    "reelkiln-models/../../x.safetensors",
    "reelkiln-models/models--a--b/snapshots/c/../../../../x.json",
    "reelkiln-models/models--a--b/snapshots/c/pytorch_model.bin",
    "reelkiln-models/models--a--b/blobs/x.json",
    "reelkiln-models/" + "d/" * 120 + "../x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folder(workspace, name):
    packed(workspace)
    rewritten(add=[(entry(name), b"harm")])
    before = contents(Path())
    with pytest.raises(UsageError, match=r"glow\.zip") as caught:
        unpack(PACK, THERE, cache=Path("cache"))
    assert caught.value.hint
    assert contents(Path()) == before
    assert not THERE.exists()


def test_no_link_is_unpacked(workspace):
    packed(workspace)
    rewritten(add=[(entry("photos", stat.S_IFLNK | 0o777), b"/etc")])
    with pytest.raises(UsageError, match="no plain file"):
        unpack(PACK, THERE)


def lie_about_size(manifest, entries):
    manifest["files"]["brand.yaml"]["bytes"] += 1


def swap(manifest, entries):
    entries["brand.yaml"] = entries["brand.yaml"][:-1] + b"#"


def lose(manifest, entries):
    del entries["brand.yaml"]


def smuggle(manifest, entries):
    entries["smuggled.txt"] = b"not listed"


def of_next_year(manifest, entries):
    manifest["format"] = 2


def odd_key(manifest, entries):
    manifest["surprise"] = 1


def newer_ledger(manifest, entries):
    Path("newer.db").write_bytes(entries[LEDGER])
    with closing(sqlite3.connect("newer.db")) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    entries[LEDGER] = Path("newer.db").read_bytes()
    manifest["files"][LEDGER] = listed(entries[LEDGER])


@pytest.mark.parametrize(
    "change", [lie_about_size, swap, lose, smuggle, of_next_year, odd_key, newer_ledger]
)
def test_a_pack_that_is_not_what_it_says_leaves_nothing_behind(workspace, change):
    packed(workspace)
    rewritten(change=change)
    with pytest.raises((UsageError, LedgerError)) as caught:
        unpack(PACK, THERE)
    assert caught.value.hint
    assert not list(Path("elsewhere").glob("*"))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_part_of_a_pack_is_refused(workspace, share):
    packed(workspace)
    PACK.write_bytes(PACK.read_bytes()[: int(PACK.stat().st_size * share)])
    with pytest.raises(UsageError, match="only a part"):
        unpack(PACK, THERE)


def test_flipped_bytes_are_found(workspace):
    packed(workspace)
    data = bytearray(PACK.read_bytes())
    at = data.index(b"filmfilm") + 100
    data[at] ^= 1
    PACK.write_bytes(data)
    with pytest.raises(UsageError):
        unpack(PACK, THERE)
    assert not THERE.exists()


def test_a_bomb_is_refused_before_it_goes_off(workspace, monkeypatch):
    packed(workspace)
    rewritten(add=[(entry("reels/zeros.bin"), bytes(50_000_000))])
    monkeypatch.setattr(module, "RATIO_MAX", 100)
    with pytest.raises(UsageError, match="not true"):
        unpack(PACK, THERE)


def test_a_pack_that_does_not_fit_is_refused_before_the_first_byte(workspace, monkeypatch):
    packed(workspace)
    monkeypatch.setattr(module, "SPARE", 1 << 62)
    with pytest.raises(DiskFull, match="are free"):
        unpack(PACK, THERE)
    assert not list(Path("elsewhere").glob("*"))


def test_a_folder_in_use_is_not_touched(workspace):
    packed(workspace)
    with pytest.raises(UsageError, match="not empty"):
        unpack(PACK, HERE)
    Path("empty").mkdir()
    assert unpack(PACK, Path("empty")).models == {"big": 5}


def test_paths_of_windows_become_paths_of_here(workspace):
    ledger = HERE / ".reelkiln" / "ledger.db"
    rows = {"C:\\glow\\reels\\a.mp4": "new/reels/a.mp4", "C:\\glow2\\b.mp4": "C:\\glow2\\b.mp4"}
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("DELETE FROM deliveries")
        for path in rows:
            connection.execute(
                "INSERT INTO deliveries (sha256, recipe_digest, recipe, path, delivered_at)"
                " VALUES ('', '', '', ?, '')",
                (path,),
            )
    move_paths(ledger, old="C:\\glow", new=Path("new"))
    with closing(sqlite3.connect(ledger)) as connection:
        found = [row[0] for row in connection.execute("SELECT path FROM deliveries")]
    assert [Path(path).as_posix() for path in found] == [Path(p).as_posix() for p in rows.values()]


def test_every_column_that_holds_a_path_is_known(workspace):
    known = {(table, column) for table, columns in PATHS.items() for column in columns}
    with closing(sqlite3.connect(HERE / ".reelkiln" / "ledger.db")) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        columns = {
            (table, row[1])
            for table in tables
            for row in connection.execute(f"PRAGMA table_info({table})")
        }
    words = ("path", "movie", "file", "folder", "kept", "work")
    found = {pair for pair in columns if pair[1] in words and pair != ("takes", "kept")}
    assert found == known

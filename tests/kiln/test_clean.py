"""What may go from the disk: each kind by its rule, and never what a person approved."""

import hashlib
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelkiln.kiln.clean import IDLE, LATENTS, REFUSED, TAKES, WORDS, Survey, survey, sweep

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STATE, REELS = Path(".reelkiln"), Path("reels")


def put(path, age=timedelta(), data=b"0123456789"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    os.utime(path.parent, (moment, moment))
    return path


def look(approved=(), models=(), unfinished=()):
    where = Survey(
        state=STATE,
        workspace=Path(),
        approved=frozenset(approved),
        models=dict(models),
        unfinished=frozenset(unfinished),
        words=Path("cache") / "words",
    )
    return {heap.name: heap for heap in survey(where, NOW)}


def film(name, age, data=b"film"):
    movie = put(REELS / f"{name}.mp4", age, data)
    for beside in (f"{name}.mp4.json", f"{name}.poster.png", f"{name}.sheet.png"):
        put(REELS / beside, age)
    return movie


def test_films_stay_however_old():
    film("spring", timedelta(days=900))
    heap = look()["films"]
    assert (heap.files, heap.bytes, heap.goes) == (4, 34, ())


@pytest.mark.parametrize("days, goes", [(13.9, 0), (14, 4)])
def test_a_refused_take_goes_after_two_weeks_with_all_beside_it(days, goes):
    movie = film("spring.refused", timedelta(days=days))
    heap = look()["refused takes"]
    assert len(heap.goes) == goes
    assert heap.files == 4
    if goes:
        assert heap.goes[-1] == movie
        assert heap.goes_bytes == heap.bytes


def test_a_refused_take_that_a_person_approved_stays_for_ever():
    film("spring.refused", REFUSED * 10, b"she liked it")
    film("autumn.refused", REFUSED * 10, b"nobody did")
    goes = look(approved=[hashlib.sha256(b"she liked it").hexdigest()])["refused takes"].goes
    assert {path.name.partition(".")[0] for path in goes} == {"autumn"}


@pytest.mark.parametrize("age, goes", [(LATENTS - HOUR, 0), (LATENTS, 1)])
def test_latents_go_when_no_delivery_came_back_for_them(age, goes):
    put(STATE / "scratch" / "latents" / "ab.latents", age)
    assert len(look()["latents"].goes) == goes


@pytest.mark.parametrize("age, goes", [(TAKES - HOUR, 0), (TAKES, 1)])
def test_kept_takes_go_when_no_reel_used_them_for_two_weeks(age, goes):
    put(STATE / "takes" / "ab" / "segment-0.npy", TAKES * 2)
    put(STATE / "takes" / "ab" / "shot.json", age)
    heap = look()["kept takes"]
    assert (heap.files, len(heap.goes)) == (2, goes)


def test_scratch_goes_when_nobody_has_worked_there_for_a_day():
    put(STATE / "scratch" / "make-old" / "1-0.npy", IDLE)
    put(STATE / "scratch" / "make-busy" / "1-0.npy", IDLE * 3)
    put(STATE / "scratch" / "make-busy" / "deep" / "2-0.npy", HOUR)
    heap = look()["scratch"]
    assert [path.name for path in heap.goes] == ["make-old"]
    assert (heap.files, heap.goes_bytes) == (3, 10)


def test_the_work_of_clips_that_wait_stays():
    for name in ("a", "b"):
        put(STATE / "scratch" / "segments" / name / "1-0.npy", IDLE * 9)
    assert [path.name for path in look(unfinished=["a"])["scratch"].goes] == ["b"]


@pytest.mark.parametrize("age, goes", [(WORDS - HOUR, 0), (WORDS, 1)])
def test_encoded_words_go_after_a_month(age, goes):
    put(Path("cache") / "words" / "ab.safetensors", age)
    assert len(look()["encoded words"].goes) == goes


def test_a_clock_that_was_set_back_removes_nothing():
    put(STATE / "scratch" / "make-new" / "1-0.npy", -timedelta(days=400))
    film("spring.refused", -timedelta(days=400))
    heaps = look()
    assert not heaps["scratch"].goes + heaps["refused takes"].goes


def test_ledger_engine_backups_and_models_stay():
    for name in ("ledger.db", "ledger.db-wal", "engine.db"):
        put(STATE / name, timedelta(days=999))
    put(STATE / "backups" / "ledger-20200101T000000Z.db", timedelta(days=999))
    heaps = look(models={"epicrealism": 3_000_000_000})
    assert (heaps["ledger"].files, heaps["backups"].files) == (3, 1)
    assert heaps["model epicrealism"].bytes == 3_000_000_000
    assert not any(heap.goes for heap in heaps.values())


def test_a_sweep_removes_exactly_what_was_shown():
    film("spring", timedelta(days=900))
    film("spring.refused", REFUSED)
    put(STATE / "scratch" / "make-old" / "1-0.npy", IDLE)
    put(STATE / "ledger.db")
    heaps = look().values()
    shown = [path for heap in heaps for path in heap.goes]
    assert all(path.exists() for path in shown)
    gone = []
    assert sweep(heaps, gone.append) == sum(heap.goes_bytes for heap in heaps) > 0
    assert gone == shown
    left = sorted(path.name for path in Path().rglob("*") if path.is_file())
    beside = ["spring.mp4", "spring.mp4.json", "spring.poster.png", "spring.sheet.png"]
    assert left == ["ledger.db", *beside]
    assert sweep(heaps) == 0


def test_links_are_neither_followed_nor_counted():
    outside = put(Path("elsewhere") / "precious.mp4", REFUSED)
    (STATE / "scratch").mkdir(parents=True)
    try:
        (STATE / "scratch" / "make-link").symlink_to(outside.parent.absolute())
    except OSError:
        return  # this system lets nobody make links
    os.utime(STATE / "scratch" / "make-link", (0, 0), follow_symlinks=False)
    heaps = look()
    assert heaps["scratch"].bytes == 0
    sweep(heaps.values())
    assert outside.exists()


def test_without_a_workspace_no_film_is_looked_for():
    film("spring.refused", REFUSED)
    where = Survey(state=STATE, workspace=None, approved=frozenset(), models={})
    assert not any(heap.goes or heap.files for heap in survey(where, NOW))


@pytest.mark.parametrize("moment", ["iterdir", "lstat"])
def test_what_a_shift_throws_away_meanwhile_is_no_mistake(moment, monkeypatch):
    for name in ("make-a", "make-b"):
        put(STATE / "scratch" / name / "7-0.npy", IDLE)
    gone, real = STATE / "scratch" / "make-a", getattr(Path, moment)

    def late(path):
        if path in (gone, gone / "7-0.npy"):
            shutil.rmtree(gone, ignore_errors=True)
        return real(path)

    monkeypatch.setattr(Path, moment, late)
    heap = look()["scratch"]
    assert not gone.exists()
    assert STATE / "scratch" / "make-b" in heap.goes
    assert gone not in heap.goes

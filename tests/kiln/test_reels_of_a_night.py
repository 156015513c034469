"""A storyboard of the queue: its clips are made, and joined to a reel when all are there."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from kiln.boards import BOARD, SKU, SMALL, photographed, starter
from kiln.nulls import null_card
from kiln.shifts import HereRenderer, bench_in, ledger_in, now, queue_board, shift_in, states
from reelkiln.film.facts import probe
from reelkiln.film.names import companions
from reelkiln.kiln import finishing
from reelkiln.kiln import reel as room
from reelkiln.kiln.board_clips import clips_of_board, whole
from reelkiln.kiln.choose import Choice
from reelkiln.kiln.edit import reel_from_json
from reelkiln.kiln.enqueue import put_in_line
from reelkiln.kiln.morning import gather
from reelkiln.kiln.morning_words import blocks
from reelkiln.kiln.orders import Accepts, limited
from reelkiln.kiln.reel import make_reels
from reelkiln.kiln.watch import Watch
from reelkiln.script.workspace import read_workspace
from reelkiln.store.queue import cancel, find_segment, first_ready, list_segments, retry
from reelkiln.store.reels import waits_of
from reelkiln.store.shifts import read_log

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for one in (finishing, room):
        monkeypatch.setattr(one, "find_platform", lambda name: SMALL)


@pytest.fixture
def ledger(tmp_path):
    with ledger_in(tmp_path) as one:
        yield one


def report(ledger, folder):
    since = min(row.queued_at for row in list_segments(ledger))
    return gather(ledger, folder, None, since=since, now=now())


def test_a_storyboard_for_two_products_is_two_reels_in_the_morning(tmp_path):
    folder = starter(tmp_path / "glow")
    space = read_workspace(folder)
    accepts = Accepts((Choice(null_card(), "you asked for it"),))
    with ledger_in(folder) as ledger:
        bench = bench_in(folder, ledger)
        skus = [SKU, "charcoal-soap"]
        clips, reels = clips_of_board(
            space, space.storyboards["tiny"], skus, bench, accepts, platform=SMALL
        )
        assert [len(one.templates) for one in reels] == [2, 2]
        made = put_in_line(clips, bench, "tiny.yaml", folder / "reels", workspace=folder,
                           reels=reels)  # fmt: skip
        end = shift_in(folder, ledger).run()
        assert sorted(end.delivered) == sorted(one.id for one in made)
        films = sorted(row for row in list_segments(ledger) if row.kind == "reel")
        assert [row.movie for row in films] == [
            f"reels/{sku}-tiny-youtube-shorts.mp4" for sku in skus
        ]
        for row in films:
            assert probe(folder / row.movie).frames == 62  # as `reelkiln reel` makes it
            sidecar = json.loads(companions(folder / row.movie).sidecar.read_text("utf-8"))
            assert (sidecar["segment"], sidecar["sha256"]) == (row.id, row.sha256)
        assert len(list(folder.glob("reels/shots/*.mp4"))) == 4
        assert not any((folder / ".reelkiln" / "scratch" / "reels").iterdir())
        one = sqlite3.connect(folder / ".reelkiln" / "ledger.db")
        told = one.execute("SELECT storyboard, templates, product FROM deliveries"
                           " WHERE segment_id = ?", (films[0].id,)).fetchone()  # fmt: skip
        one.close()
        assert told == ("tiny", "hero-reveal, packshot-cta", SKU)
        titles = dict(blocks(report(ledger, folder)))
        assert sorted(titles["Reels"])[1].startswith(
            f"reels/{SKU}-tiny-youtube-shorts.mp4 (of hero-reveal"
        )
        assert len(titles["Made"]) == 4


def test_the_reel_has_the_same_pixels_and_marks_as_that_of_the_command(tmp_path):
    from kiln.boards import ordered
    from reelkiln.kiln.remake import same_pixels

    folder = starter(tmp_path / "glow")
    photographed(folder, np.full((80, 60, 3), (200, 90, 120), np.uint8))
    space, choice = read_workspace(folder), Choice(null_card(), "you asked for it")
    with ledger_in(folder) as ledger:
        bench = bench_in(folder, ledger)
        clips, reels = clips_of_board(
            space, space.storyboards["tiny"], [SKU], bench, Accepts((choice,)), platform=SMALL
        )
        put_in_line(clips, bench, "t", folder / "reels", workspace=folder, reels=reels)
        shift_in(folder, ledger).run()
        movie = next(row.movie for row in list_segments(ledger) if row.kind == "reel")
        sidecar = json.loads(companions(folder / movie).sidecar.read_text("utf-8"))
        mine = reel_from_json(sidecar["recipe"])
        (theirs,) = make_reels([ordered(folder, bench)], choice, bench, Watch())
        shots = json.loads(theirs.beside.sidecar.read_text("utf-8"))["shots"]
    assert same_pixels(mine, theirs.recipe)
    assert mine.edit == theirs.recipe.edit
    assert sidecar["shots"] == shots
    assert all("product_colour" in one["marks"] for one in shots)


def test_clips_that_are_left_out_make_no_reel(tmp_path):
    folder = starter(tmp_path / "glow")
    space, choice = read_workspace(folder), Choice(null_card(), "so")
    with ledger_in(folder) as ledger:
        clips, reels = clips_of_board(
            space, space.storyboards["tiny"], [SKU, "charcoal-soap"],
            bench_in(folder, ledger), Accepts((choice,)), platform=SMALL,
        )  # fmt: skip
    assert [one.name for one in whole(limited(clips, count=3), reels)] == [reels[0].name]
    assert whole(limited(clips, per_product=1), reels) == ()
    assert "storyboard: tiny" in BOARD


def test_a_reel_waits_for_its_parked_clip_and_says_so(tmp_path, ledger):
    reel, *clips = queue_board(ledger, tmp_path, models=("black",))
    end = shift_in(tmp_path, ledger).run()
    assert sorted(end.parked) == clips
    assert end.why == ("nothing waits any more; 1 reels wait for clips that a person must look at")
    assert states(ledger)[reel] == "queued" and first_ready(ledger) is None
    (wait,) = waits_of(ledger).values()
    assert (wait.clips, wait.delivered, list(wait.held)) == (2, 0, clips)
    said = dict(blocks(report(ledger, tmp_path)))["Reels that wait"]
    assert said == (f"reels/jar-0.mp4 waits for 2 of its 2 clips; a person must look at "
                    f"{clips[0]}, {clips[1]}",)  # fmt: skip
    assert cancel(ledger, reel, now=now()) == "cancelled"
    assert waits_of(ledger) == {}


class Bad(HereRenderer):
    """Renders one order in black, the first time."""

    def __init__(self, bad):
        super().__init__()
        self.bad = bad

    def render(self, order, folder, watch):
        if order.id == self.bad and order.id not in self.rendered:
            preset = replace(order.card.presets["standard"], schedule={"picture": "black"})
            order = replace(order, card=replace(order.card, presets={"standard": preset}))
        return super().render(order, folder, watch)


def test_a_parked_clip_that_is_retried_completes_its_reel(tmp_path, ledger):
    reel, first, second = queue_board(ledger, tmp_path)
    renderer = Bad(second)
    assert shift_in(tmp_path, ledger, renderer=renderer).run().parked == (second,)
    assert (tmp_path / ".reelkiln" / "scratch" / "reels" / reel / first).is_dir()
    retry(ledger, second, now=now())
    end = shift_in(tmp_path, ledger, renderer=renderer).run()
    assert set(end.delivered) == {second, reel}
    assert find_segment(ledger, reel).model == "null"


def test_a_reel_is_cancelled_and_held_within_a_step(tmp_path, ledger):
    reel, *clips = queue_board(ledger, tmp_path)
    shift = shift_in(tmp_path, ledger)
    seen = []

    def stop(segment, progress):
        if segment == reel and progress.done and not seen:
            seen.append(progress.phase)
            cancel(ledger, reel, now=now())
            shift.control.cancel([reel])

    object.__setattr__(shift._handler.producer, "tell", stop)
    end = shift.run()
    assert seen == ["finish"]
    assert (end.cancelled, sorted(end.delivered)) == ((reel,), clips)
    assert not list(tmp_path.glob("reels/*.mp4")) and not list(tmp_path.glob("reels/.*"))


def without_takes(tmp_path, ledger):
    """A reel whose first clip is delivered, and whose takes a move to another computer lost."""
    reel, first, second = queue_board(ledger, tmp_path)
    assert shift_in(tmp_path, ledger, count=1).run().delivered == (first,)
    for path in (tmp_path / ".reelkiln/scratch/reels").glob("*/*/*.npy"):
        path.unlink()
    return reel, first, second


def test_takes_that_are_gone_are_rendered_again_for_the_reel(tmp_path, ledger):
    reel, first, second = without_takes(tmp_path, ledger)
    film = tmp_path / find_segment(ledger, first).movie
    before = film.stat().st_mtime_ns
    renderer = HereRenderer()
    end = shift_in(tmp_path, ledger, renderer=renderer).run()
    assert (set(end.delivered), renderer.rendered) == ({second, reel}, [second, first])
    assert film.stat().st_mtime_ns == before, "the clip itself stays as it is"
    said = [row.said for row in read_log(ledger, since=LONG_AGO)]
    assert said == [f"{reel}: the takes of {first} are gone; again"]


def test_a_clip_that_is_refused_the_second_time_parks_its_reel(tmp_path, ledger):
    reel, first, second = without_takes(tmp_path, ledger)

    end = shift_in(tmp_path, ledger, renderer=Bad(first)).run()
    assert (end.delivered, end.parked) == ((second,), (reel,))
    assert f"{first}, rendered again for its reel, was refused" in find_segment(ledger, reel).reason

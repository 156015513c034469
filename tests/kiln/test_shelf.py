"""The shelf of kept takes, with others at it."""

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from kiln.nulls import GPU, null_card, null_shot
from reelkiln.backends.seam import Peak
from reelkiln.film.take import write_take
from reelkiln.kiln.firing import Fired
from reelkiln.kiln.shelf import Shelf
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip, Take, Verdict


def fired_in(folder):
    """A shot that the gate kept, its take in `folder`."""
    folder.mkdir()
    clip = Clip(np.zeros((2, 64, 64, 3), np.uint8), Fraction(8))
    path = folder / "7-0.npy"
    sha256 = write_take(clip, path)
    take = Take(
        segment=0, attempt=1, seed=7, path=str(path), sha256=sha256, verdict=Verdict(True, (), {})
    )
    card = null_card()
    plan = plan_shot(null_shot(card), card, GPU)
    return Fired(
        plan=plan,
        chosen=(take,),
        takes=(take,),
        refusals=(),
        seconds={},
        peak=Peak(vram=0, ram=0),
    )


def test_whoever_comes_second_leaves_the_takes_that_the_first_one_reads(tmp_path):
    shelf = Shelf(tmp_path / "takes")
    fired = fired_in(tmp_path / "scratch")
    first = shelf.keep("a", fired)
    place = Path(first.chosen[0].path)
    before = place.stat()
    second = shelf.keep("a", fired)
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert second.chosen == first.chosen
    place.write_bytes(b"half")
    mended = shelf.keep("a", replace(fired, chosen=fired.takes))
    assert shelf.find("a") is not None
    assert mended.chosen == first.chosen


def test_what_a_reel_is_about_to_be_joined_of_is_never_trimmed(tmp_path):
    shelf = Shelf(tmp_path / "takes")
    fired = fired_in(tmp_path / "scratch")
    for key in ("old", "mine"):
        shelf.keep(key, fired)
    shelf.trim(0, wanted=("mine",))
    assert (shelf.find("old"), shelf.find("mine") is None) == (None, False)


def test_two_may_trim_at_the_same_time(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path / "takes")
    fired = fired_in(tmp_path / "scratch")
    for key in ("a", "b"):
        shelf.keep(key, fired)
    real = Path.glob

    def glob(folder, pattern):
        found = list(real(folder, pattern))
        if folder == shelf.folder:  # gone between the listing and the look
            shutil.rmtree(folder / "a")
        return iter(found)

    monkeypatch.setattr(Path, "glob", glob)
    shelf.trim()
    assert shelf.find("b") is not None

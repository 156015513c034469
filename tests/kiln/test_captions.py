"""Where a reel's captions are put, by takes that were drawn."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kiln.boards import SMALL, ordered, starter
from kiln.nulls import null_bench
from kiln.test_recipe import RECIPE
from reelkiln.errors import UsageError
from reelkiln.film.take import write_take
from reelkiln.kiln.dress import dress, settled, stage_of
from reelkiln.kiln.shoot import Footage
from reelkiln.reel import Clip, Take, Verdict

FPS = Fraction(24)
LOW, HIGH = slice(150, 190), slice(40, 80)
"""Rows of a frame of 216 x 120 in which a box stands under the lower, or the upper, captions."""


@pytest.fixture
def edit(tmp_path):
    """Two shots of eight seconds, each with a caption."""
    with null_bench(tmp_path) as bench:
        found = ordered(starter(tmp_path / "glow"), bench, mute=True).edit
    cuts = tuple(replace(cut, seconds=Fraction(8)) for cut in found.cuts)
    return replace(found, cuts=cuts, captions_at="auto")


def shot(*runs):
    """A take in which a box stands at these rows for so many frames, one after the other."""
    frames = np.full((sum(count for _, count in runs), 216, 120, 3), 200, np.uint8)
    begin = 0
    for rows, count in runs:
        frames[begin : begin + count, rows, 40:80] = 20
        begin += count
    path = Path(f"take-{len(list(Path().glob('*.npy')))}.npy")
    sha256 = write_take(Clip(frames, FPS, 1.0), path)
    verdict = Verdict(kept=True, reasons=(), marks={})
    take = Take(segment=0, attempt=1, seed=0, path=str(path), sha256=sha256, verdict=verdict)
    (segment,) = RECIPE.plan.segments
    plan = replace(RECIPE.plan, fps=FPS, segments=(replace(segment, frames=len(frames)),))
    return Footage(replace(RECIPE, plan=plan), (take,), (take,))


def placed(edit, *shots):
    """Whether the captions of this reel are "low" or "high"."""
    folder = Path("glow").absolute()
    worn = dress(edit, folder, SMALL, Path("sound"))
    worn = settled(worn, edit, folder, SMALL, shots)
    boxes = [one["box"] for one in worn.laid.boxes() if one["name"].startswith("caption")]
    assert len(boxes) == len(edit.cuts)
    top, bottom = stage_of(edit, SMALL).box[1::2]
    return {"low" if box[1] + box[3] > top + bottom else "high" for box in boxes}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_captions_are_held_against_all_of_a_shot_that_is_seen(edit):
    """What comes after the first 64 frames, which are read at once, counts as much as they do."""
    stays = shot((LOW, 192))
    assert placed(edit, stays, stays) == {"high"}
    comes_late = shot((LOW, 64), (HIGH, 128))
    assert placed(edit, comes_late, comes_late) == {"low"}
    short = replace(edit, cuts=tuple(replace(cut, seconds=Fraction(2)) for cut in edit.cuts))
    assert placed(short, comes_late, comes_late) == {"high"}


def test_captions_stand_in_one_place_in_all_shots(edit):
    assert placed(edit, shot((LOW, 192)), shot((HIGH, 64), (slice(0, 1), 128))) == {"high"}


def test_words_too_many_for_the_top_are_tried_elsewhere(edit):
    long = "Words that go on and on until there are so many that they need all of the width"
    cuts = tuple(replace(cut, caption=long) for cut in edit.cuts)
    stays = shot((HIGH, 192))
    assert placed(replace(edit, cuts=cuts), stays, stays) == {"low"}
    fixed = replace(edit, cuts=cuts, captions_at="top")
    with pytest.raises(UsageError, match="caption 1"):
        placed(fixed, stays, stays)

"""Series measured in real child processes: what fails is a row, and the rest goes on."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import psutil
import pytest

from kiln.nulls import NO_GPU, null_card
from reelkiln.kiln.benchmark import _likeness
from reelkiln.kiln.trial import PROMPTS, Series, Shape, planned, run_series
from reelkiln.kiln.watch import Watch

SQUARE = Shape("1:1", Fraction(1))


def series(card=None, **more):
    return Series(card=card or null_card(), preset="standard", shape=SQUARE, **more)


def trials(wanted, folder, watch=Watch(), **more):  # noqa: B008  a frozen value
    runs = run_series(wanted, machine=NO_GPU, cache=None, folder=folder, watch=watch, **more)
    return list(runs)


def test_every_dialect_has_the_same_pictures():
    assert {len(prompts) for prompts in PROMPTS.values()} == {3}
    for words in zip(*PROMPTS.values(), strict=True):
        for thing in ("gold", "white", "red"):
            assert len({thing in prompt for prompt in words}) == 1


def test_prompts_come_once_and_the_first_again():
    runs = series(prompts=2, repeats=3).runs
    assert [number for _, number in runs] == [0, 0, 1, 2]
    assert len({prompt for prompt, number in runs if number}) == 1
    once, twice, thrice = (planned(series(prompts=n, repeats=1), NO_GPU) for n in (1, 2, 3))
    # The model is loaded once in a series, which here is nearly all that a clip takes.
    assert once > 0
    assert thrice - twice < once / 2


def test_a_process_that_is_killed_is_a_row(tmp_path):
    """As the system does for want of memory; the next run has a new process."""
    killed = []

    def watch(progress):
        if progress.phase == "denoise" and not killed:
            (child,) = [p for p in psutil.Process().children() if "spawn" in " ".join(p.cmdline())]
            killed.append(child.pid)
            child.kill()

    first, second = trials(series(prompts=1), tmp_path, Watch(watch))
    assert "is gone" in first.failure
    assert first.pace is None
    assert not second.failure
    assert "load" in second.took


def test_a_shape_that_fits_nowhere_is_one_row(tmp_path):

    small = replace(NO_GPU, ram_total=1 << 20, ram_free=1 << 20)
    runs = run_series(series(), machine=small, cache=None, folder=tmp_path, watch=Watch())
    (only,) = list(runs)
    assert "fits on no rung" in only.failure


def test_energy_is_what_the_counter_moved_by(tmp_path):
    counter = iter(range(0, 1000, 7))
    drawn = [t.joules for t in trials(series(prompts=2), tmp_path, joules=lambda: next(counter))]
    assert drawn == [7, 7, 7]


def test_a_stop_ends_the_process_that_renders(tmp_path):
    def stop(progress):
        if progress.phase == "denoise":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trials(series(null_card(step_seconds=0.2)), tmp_path, Watch(stop))
    assert not [p for p in psutil.Process().children() if "spawn" in " ".join(p.cmdline())]


def test_a_disk_that_takes_no_folder_is_a_row(tmp_path):
    folder = tmp_path / "scratch"
    folder.write_bytes(b"a file where the folder should be")
    first, second = trials(series(prompts=1), folder)
    assert "cannot be written" in first.failure
    assert "cannot be written" in second.failure


def test_takes_that_are_not_whole_are_near_to_nothing(tmp_path):
    for name in ("full", "quick"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "7-0.npy", np.zeros((2, 16, 16, 3), np.uint8))
    assert _likeness(tmp_path / "full", tmp_path / "quick").psnr == 99
    take = tmp_path / "full" / "7-0.npy"
    take.write_bytes(take.read_bytes()[:-9])
    assert _likeness(tmp_path / "full", tmp_path / "quick") is None

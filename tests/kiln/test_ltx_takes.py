"""LTX in production, with tiny weights of the real classes: lost numbers, and long shots."""

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kiln.nulls import NO_GPU, ticking
from reelkiln.backends.ltx import LtxFamily
from reelkiln.errors import UsageError
from reelkiln.film.take import read_take
from reelkiln.kiln.fire import fire
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.told import Setting, tuned
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.models.cards import find_card
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Shot, Size
from tiny_models import make_ltx_card

pytestmark = pytest.mark.torch
BIAS = "vae.decoder.conv_out.conv.bias"
CARD = make_ltx_card(frames_max=25, native=(Size(64, 64),), only_native=True, side_max=64)


def burn(folder, folders, card=CARD, seconds=1, **changes):
    notes = []
    shot = Shot(
        prompt="a red jar", model=card.name, seconds=Fraction(seconds), size=Size(64, 64), seed=7
    )
    plan = replace(plan_shot(shot, card, NO_GPU), **changes)
    cache = folder / "cache"
    with Furnace(LtxFamily(), card, folders, cache=cache) as furnace:
        clock = PhaseClock(ticking(), Watch(on_note=notes.append))
        fired = fire(shot, plan, furnace, machine=NO_GPU, scratch=folder, clock=clock)
    return fired, notes


def frames_of(take, plan):
    return np.concatenate([clip.frames for clip in read_take(Path(take.path), plan.fps)])


@pytest.fixture
def spoilt(tiny_ltx, tmp_path):
    """A decoder with one number that float32 holds and bfloat16 does not."""
    from safetensors.numpy import load_file, save_file

    model = shutil.copytree(tiny_ltx["model"], tmp_path / "model")
    (file,) = model.glob("*.safetensors")
    weights = load_file(file)
    weights[BIAS][:] = np.float32(3.4e38)
    save_file(weights, file)
    return {**tiny_ltx, "model": model}


def test_after_nan_the_second_take_has_a_safer_dtype_and_the_first_is_never_kept(spoilt, tmp_path):
    fired, notes = burn(tmp_path, spoilt, dtype="bfloat16")
    first, second, *_ = fired.takes
    assert first.verdict.marks["finite"] < 1
    assert not first.verdict.kept
    assert "again in float32" in notes[0]
    assert second.verdict.marks["finite"] == 1
    assert second.seed == first.seed
    assert fired.plan.dtype == "float32"
    assert first not in fired.chosen


def test_what_is_nan_in_every_dtype_is_never_kept(tiny_ltx, tmp_path):
    from tiny_models import ruin

    model = shutil.copytree(tiny_ltx["model"], tmp_path / "model")
    (file,) = model.glob("*.safetensors")
    ruin(file, BIAS)
    fired, _ = burn(tmp_path, {**tiny_ltx, "model": model}, dtype="bfloat16")
    assert len(fired.takes) == 3
    assert fired.chosen == ()
    assert not fired.whole


def test_a_long_shot_goes_on_from_the_frames_before(tiny_ltx, tmp_path):
    fired, _ = burn(tmp_path, tiny_ltx, seconds=2)
    assert [segment.frames for segment in fired.plan.segments] == [25, 25, 17]
    assert [segment.lead_frames for segment in fired.plan.segments] == [0, 9, 9]
    assert fired.whole
    assert [len(frames_of(take, fired.plan)) for take in fired.chosen] == [25, 25, 17]
    elsewhere = tmp_path / "alone"
    elsewhere.mkdir()
    alone, _ = burn(elsewhere, tiny_ltx)
    assert np.array_equal(
        frames_of(fired.chosen[0], fired.plan), frames_of(alone.chosen[0], alone.plan)
    )


def test_a_distilled_model_is_not_tuned_to_other_steps():
    card = find_card("ltx-2b-distilled")
    assert tuned(card, "standard", Setting(steps=7, guidance=1.5)).presets["standard"].steps == 7
    with pytest.raises(UsageError, match="distilled for 7 steps"):
        tuned(card, "standard", Setting(steps=12))


def test_a_cached_draft_is_tuned_to_fewer_steps_than_it_has_between_whole_ones():
    card = tuned(find_card("epicrealism"), "draft", Setting(steps=2))
    assert (card.presets["draft"].steps, card.presets["draft"].cache_every) == (2, 2)
    card = tuned(find_card("epicrealism"), "draft", Setting(steps=10))
    assert card.presets["draft"].cache_every == 3

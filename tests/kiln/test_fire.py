"""One shot to takes: what is tried again, how often, and what is kept."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kiln.nulls import GPU, LED, NO_GPU, null_card, null_shot, ticking
from reelkiln.backends.null import NullFamily
from reelkiln.errors import Cancelled, OutOfMemory, PlanRefused
from reelkiln.film.take import read_take
from reelkiln.kiln.fire import TAKES_MAX, fire, next_seed
from reelkiln.kiln.furnace import Furnace
from reelkiln.kiln.watch import PhaseClock, Watch
from reelkiln.plan.walk import plan_shot
from reelkiln.reel import Clip


class Heard:
    """Everything that was told, in order."""

    def __init__(self):
        self.steps, self.notes = [], []
        self.watch = Watch(self.steps.append, self.notes.append)

    def loads(self):
        return sum((step.phase, step.done) == ("load", step.total) for step in self.steps)


def burn(  # noqa: PLR0917 - what a render begins with
    folder, card, machine=GPU, plan=None, heard=None, family=None, **changes
):
    heard = heard or Heard()
    shot = null_shot(card, **changes)
    plan = plan or plan_shot(shot, card, machine)
    with Furnace(family or NullFamily(), card, {}) as furnace:
        clock = PhaseClock(ticking(), heard.watch)
        fired = fire(shot, plan, furnace, machine=machine, scratch=folder, clock=clock)
    return fired, heard


def frames_of(take, plan):
    return np.concatenate([clip.frames for clip in read_take(Path(take.path), plan.fps)])


def test_a_good_shot_takes_one_take_and_leaves_it_on_the_disk(tmp_path):
    fired, heard = burn(tmp_path, null_card())
    (take,) = fired.takes
    assert (take.attempt, take.seed, take.verdict.kept) == (1, 7, True)
    assert fired.chosen == fired.takes
    assert fired.refusals == ()
    assert heard.notes == []
    (clip,) = read_take(tmp_path / "7-0.npy", fired.plan.fps)
    assert len(clip.frames) == fired.plan.segments[0].frames
    assert list(fired.seconds) == ["load", "encode", "denoise", "decode", "check"]
    assert all(took > 0 for took in fired.seconds.values())


def test_the_phases_are_told_in_order(tmp_path):
    _, heard = burn(tmp_path, null_card())
    phases = list(dict.fromkeys(step.phase for step in heard.steps))
    assert phases == ["load", "encode", "denoise", "decode", "check"]


def test_black_is_tried_with_other_seeds_three_times_and_the_best_is_kept(tmp_path):
    fired, heard = burn(tmp_path, null_card(picture="black"))
    seeds = [7, next_seed(7), next_seed(next_seed(7))]
    assert [take.seed for take in fired.takes] == seeds
    assert [take.attempt for take in fired.takes] == [1, 2, 3]
    assert len(fired.takes) == TAKES_MAX
    assert fired.whole
    assert not fired.chosen[0].verdict.kept
    assert len(fired.refusals) >= TAKES_MAX
    assert len(heard.notes) == TAKES_MAX - 1
    assert heard.loads() == 1
    # The plan renders what was chosen.
    assert fired.plan.segments[0].seed == fired.chosen[0].seed


def test_after_nan_the_second_take_has_a_safer_dtype_and_the_same_seed(tmp_path):
    card = null_card(gain=1e5)
    fired, heard = burn(tmp_path, card)
    lost, kept = fired.takes
    assert not lost.verdict.kept
    assert lost.verdict.marks["finite"] < 1
    assert kept.verdict.kept
    assert kept.seed == lost.seed
    assert fired.plan.dtype != "float16"
    assert heard.loads() == 2
    assert any("NaN" in reason for reason in fired.plan.because)


def test_nan_in_every_dtype_is_never_kept(tmp_path):
    for machine in (GPU, NO_GPU):
        fired, _ = burn(tmp_path, null_card(gain=float("inf")), machine)
        assert len(fired.takes) == TAKES_MAX
        assert fired.chosen == ()
        assert not fired.whole
        assert fired.refusals


def test_after_a_leap_the_second_take_moves_less_with_the_same_seed(tmp_path):
    card = replace(null_card(picture="leaping"), calmer=(0.1,))
    fired, heard = burn(tmp_path, card)
    wild, calm = fired.takes
    assert wild.verdict.action == "smaller_motion"
    assert calm.verdict.kept, calm.verdict.reasons
    assert calm.seed == wild.seed
    assert fired.plan.motion == 0.1
    assert any("motion at 10%" in reason for reason in fired.plan.because)
    assert "again with motion at 10%" in heard.notes[0]
    again, _ = burn(tmp_path, card, plan=fired.plan)
    assert again.takes[0].sha256 == calm.sha256


def test_a_model_that_cannot_move_less_says_so_and_takes_another_seed(tmp_path):
    fired, heard = burn(tmp_path, null_card(picture="leaping"))
    assert [take.seed for take in fired.takes][:2] == [7, next_seed(7)]
    assert fired.plan.motion == 1.0
    assert "null cannot be told to move less; again with seed" in heard.notes[0]


def test_out_of_memory_steps_down_the_ladder_and_is_no_take(tmp_path):
    card = null_card(fits_from="streamed")
    first = plan_shot(null_shot(card), card, GPU)
    fired, heard = burn(tmp_path, card)
    assert fired.plan.rung != first.rung
    assert len(fired.takes) == 1
    assert fired.chosen[0].attempt == 1
    assert fired.plan.because[: len(first.because)] == first.because
    assert any("ran out of memory" in reason for reason in fired.plan.because)
    assert heard.notes


def test_after_nan_no_rung_is_tried_again_that_ran_out_of_memory(tmp_path):
    fired, heard = burn(tmp_path, null_card(fits_from="streamed", gain=1e5))
    assert fired.takes[-1].verdict.kept
    assert (fired.plan.dtype, fired.plan.rung.residence) == ("bfloat16", "streamed")
    full = ["does not fit" in note for note in heard.notes]
    assert full == [True, True, True, False]  # resident in two ways, staged; then NaN


def test_out_of_memory_on_the_last_rung_is_a_refusal(tmp_path):
    card = null_card(fits_from="cpu")
    plan = plan_shot(null_shot(card), card, GPU)
    full_by_now = replace(GPU, ram_free=0)
    with pytest.raises(PlanRefused):
        burn(tmp_path, card, full_by_now, plan=plan)


class Tight(NullFamily):
    """Denoises the second segment of a shot on no rung before `streamed`."""

    @contextmanager
    def open(self, plan, card, folders, on_step):
        with super().open(plan, card, folders, on_step) as session:
            denoise = session.denoise

            def tight(segment, *more):
                if segment.index == 1 and plan.rung.residence != "streamed":
                    raise OutOfMemory("no room")
                return denoise(segment, *more)

            session.denoise = tight
            yield session


def test_memory_that_runs_out_after_the_last_take_of_a_segment_loses_no_take(tmp_path):
    card = null_card(reach=LED, picture="black")
    fired, _ = burn(tmp_path, card, family=Tight(), seconds=2)
    assert fired.plan.rung.residence == "streamed"
    assert fired.whole
    assert not any(take.verdict.kept for take in fired.takes)
    # Three takes, and the best one's seed again on each rung below.
    first = [take.seed for take in fired.takes if take.segment == 0]
    assert len(set(first)) == TAKES_MAX
    assert set(first[TAKES_MAX:]) == {fired.plan.segments[0].seed}


def test_each_segment_is_led_by_the_one_before(tmp_path):
    card = null_card(reach=LED)
    fired, heard = burn(tmp_path, card, seconds=2)
    assert len(fired.plan.segments) > 1
    assert [take.segment for take in fired.takes] == list(range(len(fired.plan.segments)))
    assert heard.loads() == 1
    first, second = (frames_of(take, fired.plan) for take in fired.takes[:2])
    with NullFamily().open(fired.plan, card, {}, lambda _: None) as session:
        segment = fired.plan.segments[1]
        lead = Clip(first[-segment.lead_frames :], fired.plan.fps)
        led = session.render(segment, lambda _: None, lead).frames
        alone = session.render(segment, lambda _: None).frames
    assert segment.lead_frames > 0
    assert np.array_equal(second, led)
    assert not np.array_equal(second, alone)


def test_a_change_of_plan_begins_the_shot_anew_under_one_plan(tmp_path):
    card = null_card(reach=LED, gain=1e5)
    fired, _ = burn(tmp_path, card, seconds=2)
    again, heard = burn(tmp_path, card, plan=fired.plan, seconds=2)
    assert [take.sha256 for take in again.chosen] == [take.sha256 for take in fired.chosen]
    assert len(again.takes) == len(again.plan.segments)
    assert heard.notes == []


def test_the_plan_of_a_shot_with_another_seed_renders_it_at_once(tmp_path):
    """What the recipe promises: its plan, rendered once, gives the kept takes."""
    card = null_card()
    shot = null_shot(card)
    plan = plan_shot(shot, card, GPU)
    other = replace(plan, segments=(replace(plan.segments[0], seed=next_seed(7)),))
    fired, _ = burn(tmp_path, card, plan=other)
    again, _ = burn(tmp_path, card, plan=fired.plan)
    assert again.takes[0].sha256 == fired.takes[0].sha256
    assert again.takes[0].seed == next_seed(7)


@pytest.mark.parametrize("phase", ["load", "encode", "denoise", "decode", "check"])
def test_whoever_is_told_may_stop_the_work_in_any_phase(tmp_path, phase):
    def stop(progress):
        if progress.phase == phase:
            raise Cancelled("stopped")

    heard = Heard()
    heard.watch = Watch(stop, heard.notes.append)
    with pytest.raises(Cancelled):
        burn(tmp_path, null_card(), heard=heard)


def test_takes_are_exact(tmp_path):
    fired, _ = burn(tmp_path, null_card())
    with NullFamily().open(fired.plan, null_card(), {}, lambda _: None) as session:
        clip = session.render(fired.plan.segments[0], lambda _: None)
    assert np.array_equal(frames_of(fired.takes[0], fired.plan), clip.frames)

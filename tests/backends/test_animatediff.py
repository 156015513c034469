"""AnimateDiff through the seam, against diffusers' own pipeline on the same tiny weights."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import AnimateDiffPipeline, EulerDiscreteScheduler, MotionAdapter, UNetMotionModel

from reelkiln.backends.libraries import quiet
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders, Step
from reelkiln.errors import Cancelled, UsageError, WeightsMissing
from reelkiln.plan.card import Card
from reelkiln.plan.ladder import Rung
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip, Segment
from tiny_models import EULER, WINDOWS, make_card, make_plan, nothing

CARD = make_card("animatediff")
LONG = make_card("animatediff", reach=WINDOWS)


def render(plan: Plan, card: Card, folders: Folders, *segments: Segment) -> list[Clip]:
    with find_backend("animatediff").open(plan, card, folders, nothing) as session:
        return [session.render(segment, nothing) for segment in segments or plan.segments]


def diffusers_own(plan: Plan, folders: Folders, *, windows: bool = False) -> np.ndarray:
    """The same clip from the library alone, loaded as its documentation says."""
    segment = plan.segments[0]
    with quiet(), torch.no_grad():
        adapter = MotionAdapter.from_pretrained(folders["motion"])
        pipe = AnimateDiffPipeline.from_pretrained(folders["model"], motion_adapter=adapter)
        pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, **EULER.schedule)
        pipe.set_progress_bar_config(disable=True)
        if windows:
            pipe.enable_free_noise(WINDOWS.context, WINDOWS.stride)
        video = pipe(
            segment.prompt,
            negative_prompt=segment.negative,
            num_frames=segment.frames,
            width=plan.size.width,
            height=plan.size.height,
            num_inference_steps=plan.steps,
            guidance_scale=plan.guidance,
            generator=torch.Generator().manual_seed(segment.seed),
            output_type="pt",
            decode_chunk_size=1,
        ).frames[0]
    return (video * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def test_pixels_are_those_of_diffusers_own_pipeline(tiny):
    plan = make_plan(CARD)
    clip = render(plan, CARD, tiny)[0]
    assert np.array_equal(clip.frames, diffusers_own(plan, tiny))


def test_windows_are_those_of_diffusers_own_pipeline(tiny):
    plan = make_plan(LONG, frames=13)
    clip = render(plan, LONG, tiny)[0]
    assert len(clip.frames) == 13
    # Its own interpolates between two equal sentences, which rounds.
    own = diffusers_own(plan, tiny, windows=True).astype(int)
    assert np.abs(clip.frames - own).max() <= 1
    assert np.mean(clip.frames == own) > 0.999


def test_a_clip_of_one_context_is_exact_whatever_was_rendered_before(tiny):
    plan = make_plan(LONG, frames=8)
    short, long = plan.segments[0], replace(plan.segments[0], frames=11)
    clips = render(plan, LONG, tiny, short, long, short, replace(short, frames=5))
    assert np.array_equal(clips[0].frames, diffusers_own(plan, tiny))
    assert np.array_equal(clips[0].frames, clips[2].frames)
    assert [len(clip.frames) for clip in clips] == [8, 11, 8, 5]


def test_a_few_step_file_is_the_adapter_it_was_made_from(tiny):
    plan = make_plan(CARD)
    few = {"model": tiny["model"], "motion": tiny["lightning"]}
    assert np.array_equal(render(plan, CARD, tiny)[0].frames, render(plan, CARD, few)[0].frames)


@pytest.mark.parametrize(
    ("rung", "tolerance"),
    [
        (Rung(residence="staged", storage_bits=32), 0),
        (Rung(residence="streamed", storage_bits=32), 0),
        (Rung(residence="streamed", storage_bits=32, split=True, two_pass=True), 1),
        (Rung(residence="cpu", storage_bits=32, decode="whole"), 1),
        (Rung(residence="cpu", storage_bits=32, two_pass=True), 1),
        (Rung(residence="cpu", storage_bits=32, split=True), 1),
        (Rung(residence="cpu", storage_bits=32, two_pass=True, split=True), 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("frames", [4, 13])
def test_every_arrangement_renders_the_same_clip(tiny, rung, tolerance, frames):
    plain = make_plan(LONG, frames=frames)
    clips = [render(plan, LONG, tiny)[0] for plan in (plain, replace(plain, rung=rung))]
    difference = np.abs(clips[0].frames.astype(int) - clips[1].frames.astype(int))
    assert difference.max() <= tolerance


def test_without_guidance_two_passes_skip_the_same_steps(tiny):
    """A plan from a file may ask for passes where there is nothing to part."""
    card = make_card("animatediff", replace(EULER, steps=4, guidance=1.0, cache_every=2))
    plain = make_plan(card)
    passes = replace(plain, rung=replace(plain.rung, two_pass=True))
    one, other = (render(plan, card, tiny)[0] for plan in (plain, passes))
    assert np.array_equal(one.frames, other.frames)


def test_a_draft_decodes_with_the_small_decoder_and_skips_deep_layers(tiny):
    """What it costs in the picture is measured on spark: docs/measured/drafts.md."""
    preset = replace(EULER, steps=4, adds=("tiny_decoder",), cache_every=2, quick_sums=True)
    card = make_card("animatediff", preset)
    plan = make_plan(card)
    first, again = render(plan, card, tiny, plan.segments[0], plan.segments[0])
    assert first.frames.shape == (4, 48, 64, 3)
    assert np.array_equal(first.frames, again.frames)
    rung = Rung(residence="streamed", storage_bits=32, two_pass=True)
    (other,) = render(replace(plan, rung=rung), card, tiny)
    assert np.abs(first.frames.astype(int) - other.frames.astype(int)).max() <= 1
    missing = {name: folder for name, folder in tiny.items() if name != "tiny_decoder"}
    with pytest.raises(WeightsMissing, match="small decoder"):
        render(plan, card, missing)


def test_weights_in_8_bits_render_nearly_the_same_clip(tiny):
    plain = make_plan(CARD)
    rung = Rung(residence="cpu", storage_bits=8)
    clips = [render(plan, CARD, tiny)[0] for plan in (plain, replace(plain, rung=rung))]
    difference = np.abs(clips[0].frames.astype(int) - clips[1].frames.astype(int))
    assert 0 < difference.mean() < 8


def test_without_guidance_the_negative_has_no_say(tiny):
    plan = make_plan(CARD, guidance=1.0)
    segment = plan.segments[0]
    with_words = replace(segment, negative="blurry")
    clips = render(plan, CARD, tiny, segment, with_words)
    assert np.array_equal(clips[0].frames, clips[1].frames)
    guided = render(make_plan(CARD), CARD, tiny, segment, with_words)
    assert not np.array_equal(guided[0].frames, guided[1].frames)


def test_the_encoder_leaves_before_denoising_and_comes_back_for_other_words(tiny):
    plan = make_plan(CARD)
    segment, other = plan.segments[0], replace(plan.segments[0], prompt="a blue can")
    held: list[bool] = []

    def on_step(step: Step) -> None:
        if (step.phase, step.done) == ("denoise", 0):
            held.append("CLIPTextModel" in living())

    with find_backend("animatediff").open(plan, CARD, tiny, nothing) as session:
        session.render(segment, on_step)
        later = session.render(other, on_step)
    assert held == [False, False]
    assert np.array_equal(later.frames, render(plan, CARD, tiny, other)[0].frames)


def living() -> set[str]:
    """Names of the classes that have an instance."""
    gc.collect()
    return {type(thing).__name__ for thing in gc.get_objects()}


def test_the_merged_network_shares_its_weights_with_nobody(tiny):
    """No second copy of the motion modules, and none of the picture network."""
    plan = make_plan(CARD)
    gc.collect()
    with find_backend("animatediff").open(plan, CARD, tiny, nothing):
        networks = [thing for thing in gc.get_objects() if type(thing) is UNetMotionModel]
        assert len(networks) == 1
        assert not living() & {"MotionAdapter", "UNet2DConditionModel"}
        assert not any(tensor.is_meta for tensor in networks[0].state_dict().values())


@pytest.mark.parametrize("phase", ["load", "encode", "denoise", "decode"])
def test_an_error_that_somebody_keeps_holds_no_network_and_no_tensor(tiny, phase):
    def on_step(step: Step) -> None:
        if (step.phase, step.done) == (phase, 1):
            raise Cancelled("enough")

    plan = make_plan(CARD)
    kept = None
    try:
        with find_backend("animatediff").open(plan, CARD, tiny, on_step) as session:
            session.render(plan.segments[0], on_step)
    except Cancelled as error:
        kept = error
    session = None
    assert kept is not None
    assert not living() & {
        "UNetMotionModel",
        "AutoencoderKL",
        "CLIPTextModel",
        "AnimateDiffPipeline",
    }


def test_a_picture_or_a_lead_is_refused(tiny):
    plan = make_plan(CARD)
    segment = plan.segments[0]
    clip = render(plan, CARD, tiny)[0]
    with find_backend("animatediff").open(plan, CARD, tiny, nothing) as session:
        for wish in (replace(segment, image="a.png"), replace(segment, lead_frames=2)):
            with pytest.raises(UsageError, match="words alone"):
                session.render(wish, nothing)
        with pytest.raises(UsageError, match="words alone"):
            session.render(segment, nothing, lead=clip)


def test_what_is_global_in_torch_and_its_libraries_stays_as_it_was(tiny):
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    def state() -> tuple[object, ...]:
        return (
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.random.get_rng_state().tolist(),
            diffusers_log.get_verbosity(),
            diffusers_log.is_progress_bar_enabled(),
            transformers_log.get_verbosity(),
            transformers_log.is_progress_bar_enabled(),
        )

    before = state()
    render(make_plan(LONG, frames=9), LONG, tiny)
    assert state() == before


def test_weights_in_the_words_reach_the_picture(tiny):
    plan = make_plan(CARD)
    words = [replace(plan.segments[0], prompt=p) for p in ("a red jar", "a (red:1.9) jar")]
    plain, heavy = render(plan, CARD, tiny, *words)
    again = render(plan, CARD, tiny, words[1])[0]
    assert not np.array_equal(plain.frames, heavy.frames)
    assert np.array_equal(heavy.frames, again.frames)

"""LTX through the seam, against diffusers' own pipeline on the same tiny weights."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXConditionPipeline
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from transformers import T5EncoderModel

from reelkiln.backends.eight_bits import is_narrow
from reelkiln.backends.libraries import quiet
from reelkiln.backends.ltx_decode import STRIDES, decode_windows, tiled
from reelkiln.backends.ltx_files import load_transformer, load_vae
from reelkiln.backends.pixels import to_pixels
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import Folders
from reelkiln.backends.t5 import load_tokenizer
from reelkiln.backends.tiny_ltx import MODEL, write_ltx
from reelkiln.errors import UsageError, WeightsBroken
from reelkiln.models.cards import find_card, load_cards
from reelkiln.plan.ladder import Rung
from reelkiln.plan.plan import Plan
from reelkiln.reel import Clip
from tiny_models import (
    DISTILLED,
    GUIDED,
    SEVEN,
    make_ltx_card,
    make_ltx_plan,
    make_t5_config,
    nothing,
)

CARD = make_ltx_card()
WORDS = "a red jar"


def render(plan: Plan, card, folders: Folders, lead: Clip | None = None, **changes) -> Clip:
    segment = replace(plan.segments[0], **changes)
    with find_backend("ltx").open(plan, card, folders, nothing) as session:
        return session.render(segment, nothing, lead)


def whole_text_encoder(folder: Path) -> T5EncoderModel:
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    encoder = T5EncoderModel(make_t5_config())
    encoder.load_state_dict(load_file(file))
    return encoder.eval()


def whole_vae(file: Path) -> AutoencoderKLLTXVideo:
    vae = load_vae(file, "float32", "decoder", model="tiny")
    vae.encoder = load_vae(file, "float32", "encoder", model="tiny").encoder
    return vae


def the_file(folders: Folders) -> Path:
    (file,) = folders["model"].glob("*.safetensors")
    return file


def diffusers_own(plan: Plan, card, folders: Folders, lead: Clip | None = None) -> np.ndarray:
    """The same clip from the library alone: everything loaded whole, nothing planned."""
    segment, preset = plan.segments[0], card.presets["standard"]
    file = the_file(folders)
    with quiet(), torch.no_grad():
        pipe = LTXConditionPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(),
            vae=whole_vae(file),
            text_encoder=whole_text_encoder(folders["encoder"]),
            tokenizer=load_tokenizer(folders["model"] / "tokenizer"),
            transformer=load_transformer(file, "float32", narrow=False, model="tiny"),
        )
        pipe.set_progress_bar_config(disable=True)
        conditions = lead and LTXVideoCondition(video=list(lead.frames / 255.0))
        made = pipe(
            conditions=conditions,
            prompt=segment.prompt,
            negative_prompt=segment.negative,
            num_frames=segment.frames,
            width=plan.size.width,
            height=plan.size.height,
            frame_rate=float(plan.fps),
            timesteps=[1000 * sigma for sigma in preset.sigmas] or None,
            num_inference_steps=preset.steps,
            guidance_scale=preset.guidance,
            guidance_rescale=preset.schedule.get("guidance_rescale", 0.0),
            decode_timestep=preset.schedule["decode_timestep"],
            decode_noise_scale=preset.schedule["decode_noise_scale"],
            max_sequence_length=card.tokens,
            generator=torch.Generator("cpu").manual_seed(segment.seed),
            output_type="np",
        ).frames[0]
    return (made * 255).round().astype(np.uint8)


def apart(one: np.ndarray, two: np.ndarray) -> int:
    assert one.shape == two.shape
    return int(np.abs(one.astype(int) - two.astype(int)).max())


def some_frames(count: int) -> Clip:
    rng = np.random.default_rng(3)
    base = rng.integers(0, 255, (64, 64, 3), np.uint8)
    return Clip(np.stack([np.roll(base, 2 * i, axis=1) for i in range(count)]), CARD.fps)


@pytest.mark.parametrize("preset", [DISTILLED, GUIDED], ids=["distilled", "guided"])
@pytest.mark.parametrize("lead", [0, 1, 9], ids=["words", "picture", "lead"])
def test_a_planned_render_is_the_pipelines_own(tiny_ltx, preset, lead):
    card = make_ltx_card(preset)
    plan = make_ltx_plan(card)
    plan = replace(plan, segments=(replace(plan.segments[0], negative="blurry"),))
    frames = some_frames(lead) if lead else None
    ours = render(plan, card, tiny_ltx, frames)
    assert apart(ours.frames, diffusers_own(plan, card, tiny_ltx, frames)) <= 1
    assert ours.frames.std() > 1


def test_guidance_in_two_passes_is_the_same_clip(tiny_ltx):
    card = make_ltx_card(GUIDED)
    plan = make_ltx_plan(card)
    twice = replace(plan, rung=replace(plan.rung, two_pass=True))
    assert apart(render(plan, card, tiny_ltx).frames, render(twice, card, tiny_ltx).frames) <= 1


def test_a_lead_stands_at_the_start_and_changes_what_follows(tiny_ltx):
    plan = make_ltx_plan(CARD)
    alone, led = render(plan, CARD, tiny_ltx), render(plan, CARD, tiny_ltx, some_frames(9))
    other = render(plan, CARD, tiny_ltx, Clip(some_frames(12).frames[3:], CARD.fps))
    assert apart(alone.frames, led.frames) > 1
    assert apart(other.frames, led.frames) > 1


def test_of_a_lead_that_is_no_whole_run_the_end_counts(tiny_ltx):
    plan, frames = make_ltx_plan(CARD), some_frames(12)
    last = Clip(frames.frames[-9:], CARD.fps)
    assert np.array_equal(
        render(plan, CARD, tiny_ltx, frames).frames, render(plan, CARD, tiny_ltx, last).frames
    )


@pytest.mark.parametrize("change", [{"image": "start.png"}, {"lead_frames": 9}])
def test_a_segment_that_continues_from_nothing_is_refused(tiny_ltx, change):
    with pytest.raises(UsageError, match="continues from frames"):
        render(make_ltx_plan(CARD), CARD, tiny_ltx, **change)


# ── the published numbers ────────────────────────────────────────────────────────────────────────


def test_the_distilled_card_steps_through_the_published_sigmas():
    card = find_card("ltx-2b-distilled")
    for preset in card.presets.values():
        assert preset.sigmas == (1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725) == SEVEN
        assert (preset.steps, preset.guidance) == (7, 1.0)
        assert preset.schedule == {"decode_timestep": 0.05, "decode_noise_scale": 0.025}


def test_the_pipeline_steps_through_them_too(tiny_ltx):
    with find_backend("ltx").open(make_ltx_plan(CARD), CARD, tiny_ltx, nothing) as session:
        session.render(make_ltx_plan(CARD).segments[0], nothing)
        scheduler = session._pipe.scheduler
        assert scheduler.sigmas.tolist() == pytest.approx([*SEVEN, 0.0], abs=1e-6)
        assert scheduler.timesteps.tolist() == pytest.approx([1000 * s for s in SEVEN], abs=1e-3)


# ── decoding ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def vae(tiny_ltx):
    return load_vae(the_file(tiny_ltx), "float32", "decoder", model="tiny")


def smooth_latents(frames: int, side: int = 2) -> torch.Tensor:
    """Latents that change slowly, as those of a film do."""
    torch.manual_seed(1)
    coarse = torch.randn(1, 8, 2, 1, 1)
    shape = (1 + (frames - 1) // 8, side, side)
    return torch.nn.functional.interpolate(coarse, shape, mode="trilinear", align_corners=True)


def decode_all(vae, latents, window):
    told = torch.tensor([0.05])
    with torch.no_grad():
        runs = list(decode_windows(lambda part: vae.decoder(part, told), latents, window))
    return torch.cat(runs)


@pytest.mark.parametrize("frames", [9, 17, 25, 33, 41, 49, 65, 121])
@pytest.mark.parametrize("window", [24, 32, 64])
def test_windows_give_the_frames_of_the_whole(vae, frames, window):
    latents = smooth_latents(frames)
    whole, parts = decode_all(vae, latents, 0), decode_all(vae, latents, window)
    assert parts.shape == whole.shape == (frames, 3, 64, 64)
    assert (parts - whole).abs().mean() < 0.15 * whole.std()


def test_the_librarys_own_windows_are_one_frame_late(vae):
    """Why they are not used: see `ltx_decode`. When this fails they can be."""
    vae.enable_tiling(tile_sample_min_num_frames=32, tile_sample_stride_num_frames=24)
    vae.use_framewise_decoding = True
    torch.manual_seed(1)
    latents = torch.nn.functional.interpolate(
        torch.randn(1, 8, 6, 1, 1), (16, 2, 2), mode="trilinear", align_corners=True
    )
    whole = decode_all(vae, latents, 0)
    with torch.no_grad():
        theirs = vae.decode(latents, torch.tensor([0.05])).sample[0].permute(1, 0, 2, 3)
    ours = decode_all(vae, latents, 32)
    vae.use_framewise_decoding = False
    assert (ours - whole).abs().mean() < (theirs - whole).abs().mean() / 2
    assert (theirs[30:48] - whole[29:47]).abs().mean() < (theirs[30:48] - whole[30:48]).abs().mean()


def test_tiles_of_the_picture_are_the_whole_away_from_their_edges(vae):
    latents = smooth_latents(9, side=20)
    told = torch.tensor([0.05])
    with torch.no_grad():
        whole = vae.decoder(latents, told)
        parts = tiled(vae, 512)(latents, told)
        uncut = tiled(vae, 640)(latents, told)
    assert torch.equal(uncut, whole)
    assert not torch.equal(parts, whole)
    assert (parts - whole)[..., :320, :320].abs().max() < 2e-3  # six cells from the first edge
    assert (parts - whole).abs().mean() < 0.15 * whole.std()


def test_other_tiles_have_their_borders_elsewhere_and_show_the_same_picture(vae):
    latents = smooth_latents(1, side=12)
    told = torch.tensor([0.05])
    with torch.no_grad():
        whole = vae.decoder(latents, told)
        ways = [tiled(vae, 256, tiling)(latents, told) for tiling in range(len(STRIDES))]
    for parts in ways:
        assert parts.shape == whole.shape
        assert (parts - whole).abs().mean() < 0.3 * whole.std()
    errors = [(parts - whole).abs().mean((0, 1, 2, 3)) for parts in ways]
    for one, other in itertools.combinations(errors, 2):
        assert not torch.allclose(one, other, atol=1e-4)


def test_every_card_that_decodes_in_tiles_names_all_ways_to_lay_them():
    for card in load_cards().values():
        assert card.tilings == (len(STRIDES) if card.costs.decode_tile else 1), card.name


def test_long_runs_are_as_long_as_the_card_says(tiny_ltx):
    card = replace(CARD, costs=replace(CARD.costs, decode_long=64))
    plan = make_ltx_plan(card, frames=73)
    plan = replace(plan, rung=Rung(residence="cpu", storage_bits=32, decode="long"))
    with find_backend("ltx").open(plan, card, tiny_ltx, nothing) as session:
        latents = session.denoise(plan.segments[0], nothing)
        clip = session.decode(latents, nothing)
        told = torch.tensor([session._told])
        given = torch.from_numpy(latents.array("latents"))
        with torch.no_grad():
            runs = list(decode_windows(lambda part: session._decode(part, told), given, 64))
    assert [len(run) for run in runs] == [57, 16]
    assert (clip.frames == np.concatenate([to_pixels(run)[0] for run in runs])).all()


@pytest.mark.parametrize("decode", ["whole", "long", "frames", "tiles"])
def test_every_way_to_decode_is_a_plan(tiny_ltx, decode):
    plan = make_ltx_plan(CARD, frames=41)
    plan = replace(plan, rung=Rung(residence="cpu", storage_bits=32, decode=decode))
    clip = render(plan, CARD, tiny_ltx)
    assert len(clip.frames) == 41


# ── weights in 8 bits ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    return write_ltx(tmp_path_factory.mktemp("narrow"), dtype="bfloat16", narrow=True)


def test_8_bits_on_the_disk_stay_8_bits_and_compute_as_16(narrow):
    file = the_file(narrow)
    kept = load_transformer(file, "bfloat16", narrow=True, model="tiny")
    wide = load_transformer(file, "bfloat16", narrow=False, model="tiny")
    assert is_narrow(kept)
    assert not is_narrow(wide)
    widths = {name: value.element_size() for name, value in kept.state_dict().items()}
    assert {name for name, size in widths.items() if size == 1} == {
        f"transformer_blocks.{block}.{layer}.weight"
        for block in range(2)
        for layer in (
            *(f"attn{n}.{to}" for n in (1, 2) for to in ("to_q", "to_k", "to_v", "to_out.0")),
            "ff.net.0.proj",
            "ff.net.2",
        )
    }
    torch.manual_seed(0)
    given = {
        "hidden_states": torch.randn(1, 12, 8, dtype=torch.bfloat16),
        "encoder_hidden_states": torch.randn(1, 5, 32, dtype=torch.bfloat16),
        "timestep": torch.tensor([500.0]),
        "encoder_attention_mask": torch.ones(1, 5),
        "num_frames": 3,
        "height": 2,
        "width": 2,
        "return_dict": False,
    }
    with torch.no_grad():
        assert torch.equal(kept(**given)[0], wide(**given)[0])


def test_8_bits_take_no_memory_until_they_move(narrow):
    """Weights that stay as they lie in the file are views of it, nobody's own allocation."""
    kept = load_transformer(the_file(narrow), "bfloat16", narrow=True, model="tiny")
    thin = [value for value in kept.parameters() if value.element_size() == 1]
    assert thin
    maps = Path("/proc/self/maps")
    if maps.exists():  # only Linux tells what a page belongs to
        lines = [line for line in maps.read_text().splitlines() if str(the_file(narrow)) in line]
        spans = [tuple(int(end, 16) for end in line.split()[0].split("-")) for line in lines]
        for value in thin:
            assert any(low <= value.data_ptr() < high for low, high in spans)


def test_a_render_in_8_bits_is_near_the_one_in_16(narrow):
    plan = make_ltx_plan(CARD, dtype="bfloat16")
    eight = replace(plan, rung=Rung(residence="cpu", storage_bits=8))
    wide, thin = render(plan, CARD, narrow), render(eight, CARD, narrow)
    assert apart(wide.frames, thin.frames) <= 1


# ── files that are not what they should be ───────────────────────────────────────────────────────


def test_a_tensor_that_is_missing_is_named(tiny_ltx, tmp_path):
    from safetensors.numpy import load_file, save_file

    folders = write_ltx(tmp_path)
    weights = load_file(the_file(folders))
    del weights["model.diffusion_model.transformer_blocks.1.ff.net.2.bias"]
    save_file(weights, the_file(folders))
    with pytest.raises(WeightsBroken, match=r"transformer_blocks\.1\.ff\.net\.2\.bias is missing"):
        render(make_ltx_plan(CARD), CARD, folders)


def test_a_model_of_another_kind_is_said_to_be_none(tiny_ltx):
    swapped = {"model": tiny_ltx["model"], "encoder": tiny_ltx["model"]}
    with pytest.raises(WeightsBroken, match="holds no T5 encoder"):
        render(make_ltx_plan(CARD), CARD, swapped)


def test_an_encoder_in_place_of_the_model_is_said_to_be_none(tiny_ltx, tmp_path):
    import shutil

    model = shutil.copytree(tiny_ltx["model"], tmp_path / "model")
    (encoder,) = tiny_ltx["encoder"].glob("*.safetensors")
    shutil.copy(encoder, the_file({"model": model}))
    with pytest.raises(WeightsBroken, match="does not hold an LTX-Video model"):
        render(make_ltx_plan(CARD), CARD, {**tiny_ltx, "model": model})


def test_of_a_folder_with_several_versions_the_cards_is_taken(tmp_path):
    from reelkiln.plan.card import Source

    folders = write_ltx(tmp_path)
    (folders["model"] / "another-version.safetensors").write_bytes(b"of no use")
    (finding,) = find_backend("ltx").check(CARD, folders)
    assert "holds 2 safetensors files, and tiny-ltx needs one" in finding.message
    named = Source(name="model", repo="a/b", files=(MODEL, "tokenizer/spiece.model"), bytes=1)
    card = replace(CARD, sources=(named, Source(name="encoder")))
    assert find_backend("ltx").check(card, folders) == ()
    assert len(render(make_ltx_plan(card), card, folders).frames) == 17


@pytest.mark.parametrize("name", ["tokenizer/spiece.model", "tokenizer/tokenizer_config.json"])
def test_a_tokenizer_that_lacks_a_file_is_found_before_loading(tmp_path, name):
    folders = write_ltx(tmp_path)
    (folders["model"] / name).unlink()
    (finding,) = find_backend("ltx").check(CARD, folders)
    assert Path(name).name in finding.message


def test_a_file_that_was_cut_short_is_found_before_loading(tmp_path):
    folders = write_ltx(tmp_path)
    (file,) = folders["encoder"].glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    (finding,) = find_backend("ltx").check(CARD, folders)
    assert "its header says" in finding.message

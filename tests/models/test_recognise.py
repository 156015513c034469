"""Single files told apart by their headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from toys import safetensors

from reelkiln.errors import WeightsBroken
from reelkiln.models.cards import find_card
from reelkiln.models.installed import bundled_folder
from reelkiln.models.recognise import recognise

Shapes = Mapping[str, tuple[int, ...]]

LDM = "model.diffusion_model"
LDM_WORDS = f"{LDM}.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
WORDS = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
GUOYWW = "down_blocks.0.motion_modules.0.temporal_transformer"
LTX_BLOCK = "transformer_blocks.0"

FILES: list[tuple[str, Shapes, tuple[str, str, str]]] = [
    (
        "dreamshaper_8",
        {
            LDM_WORDS: (320, 768),
            f"{LDM}.input_blocks.0.0.weight": (320, 4, 3, 3),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        },
        ("animatediff", "checkpoint", "original"),
    ),
    (
        "sd15 inpainting",
        {
            LDM_WORDS: (320, 768),
            f"{LDM}.input_blocks.0.0.weight": (320, 9, 3, 3),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        },
        ("unknown", "unknown", ""),
    ),
    (
        "sd2",
        {
            LDM_WORDS: (320, 1024),
            f"{LDM}.input_blocks.0.0.weight": (320, 4, 3, 3),
            "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
        },
        ("unknown", "unknown", ""),
    ),
    (
        "sd15 unet",
        {WORDS: (320, 768), "conv_in.weight": (320, 4, 3, 3)},
        ("animatediff", "unet", "diffusers"),
    ),
    (
        "unet with motion",
        {
            WORDS: (320, 768),
            "conv_in.weight": (320, 4, 3, 3),
            "down_blocks.0.motion_modules.0.proj_in.weight": (320, 320),
        },
        ("unknown", "unknown", ""),
    ),
    (
        "mm_sd_v15_v2",
        {
            f"{GUOYWW}.proj_in.weight": (320, 320),
            f"{GUOYWW}.transformer_blocks.0.attention_blocks.0.pos_encoder.pe": (1, 32, 320),
        },
        ("animatediff", "motion", "original"),
    ),
    (
        "animatediff_lightning_4step_diffusers",
        {"mid_block.motion_modules.0.transformer_blocks.0.attn1.to_q.weight": (320, 320)},
        ("animatediff", "motion", "diffusers"),
    ),
    (
        "ltx-video-2b",
        {
            f"{LDM}.{LTX_BLOCK}.scale_shift_table": (6, 64),
            f"{LDM}.{LTX_BLOCK}.attn1.q_norm.weight": (64,),
            "vae.decoder.conv_in.conv.weight": (512, 128, 3, 3, 3),
        },
        ("ltx", "checkpoint", "original"),
    ),
    (
        "ltx transformer only",
        {f"{LTX_BLOCK}.scale_shift_table": (6, 64), f"{LTX_BLOCK}.attn1.q_norm.weight": (64,)},
        ("ltx", "transformer", "original"),
    ),
    (
        "ltx with sound",
        {
            f"{LTX_BLOCK}.scale_shift_table": (6, 64),
            f"{LTX_BLOCK}.attn1.q_norm.weight": (64,),
            "av_ca_a2v_gate_adaln_single.linear.weight": (64, 64),
        },
        ("unknown", "unknown", ""),
    ),
    (
        "ltx transformer of diffusers",
        {f"{LTX_BLOCK}.scale_shift_table": (6, 64), f"{LTX_BLOCK}.attn1.norm_q.weight": (64,)},
        ("ltx", "transformer", "diffusers"),
    ),
    (
        "ltx vae",
        {
            "decoder.conv_in.conv.weight": (64, 128, 3, 3, 3),
            "per_channel_statistics.mean-of-means": (128,),
        },
        ("ltx", "vae", "original"),
    ),
    (
        "ltx vae of diffusers",
        {"decoder.conv_in.conv.weight": (64, 128, 3, 3, 3), "latents_mean": (128,)},
        ("ltx", "vae", "diffusers"),
    ),
    ("a lora", {"lora_unet_down.lora_up.weight": (4, 4)}, ("unknown", "unknown", "")),
    ("nothing", {}, ("unknown", "unknown", "")),
]


@pytest.mark.parametrize(("name", "shapes", "what"), FILES, ids=[f[0] for f in FILES])
def test_each_kind_of_file(
    tmp_path: Path, name: str, shapes: Shapes, what: tuple[str, str, str]
) -> None:
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(safetensors({key: ("F8_E4M3", shape) for key, shape in shapes.items()}))
    found = recognise(path)
    assert (found.family, found.part, found.layout) == what


def test_the_bundled_motion_module_is_one() -> None:
    folder = bundled_folder(find_card("spark"))
    found = recognise(folder / "motion" / "diffusion_pytorch_model.safetensors")
    assert (found.family, found.part, found.layout) == ("animatediff", "motion", "diffusers")
    assert found.bits in {16.0, 32.0}


def test_a_false_name_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "adapter.fp16.safetensors"
    path.write_bytes(safetensors({"a.motion_modules.w": ("F32", (8, 8))}))
    found = recognise(path)
    assert found.part == "motion"
    assert "says fp16" in found.remarks[0]


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "dreamshaper.ckpt"
    path.write_bytes(b"PK\3\4")
    with pytest.raises(WeightsBroken, match=r"dreamshaper\.ckpt is a pickle"):
        recognise(path)

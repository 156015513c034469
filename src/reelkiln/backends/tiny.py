"""Tiny random weights of a family's real classes, in the layout of the real repositories.

For tests, rehearsals and measurements where no hub can be reached: the code that loads them is the
code that loads the real ones. `FULL` has the real sizes, for measuring memory and time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelkiln.backends.libraries import quiet
from reelkiln.backends.seam import Folders

__all__ = ["FULL", "TINY", "Scale", "motion_network", "write_animatediff"]

LIGHTNING = "animatediff_lightning_4step_diffusers.safetensors"


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of the networks. `text` is the encoder's width, layers, heads; `words` its tokens."""

    unet: tuple[int, ...]
    vae: tuple[int, ...]
    layers: int
    groups: int
    text: tuple[int, int, int]
    words: int
    context: int = 32


TINY = Scale(unet=(32, 64), vae=(16, 16, 16, 16), layers=1, groups=8, text=(32, 2, 4), words=514)
FULL = Scale(
    unet=(320, 640, 1280, 1280),
    vae=(128, 256, 512, 512),
    layers=2,
    groups=32,
    text=(768, 12, 12),
    words=49408,
)
"""Stable Diffusion 1.5 and the motion adapter v1-5-2: 859.5, 453.2, 83.7 and 123 million."""


def write_animatediff(
    root: Path, *, scale: Scale = TINY, dtype: str = "float32", seed: int = 0
) -> Folders:
    """Write a Stable Diffusion repository, a motion adapter and a few-step adapter under `root`.

    Returns:
        folders named "model", "motion", "lightning" and "tiny_decoder"; "lightning" stands in for
        "motion" in a card of a few-step model. Equal arguments write equal bytes.
    """
    import torch

    names = ("model", "motion", "lightning", "tiny_decoder")
    folders = {name: root / name for name in names}
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapter = _adapter(scale).to(getattr(torch, dtype))
        _write_model(folders["model"], scale, getattr(torch, dtype))
        _write_motion(folders["motion"], adapter)
        _write_lightning(folders["lightning"], adapter)
        _tiny_decoder(scale).to(getattr(torch, dtype)).save_pretrained(folders["tiny_decoder"])
    return folders


def motion_network(scale: Scale = FULL) -> Any:
    """The denoiser with its motion modules, as the family merges it; on torch's default device."""
    from diffusers import UNetMotionModel

    return UNetMotionModel.from_unet2d(_unet(scale), _adapter(scale), load_weights=False)


def _write_model(folder: Path, scale: Scale, dtype: Any) -> None:
    networks = {
        "unet": _unet(scale),
        "vae": _vae(scale),
        "text_encoder": _text_encoder(scale),
    }
    for name, network in networks.items():
        network.to(dtype).save_pretrained(folder / name)
        stem = "model" if name == "text_encoder" else "diffusion_pytorch_model"
        old = "pytorch_model.bin" if name == "text_encoder" else f"{stem}.bin"
        # The repositories still carry the pickled twins. Nobody may open them.
        (folder / name / old).write_bytes(b"pickled weights are never loaded")
    _scheduler().save_pretrained(folder / "scheduler")
    _write_tokenizer(folder / "tokenizer", scale.words)
    _write_extras(folder)


def _write_motion(folder: Path, adapter: Any) -> None:
    adapter.save_pretrained(folder)
    whole = folder / "diffusion_pytorch_model.safetensors"
    # On the hub the "fp16" file has the size of the other: a variant must not be trusted by name.
    (folder / "diffusion_pytorch_model.fp16.safetensors").write_bytes(whole.read_bytes())


def _write_lightning(folder: Path, adapter: Any) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(adapter.state_dict(), folder / LIGHTNING)


def _write_extras(folder: Path) -> None:
    """What such repositories hold and the family does not need."""
    entry = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.18.0",
        "feature_extractor": ["transformers", "CLIPFeatureExtractor"],
        "requires_safety_checker": True,
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    _write_json(folder / "model_index.json", entry)
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", {"size": 224})
    checker = folder / "safety_checker"
    _write_json(checker / "config.json", {"architectures": ["StableDiffusionSafetyChecker"]})
    for name in ("model.safetensors", "pytorch_model.bin"):
        (checker / name).write_bytes(b"not needed and never loaded")


def _write_tokenizer(folder: Path, words: int) -> None:
    """Byte-level BPE without merges: every letter is a word. The four files of the repositories."""
    end, start = "<|endoftext|>", "<|startoftext|>"
    letters = _byte_letters()
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += [f"unused{index}" for index in range(words - len(names) - 2)]
    names += [start, end]
    special = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    settings: dict[str, Any] = {
        **special,
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
    }
    _write_json(folder / "vocab.json", {name: index for index, name in enumerate(names)})
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8", newline="\n")
    _write_json(folder / "special_tokens_map.json", special)
    _write_json(folder / "tokenizer_config.json", settings)


def _byte_letters() -> list[str]:
    """The printable stand-in of each byte in byte-level BPE (OpenAI GPT-2, encoder.py)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + index) for index in range(len(hidden))]


def _write_json(file: Path, data: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, indent=2), encoding="utf-8", newline="\n")


def _unet(scale: Scale) -> Any:
    from diffusers import UNet2DConditionModel

    depth = len(scale.unet)
    return UNet2DConditionModel(
        sample_size=64,
        block_out_channels=scale.unet,
        layers_per_block=scale.layers,
        down_block_types=("CrossAttnDownBlock2D",) * (depth - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (depth - 1),
        cross_attention_dim=scale.text[0],
        attention_head_dim=8,
        norm_num_groups=scale.groups,
    )


def _vae(scale: Scale) -> Any:
    from diffusers import AutoencoderKL

    depth = len(scale.vae)
    return AutoencoderKL(
        block_out_channels=scale.vae,
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        layers_per_block=scale.layers,
        latent_channels=4,
        norm_num_groups=scale.groups,
        sample_size=512,
    )


def _tiny_decoder(scale: Scale) -> Any:
    """A decoder of TAESD's class: its real sizes are the library's defaults."""
    from diffusers import AutoencoderTiny

    width = 64 if scale == FULL else 8
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4, decoder_block_out_channels=(width,) * 4
    )


def _text_encoder(scale: Scale) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    width, layers, heads = scale.text
    config = CLIPTextConfig(
        vocab_size=scale.words,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        bos_token_id=scale.words - 2,
        eos_token_id=scale.words - 1,
        pad_token_id=scale.words - 1,
        projection_dim=width,
    )
    return CLIPTextModel(config)


def _adapter(scale: Scale) -> Any:
    from diffusers import MotionAdapter

    return MotionAdapter(
        block_out_channels=scale.unet,
        motion_layers_per_block=scale.layers,
        motion_norm_num_groups=scale.groups,
        motion_max_seq_length=scale.context,
    )


def _scheduler() -> Any:
    from diffusers import PNDMScheduler

    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
    )

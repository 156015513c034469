"""Tiny random weights of LTX-Video's real classes, in the layout of the real repositories.

As `tiny.py`: the code that loads them is the code that loads the real ones, and `FULL_LTX` has the
real sizes. The one file with transformer and autoencoder bears the authors' own names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelkiln.backends.eight_bits import narrow_names
from reelkiln.backends.libraries import quiet
from reelkiln.backends.seam import Folders
from reelkiln.backends.spiece import write_spiece

__all__ = ["ENCODER", "FULL_LTX", "MODEL", "TINY_LTX", "LtxScale", "write_ltx"]


@dataclass(frozen=True, slots=True)
class LtxScale:
    """Sizes of the networks. `text`: the encoder's width, hidden width, layers, heads."""

    heads: int
    layers: int
    latents: int
    encoder: tuple[int, ...]
    encoder_depth: tuple[int, ...]
    decoder: tuple[int, ...]
    decoder_depth: tuple[int, ...]
    text: tuple[int, int, int, int]
    words: int


TINY_LTX = LtxScale(
    heads=1,
    layers=2,
    latents=8,
    encoder=(8, 16, 16, 32, 32),
    encoder_depth=(1, 1, 1, 1, 1),
    decoder=(16, 32, 64),
    decoder_depth=(1, 1, 1, 1),
    text=(32, 64, 2, 4),
    words=384,
)
FULL_LTX = LtxScale(
    heads=32,
    layers=28,
    latents=128,
    encoder=(128, 256, 512, 1024, 2048),
    encoder_depth=(4, 6, 6, 2, 2),
    decoder=(256, 512, 1024),
    decoder_depth=(5, 5, 5, 5),
    text=(4096, 10240, 24, 64),
    words=32128,
)
"""The 2B model from 0.9.5 on and T5-v1.1-XXL: 1,923, 1,247 and 4,762 million parameters."""

MODEL = "ltxv-2b-0.9.8-distilled-fp8.safetensors"
ENCODER = "t5xxl_fp8_e4m3fn_scaled.safetensors"


def write_ltx(
    root: Path,
    *,
    scale: LtxScale = TINY_LTX,
    dtype: str = "float32",
    narrow: bool = False,
    seed: int = 0,
    device: str = "cpu",
    names: tuple[str, str] = (MODEL, ENCODER),
) -> Folders:
    """Write a model file with its tokenizer, and a text encoder, under `root`.

    Args:
        narrow: the blocks' weights in 8 bits, those of the text encoder with a scale.
        device: where the random numbers are drawn (other devices draw others).
        names: of the two files.

    Returns:
        folders named "model" and "encoder". Equal arguments write equal bytes.
    """
    import torch

    folders = {name: root / name for name in ("model", "encoder")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with quiet(), torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(seed)
        wide = getattr(torch, dtype)
        _save(_model(scale, wide, narrow), folders["model"] / names[0])
        _save(_text_encoder(scale, wide, narrow), folders["encoder"] / names[1])
    write_spiece(folders["model"] / "tokenizer", scale.words)
    return folders


def _save(weights: dict[str, Any], file: Path) -> None:
    from safetensors.torch import save_file

    save_file({name: value.cpu().contiguous() for name, value in weights.items()}, file)


def _model(scale: LtxScale, wide: Any, narrow: bool) -> dict[str, Any]:
    import torch

    transformer = _transformer(scale).to(wide)
    thin = narrow_names(transformer, "transformer_blocks") if narrow else frozenset()
    weights = {}
    for name, value in transformer.state_dict().items():
        stored = value.to(torch.float8_e4m3fn) if name in thin else value
        weights[f"model.diffusion_model.{_authors_name(name)}"] = stored
    for name, value in _vae(scale).to(wide).state_dict().items():
        weights[f"vae.{_authors_vae_name(name)}"] = value
    return weights


def _authors_name(name: str) -> str:
    for ours, theirs in (
        ("proj_in", "patchify_proj"),
        ("time_embed", "adaln_single"),
        ("norm_q", "q_norm"),
        ("norm_k", "k_norm"),
    ):
        name = name.replace(ours, theirs)
    return name


def _authors_vae_name(name: str) -> str:
    """The other way round of diffusers' table for version 0.9.5."""
    for pattern, theirs in _VAE_NAMES:
        name = re.sub(pattern, theirs, name)
    return name


def _block(kind: str, first: int) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{kind}_blocks.{2 * int(found[1]) + first}."


_VAE_NAMES: tuple[tuple[str, Any], ...] = (
    (r"(?<=^encoder\.)down_blocks\.(\d)\.downsamplers\.0\.", _block("down", 1)),
    (r"(?<=^encoder\.)down_blocks\.(\d)\.(?=resnets)", _block("down", 0)),
    (r"(?<=^decoder\.)up_blocks\.(\d)\.upsamplers\.0\.", _block("up", 1)),
    (r"(?<=^decoder\.)up_blocks\.(\d)\.(?=resnets|time_embedder)", _block("up", 2)),
    (r"^encoder\.mid_block\.", "encoder.down_blocks.8."),
    (r"^decoder\.mid_block\.", "decoder.up_blocks.0."),
    (r"^decoder\.time_embedder", "decoder.last_time_embedder"),
    (r"^decoder\.scale_shift_table", "decoder.last_scale_shift_table"),
    (r"conv_shortcut\.conv", "conv_shortcut"),
    (r"norm3", "norm3.norm"),
    (r"resnets", "res_blocks"),
    (r"latents_mean", "per_channel_statistics.mean-of-means"),
    (r"latents_std", "per_channel_statistics.std-of-means"),
)


def _transformer(scale: LtxScale) -> Any:
    from diffusers import LTXVideoTransformer3DModel

    return LTXVideoTransformer3DModel(
        in_channels=scale.latents,
        out_channels=scale.latents,
        num_attention_heads=scale.heads,
        attention_head_dim=64,
        cross_attention_dim=64 * scale.heads,
        num_layers=scale.layers,
        caption_channels=scale.text[0],
    )


def _vae(scale: LtxScale) -> Any:
    from diffusers import AutoencoderKLLTXVideo

    return AutoencoderKLLTXVideo(
        latent_channels=scale.latents,
        block_out_channels=scale.encoder,
        layers_per_block=scale.encoder_depth,
        down_block_types=("LTXVideo095DownBlock3D",) * 4,
        downsample_type=("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
        spatio_temporal_scaling=(True,) * 4,
        decoder_block_out_channels=scale.decoder,
        decoder_layers_per_block=scale.decoder_depth,
        decoder_spatio_temporal_scaling=(True,) * 3,
        decoder_inject_noise=(False,) * 4,
        upsample_residual=(True,) * 3,
        upsample_factor=(2,) * 3,
        timestep_conditioning=True,
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )


def _text_encoder(scale: LtxScale, wide: Any, narrow: bool) -> dict[str, Any]:
    """As those files hold it: the embedding twice, and in 8 bits a scale for each linear layer."""
    import torch
    from transformers import T5Config, T5EncoderModel

    width, hidden, layers, heads = scale.text
    config = T5Config(
        vocab_size=scale.words,
        d_model=width,
        d_kv=64 if heads > 4 else width // heads,
        d_ff=hidden,
        num_layers=layers,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
    )
    state = T5EncoderModel(config).to(wide).state_dict()
    weights = {"shared.weight": state["shared.weight"]}
    weights["encoder.embed_tokens.weight"] = state["shared.weight"].clone()
    for name, value in state.items():
        if not name.startswith("encoder.block.") and "final_layer_norm" not in name:
            continue
        linear = narrow and value.ndim == 2 and "relative_attention_bias" not in name
        weights[name] = value
        if linear:
            largest = value.abs().max().float().clamp(min=1e-12)
            scaled = largest / torch.finfo(torch.float8_e4m3fn).max
            weights[name] = (value.float() / scaled).to(torch.float8_e4m3fn)
            weights[f"{name.removesuffix('.weight')}.scale_weight"] = scaled
    if narrow:
        weights["scaled_fp8"] = torch.empty(0, dtype=torch.float8_e4m3fn)
    return weights

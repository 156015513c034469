"""The files of LTX-Video as they are published: transformer and autoencoder in one file.

The names in such a file are the authors' own; diffusers holds the table that translates them. The
networks' shapes are read from the tensors' shapes, so that no configuration has to be fetched.
Known are the versions from 0.9.5 on, whose decoders take a time step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from reelkiln.backends.eight_bits import keep_narrow, narrow_names
from reelkiln.backends.tensors import Tensors, fill, open_tensors
from reelkiln.errors import WeightsBroken

__all__ = ["load_transformer", "load_vae", "vae_config"]

HEAD = 64
"""Width of an attention head, in every version."""
AS_095 = SimpleNamespace(shape=(0, 2048))
"""What the library looks at to tell the versions apart: the encoder's last convolution."""


def load_transformer(file: Path, dtype: str, *, narrow: bool, model: str) -> Any:
    """The denoiser in host memory; with `narrow` its blocks' weights in 8 bits.

    Weights that lie in the file as they are wanted stay views of it: they cost no memory.

    Raises:
        WeightsBroken: the file does not hold this network; the message names what is missing.
    """
    import torch
    from diffusers import LTXVideoTransformer3DModel

    wide = getattr(torch, dtype)
    with open_tensors([file]) as tensors:
        names = _transformer_names(tensors)
        with _broken(file, model), torch.device("meta"):
            network = LTXVideoTransformer3DModel(**_transformer_config(tensors, names))
        thin = narrow_names(network, "transformer_blocks") if narrow else frozenset()
        weights = {}
        for name, stored in names.items():
            if name in thin and tensors.narrow(stored):
                weights[name] = tensors.stored(stored)
            else:
                weights[name] = tensors.true(stored, "cpu", wide)
                if name in thin:
                    weights[name] = weights[name].to(torch.float8_e4m3fn)
        fill(network, weights, file, model)
    keep_narrow(network)
    return network


def load_vae(file: Path, dtype: str, half: Literal["encoder", "decoder"], *, model: str) -> Any:
    """One half of the autoencoder in host memory, with the statistics of its latents.

    Raises:
        WeightsBroken: the file does not hold this network; the message names what is missing.
    """
    import torch
    from diffusers import AutoencoderKLLTXVideo

    with open_tensors([file]) as tensors:
        names = _vae_names(tensors)
        with _broken(file, model), torch.device("meta"):
            vae = AutoencoderKLLTXVideo(**vae_config(tensors, names))
        setattr(vae, "decoder" if half == "encoder" else "encoder", None)
        mine = (f"{half}.", "latents_")
        weights = {
            name: tensors.true(stored, "cpu", getattr(torch, dtype))
            for name, stored in names.items()
            if name.startswith(mine)
        }
        return fill(vae, weights, file, model)


@contextmanager
def _broken(file: Path, model: str) -> Iterator[None]:
    """A tensor without which the shapes cannot be told is a file that is not what it should be."""
    try:
        yield
    except (KeyError, IndexError) as error:
        raise WeightsBroken(
            f"{file} does not hold an LTX-Video model of version 0.9.5 or later:"
            f" {error} is missing",
            hint=f"Fetch it again with `reelkiln models pull {model}`.",
        ) from error


def _transformer_names(tensors: Tensors) -> dict[str, str]:
    """The network's own names of the file's tensors, each with the name it has in the file."""
    from diffusers.loaders.single_file_utils import convert_ltx_transformer_checkpoint_to_diffusers

    ours = {name: name for name in tensors if "vae." not in name and not _is_scale(name)}
    return dict(convert_ltx_transformer_checkpoint_to_diffusers(ours))


def _vae_names(tensors: Tensors) -> dict[str, str]:
    from diffusers.loaders.single_file_utils import convert_ltx_vae_checkpoint_to_diffusers

    stubs: dict[str, Any] = {
        name: SimpleNamespace(shape=AS_095.shape, stored=name)
        for name in tensors
        if name.startswith("vae.")
    }
    stubs.setdefault("vae.encoder.conv_out.conv.weight", AS_095)
    converted = convert_ltx_vae_checkpoint_to_diffusers(stubs)
    return {name: stub.stored for name, stub in converted.items() if stub is not AS_095}


def _is_scale(name: str) -> bool:
    return name.endswith((".scale_weight", ".weight_scale")) or name == "scaled_fp8"


def _transformer_config(tensors: Tensors, names: dict[str, str]) -> dict[str, Any]:
    inner, channels = tensors.shape(names["proj_in.weight"])
    blocks = {name.split(".")[1] for name in names if name.startswith("transformer_blocks.")}
    return {
        "in_channels": channels,
        "out_channels": tensors.shape(names["proj_out.weight"])[0],
        "num_attention_heads": inner // HEAD,
        "attention_head_dim": HEAD,
        "cross_attention_dim": inner,
        "num_layers": len(blocks),
        "caption_channels": tensors.shape(names["caption_projection.linear_1.weight"])[1],
    }


def vae_config(tensors: Tensors, names: dict[str, str]) -> dict[str, Any]:
    """The autoencoder's configuration, widths and depths counted, the rest as in version 0.9.5."""

    def depth(block: str) -> int:
        convolutions = f"{block}.resnets."
        return sum(n.startswith(convolutions) and n.endswith("conv1.conv.weight") for n in names)

    def width(block: str) -> int:
        return tensors.shape(names[f"{block}.resnets.0.conv1.conv.weight"])[0]

    down = ["encoder.down_blocks.0", "encoder.down_blocks.1", "encoder.down_blocks.2"]
    down += ["encoder.down_blocks.3", "encoder.mid_block"]
    up = ["decoder.up_blocks.2", "decoder.up_blocks.1", "decoder.up_blocks.0"]
    return {
        "latent_channels": tensors.shape(names["decoder.conv_in.conv.weight"])[1],
        "block_out_channels": tuple(width(block) for block in down),
        "layers_per_block": tuple(depth(block) for block in down),
        "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
        "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
        "spatio_temporal_scaling": (True,) * 4,
        "decoder_block_out_channels": tuple(2 * width(block) for block in up),
        "decoder_layers_per_block": tuple(depth(block) for block in [*up, "decoder.mid_block"]),
        "decoder_spatio_temporal_scaling": (True,) * 3,
        "decoder_inject_noise": (False,) * 4,
        "upsample_residual": (True,) * 3,
        "upsample_factor": (2,) * 3,
        "timestep_conditioning": True,
        "encoder_causal": True,
        "decoder_causal": False,
        "spatial_compression_ratio": 32,
        "temporal_compression_ratio": 8,
    }

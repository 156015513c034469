"""What a single safetensors file is, told from its header alone: names and shapes, no weights.

The marks are the names that the families' own code gives its layers, as they stand in diffusers'
single-file conversion and in the original repositories. What matches nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reelkiln.models.header import Header, false_variant, read_header

__all__ = ["Layout", "Recognised", "recognise", "recognise_header"]

Layout: TypeAlias = Literal["original", "diffusers", ""]
"""Whose names the file uses for its layers."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is.

    `family` is a family of this program, or "unknown". `part` says which of its networks
    ("checkpoint" is all of them in one file). `params` counts the numbers in it, `bits` is the mean
    width of its floating-point numbers. `remarks` are lines for a person, such as a file whose
    name promises fewer bits than it holds.
    """

    family: Literal["animatediff", "ltx", "unknown"]
    part: Literal["checkpoint", "unet", "motion", "transformer", "vae", "unknown"]
    layout: Layout
    params: int
    bits: float
    remarks: tuple[str, ...] = ()


def recognise(path: Path) -> Recognised:
    """What the file on the disk is.

    Raises:
        WeightsBroken: a pickle (by name or content), not safetensors, or truncated.
    """
    header = read_header(path)
    return recognise_header(header, path.name)


def recognise_header(header: Header, name: str = "") -> Recognised:
    """What a header says; `name` is the file's, for what the name itself promises."""
    family, part, layout = next(
        (kind for kind, test in _KINDS.items() if test(header)), ("unknown", "unknown", "")
    )
    untrue = false_variant(name, header)
    remarks = (untrue,) if untrue else ()
    bits = header.floating_bits
    return Recognised(family, part, layout, header.params, bits, remarks)


_Kind: TypeAlias = tuple[
    Literal["animatediff", "ltx", "unknown"],
    Literal["checkpoint", "unet", "motion", "transformer", "vae", "unknown"],
    Layout,
]


def _shape(header: Header, key: str) -> tuple[int, ...]:
    tensor = header.tensors.get(key)
    return tensor.shape if tensor else ()


def _any(header: Header, *, start: str = "", within: str = "") -> bool:
    return any(key.startswith(start) and within in key for key in header.tensors)


def _sd15_checkpoint(header: Header) -> bool:
    """All of Stable Diffusion 1.x in one file: its UNet takes 4 channels (9: inpainting) and
    attends to words of width 768 in its first block (2.x: 1024, XL: not there)."""
    words = _shape(header, f"{_LDM}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight")
    entrance = _shape(header, f"{_LDM}input_blocks.0.0.weight")
    whole = _any(header, start="first_stage_model.")
    return words[-1:] == (768,) and entrance[1:2] == (4,) and whole


def _sd15_unet(header: Header) -> bool:
    """The UNet alone, in diffusers' names; with motion modules it is another network."""
    words = _shape(header, "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")
    entrance = _shape(header, "conv_in.weight")
    still = not _any(header, within="motion_modules.")
    return words[-1:] == (768,) and entrance[1:2] == (4,) and still


def _motion(header: Header) -> bool:
    """Temporal transformers and nothing else; a whole UNet with motion has other layers too."""
    return bool(header.tensors) and all("motion_modules." in key for key in header.tensors)


def _motion_diffusers(header: Header) -> bool:
    """The adapters of guoyww's and ByteDance's repositories that diffusers loads as they are; the
    original files wrap each module in a `temporal_transformer`."""
    return _motion(header) and not _any(header, within="temporal_transformer.")


def _ltx_checkpoint(header: Header) -> bool:
    return _ltx_transformer(header) and _any(header, start="vae.decoder.")


def _ltx_transformer(header: Header) -> bool:
    """LTX modulates each block by a table of six rows; LTX-2 has sound as well, another network."""
    tables = [_shape(header, f"{at}transformer_blocks.0.scale_shift_table") for at in ("", _LDM)]
    keys = _any(header, within="transformer_blocks.0.attn1.q_norm.weight")
    silent = not _any(header, within="av_ca_")
    return keys and silent and any(table[:1] == (6,) for table in tables)


def _ltx_transformer_diffusers(header: Header) -> bool:
    table = _shape(header, "transformer_blocks.0.scale_shift_table")
    keys = "transformer_blocks.0.attn1.norm_q.weight" in header.tensors
    return keys and table[:1] == (6,) and not _any(header, within="audio_")


def _ltx_vae(header: Header) -> bool:
    """A video autoencoder of 128 channels whose kernels have three dimensions."""
    kernel = _shape(header, "decoder.conv_in.conv.weight")
    return len(kernel) == 5 and kernel[1] == 128


def _ltx_vae_original(header: Header) -> bool:
    return _ltx_vae(header) and "per_channel_statistics.mean-of-means" in header.tensors


_LDM = "model.diffusion_model."

_KINDS: Mapping[_Kind, Callable[[Header], bool]] = {
    ("animatediff", "checkpoint", "original"): _sd15_checkpoint,
    ("animatediff", "motion", "diffusers"): _motion_diffusers,
    ("animatediff", "motion", "original"): _motion,
    ("animatediff", "unet", "diffusers"): _sd15_unet,
    ("ltx", "checkpoint", "original"): _ltx_checkpoint,
    ("ltx", "transformer", "original"): _ltx_transformer,
    ("ltx", "transformer", "diffusers"): _ltx_transformer_diffusers,
    ("ltx", "vae", "original"): _ltx_vae_original,
    ("ltx", "vae", "diffusers"): _ltx_vae,
}
"""The first that fits wins: narrower marks stand before wider ones."""

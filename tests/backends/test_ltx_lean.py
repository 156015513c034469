"""LTX's decoder in less memory gives the numbers of the library's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from live_tensors import Live
from reelkiln.backends.ltx_lean import lean
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX, _vae
from reelkiln.models.cards import find_card

SHAPE = (1, TINY_LTX.latents, 3, 4, 5)


@pytest.fixture
def decoder() -> Any:
    torch.manual_seed(3)
    made = _vae(TINY_LTX).decoder.eval().requires_grad_(False)
    for value in made.parameters():
        nn.init.normal_(value, std=0.2)
    return made


def decode(decoder: Any, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return decoder(latents, torch.tensor([0.05]))


@pytest.mark.parametrize("at_once", [1, 3000, 1 << 30])
@pytest.mark.parametrize("causal", [False, True])
def test_the_same_numbers(decoder: Any, at_once: int, causal: bool) -> None:
    for module in decoder.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = causal
    before = decode(decoder)
    lean(decoder, at_once)
    # Sums of 32-bit numbers in another order, through sixty layers of random weights.
    assert (decode(decoder) - before).abs().max() < 1e-3 * before.std()


def test_every_block_of_the_decoder_is_lean(decoder: Any) -> None:
    """A version whose blocks look otherwise would silently hold twice as much."""
    lean(decoder)
    lean(decoder)  # a decoder that is lean already stays as it is
    blocks = [m for m in decoder.modules() if type(m).__name__ == "LTXVideoResnetBlock3d"]
    ups = [m for m in decoder.modules() if type(m).__name__ == "LTXVideoUpsampler3d"]
    assert blocks and ups
    assert all("forward" in vars(module) for module in (*blocks, *ups, decoder.norm_out))


@pytest.mark.parametrize(("made_lean", "least", "most"), [(False, 6.0, 8.0), (True, 2.5, 3.6)])
def test_three_tensors_live_and_not_six(made_lean: bool, least: float, most: float) -> None:
    """Counted in tensors of the size of the last block's: at full width, without numbers."""
    with torch.device("meta"):
        decoder = _vae(FULL_LTX).decoder.to(torch.bfloat16).eval().requires_grad_(False)
    if made_lean:
        lean(decoder, at_once=1 << 20)
    weights = {value.untyped_storage()._cdata for value in decoder.parameters()}
    latents = torch.empty((1, 128, 5, 16, 16), dtype=torch.bfloat16, device="meta")
    told = torch.empty(1, dtype=torch.bfloat16, device="meta")
    live = Live(weights)
    with torch.no_grad(), live:
        frames = decoder(latents, told)
    pixels = frames.numel() // 3
    tensors = live.peak / (16 * pixels)  # 128 channels at a quarter of each side, 2 bytes each
    assert least < tensors < most


@pytest.mark.parametrize(("frames", "least", "most"), [(1, 150, 200), (9, 112, 118)])
def test_the_encoder_of_pictures_holds_what_plans_count_with(
    frames: int, least: int, most: int
) -> None:
    """`encode_bytes` of the cards, in live bytes a pixel and frame. Of a single frame 60 more are
    20 MiB in all, which the margins of plans hold."""
    counted = find_card("ltx-2b").costs.encode_bytes
    assert counted == 118
    with torch.device("meta"):
        encoder = _vae(FULL_LTX).encoder.to(torch.bfloat16).eval().requires_grad_(False)
    live = Live({value.untyped_storage()._cdata for value in encoder.parameters()})
    picture = torch.empty((1, 3, frames, 256, 384), dtype=torch.bfloat16, device="meta")
    with torch.no_grad(), live:
        encoder(picture)
    assert least < live.peak / (frames * 256 * 384) <= most

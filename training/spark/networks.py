"""The networks and their sizes: real classes of diffusers and transformers, small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.spark.tokenizer import TOKENS

__all__ = [
    "FULL",
    "SMOKE",
    "Joint",
    "Sizes",
    "autoencoder",
    "count",
    "denoiser",
    "text_encoder",
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Channels of every network, from the finest level to the coarsest."""

    unet: tuple[int, ...]
    heads: tuple[int, ...]
    groups: int
    autoencoder: tuple[int, ...]
    text: int
    text_layers: int
    latent: int = 8


FULL = Sizes((96, 128, 112), (3, 4, 7), 16, (32, 64, 96, 96), 128, 3)
"""What is shipped: about 13 million parameters with autoencoder and text encoder."""

SMOKE = Sizes((16, 16, 32), (2, 2, 4), 8, (8, 8, 16, 16), 32, 1)
"""For tests: the same classes, a few seconds on a CPU."""


class Joint(nn.Module):
    """Text encoder and denoiser, trained together."""

    def __init__(self, sizes: Sizes, tokenizer: Any) -> None:
        super().__init__()
        self.sizes = sizes
        self.text = text_encoder(sizes, tokenizer)
        self.unet = denoiser(sizes)[2]

    def forward(self, ids: torch.Tensor, noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Predict v.

        Args:
            ids: int64 (clips, 77).
            noisy: (clips, channels, frames, height, width) latents.
            t: int64 (clips,), 0 to 999.

        Returns:
            the shape of `noisy`.
        """
        return self.denoise(self.text(ids)[0], noisy, t)

    def denoise(self, text: torch.Tensor, noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Predict v from text (clips, 77, width) that is encoded already."""
        words = text.repeat_interleave(noisy.shape[2], dim=0)
        return self.unet(noisy, t, encoder_hidden_states=words, return_dict=False)[0]


def autoencoder(sizes: Sizes) -> Any:
    """An `AutoencoderKL` that shrinks sides by 8."""
    from diffusers import AutoencoderKL  # noqa: PLC0415

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=sizes.autoencoder,
        layers_per_block=1,
        latent_channels=sizes.latent,
        norm_num_groups=8,
        sample_size=128,
        scaling_factor=1.0,
    )


def text_encoder(sizes: Sizes, tokenizer: Any) -> Any:
    """A `CLIPTextModel` for the tokenizer's vocabulary."""
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=sizes.text,
            intermediate_size=sizes.text * 4,
            num_hidden_layers=sizes.text_layers,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            hidden_act="quick_gelu",
            projection_dim=sizes.text,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def denoiser(sizes: Sizes) -> tuple[Any, Any, Any]:
    """The pictures' UNet, the motion adapter, and the `UNetMotionModel` made of both.

    Branches that add to a residual start at zero, so that the network starts as the identity.
    """
    from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel  # noqa: PLC0415

    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=sizes.latent,
        out_channels=sizes.latent,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=sizes.unet,
        layers_per_block=1,
        attention_head_dim=sizes.heads,
        cross_attention_dim=sizes.text,
        norm_num_groups=sizes.groups,
        use_linear_projection=True,
    )
    adapter = MotionAdapter(
        block_out_channels=sizes.unet,
        motion_layers_per_block=1,
        motion_num_attention_heads=sizes.heads,
        motion_norm_num_groups=sizes.groups,
        motion_max_seq_length=32,
        use_motion_mid_block=True,
    )
    model = UNetMotionModel.from_unet2d(unet, adapter)
    for name, module in model.named_modules():
        if name.endswith("proj_out") or name == "conv_out":
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    return unet, adapter, model


def count(module: nn.Module) -> int:
    """Parameters of a network."""
    return sum(p.numel() for p in module.parameters())

"""Small linear readers that say during training what a network has understood.

Words reach the denoiser only as faint hints in the error of a whole clip, and a motion is the
product of a word and a moment, which a gradient finds last of all. So the text encoder is asked
for every factor at each token that has seen the whole sentence, and the denoiser for every factor
and for "this motion, so far along" in each frame, in the middle and on the way up. The readers are
thrown away after training: what they pull into the features stays.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from training.spark.networks import Joint
from training.spark.scenes import FRAMES
from training.spark.world import FACTORS, JUDGED

__all__ = ["Watched", "beats", "label_error", "label_hits", "whole_sentence"]

_MOTION = JUDGED.index("motion")
_LABELS = tuple(len(FACTORS[f]) for f in JUDGED)


def whole_sentence(ids: torch.Tensor, end: int) -> torch.Tensor:
    """Which tokens have seen every word: the end of the text and the padding, bool as `ids`."""
    return ids == end


def beats(motion: torch.Tensor, every: int = 1) -> torch.Tensor:
    """How far along a motion is in each frame: float (clips, 16 / every, 3 * motions).

    For the clip's motion: one, the time from -1 to 1, and its wave; nothing for the others. Scaled
    so that a guess of nothing has an error of about one.
    """
    t = torch.linspace(-1, 1, FRAMES, device=motion.device)[::every]
    basis = torch.stack([torch.ones_like(t), t * 3**0.5, torch.cos(2 * torch.pi * t) * 2**0.5], 1)
    kinds = F.one_hot(motion, _LABELS[_MOTION]).float() * _LABELS[_MOTION] ** 0.5
    return (kinds[:, None, :, None] * basis[None, :, None, :]).flatten(2)


class _Frames(nn.Module):
    """Reads one place of the denoiser: features (clips * frames, channels, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.labels = nn.Linear(channels, sum(_LABELS))
        self.beat = nn.Linear(channels, 3 * _LABELS[_MOTION])

    def forward(self, features: torch.Tensor, clips: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels' logits (clips, all labels) and beats (clips, frames, 3 * motions)."""
        frames = self.norm(features.mean((2, 3))).unflatten(0, (clips, -1))
        return self.labels(frames.mean(1)), self.beat(frames)


class Watched(nn.Module):
    """Text encoder and denoiser with their readers, trained together."""

    def __init__(self, joint: Joint, end: int) -> None:
        super().__init__()
        self.joint, self.end = joint, end
        self.words = nn.Linear(joint.sizes.text, sum(_LABELS))
        channels = joint.sizes.unet
        self.places = nn.ModuleList(_Frames(c) for c in (channels[2], channels[2], channels[1]))

    def forward(
        self,
        ids: torch.Tensor,
        noisy: torch.Tensor,
        t: torch.Tensor,
        labels: torch.Tensor,
        said: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Predict v as `Joint` does, and ask the readers what was understood.

        Args:
            ids: int64 (clips, 77).
            noisy: (clips, channels, frames, height, width) latents, of 16 frames or every second.
            t: int64 (clips,), 0 to 999.
            labels: int64 (clips, 5), columns as in `JUDGED`.
            said: float (clips,), 0 where the caption was taken away.

        Returns:
            v; the error of the text's reader; the errors of the denoiser's, of labels and of
            beats, (2,).
        """
        text = self.joint.text(ids)[0]
        seen: list[torch.Tensor] = []
        unet = self.joint.unet
        blocks = (unet.mid_block, unet.up_blocks[0], unet.up_blocks[1])
        hooks = [b.register_forward_hook(lambda _b, _i, out: seen.append(out)) for b in blocks]
        v = self.joint.denoise(text, noisy, t)
        for hook in hooks:
            hook.remove()
        wanted = beats(labels[:, _MOTION], FRAMES // noisy.shape[2])
        parts = []
        for place, features in zip(self.places, seen, strict=True):
            found, beat = place(features, len(ids))
            error = (beat.float() - wanted).square().mean()
            parts.append(torch.stack([label_error(found, labels).mean(), error]))
        return v, self.words_error(text, ids, labels, said), torch.stack(parts).mean(0)

    def words_error(
        self, text: torch.Tensor, ids: torch.Tensor, labels: torch.Tensor, said: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of the factors at every token that has seen the whole sentence."""
        seen = whole_sentence(ids, self.end) * said[:, None]
        rows = labels[:, None].expand(-1, ids.shape[1], -1)
        error = label_error(self.words(text).flatten(0, 1), rows.flatten(0, 1)).view(ids.shape)
        return (error * seen).sum() / seen.sum().clamp(min=1)


def label_error(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (rows,) of logits (rows, all labels), averaged over factors."""
    parts = logits.float().split(_LABELS, dim=1)
    errors = [F.cross_entropy(p, labels[:, i], reduction="none") for i, p in enumerate(parts)]
    return torch.stack(errors).mean(0)


def label_hits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Which labels logits (rows, all labels) tell right: bool (rows, 5)."""
    found = [part.argmax(1) for part in logits.split(_LABELS, dim=1)]
    return torch.stack(found, 1) == labels

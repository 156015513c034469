"""Stage two: the text encoder learns to say what a caption asks for, before it meets a picture.

Through the denoiser it would learn the same from gradients a thousand times fainter. It goes on
from the text encoder in `work/joint` and puts it back there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from training.spark.captions import caption
from training.spark.export import load_joint, save_joint
from training.spark.fit import Clock, Fit, Place, is_first, log
from training.spark.networks import Joint
from training.spark.readers import Watched, label_hits
from training.spark.tokenizer import encode, load_tokenizer
from training.spark.world import JUDGED, draw_factors, judged_labels, names

__all__ = ["WordsRun", "load_readers", "save_readers", "train_words"]


@dataclass(frozen=True, slots=True)
class WordsRun:
    """How long, how fast."""

    minutes: float
    batch: int = 256
    rate: float = 1e-3
    steps: int | None = None
    seed: int = 0


class _Text(nn.Module):
    """The part of the networks that this stage trains."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.text, self.words = watched.joint.text, watched.words


def train_words(joint: Joint, run: WordsRun, place: Place) -> None:
    """Train, and save text encoder and reader to `work/joint` and `work/readers.safetensors`."""
    work, tokenizer = place.work, load_tokenizer()
    if (work / "joint").exists():
        load_joint(joint, work / "joint")
        log("going on from", work / "joint")
    torch.manual_seed(run.seed * 1000 + place.rank)
    watched = Watched(joint, tokenizer.eos_token_id)
    watched.to(place.device)
    part = _Text(watched).train()
    fit = Fit(part, rate=run.rate, ema=0.98, warm=30)
    clock = Clock(run.minutes, place.device, run.steps)
    sentences = _sentences(run.batch, run.seed * 100 + place.rank, place.device)
    everything = torch.ones(run.batch, device=place.device)
    while clock.tick():
        ids, labels = next(sentences)
        loss = watched.words_error(part.text(ids)[0], ids, labels, everything)
        loss.backward()
        fit.update(clock.share)
        if clock.count % 50 == 0:
            log(f"  words {fit.steps}: error {loss.item():.4f}")
    with torch.no_grad():
        for live, mean in zip(part.parameters(), fit.averaged().parameters(), strict=True):
            live.copy_(mean)
    log("words read:", read_share(watched, place.device))
    if is_first():
        save_joint(joint, work / "joint")
        save_readers(watched, work)


def _sentences(
    count: int, seed: int, device: torch.device, *, whole: bool = False
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Fresh captions of all scenes: token numbers and labels."""
    generator, chance = torch.Generator().manual_seed(seed), random.Random(seed)
    tokenizer = load_tokenizer()
    while True:
        factors = draw_factors(count, generator, held_out=None)
        texts = [caption(names(row), chance, whole=whole) for row in factors]
        yield encode(tokenizer, texts).to(device), judged_labels(factors).to(device)


def read_share(watched: Watched, device: torch.device, count: int = 512) -> dict[str, float]:
    """How often the first token after a fresh, whole caption tells each factor."""
    ids, labels = next(_sentences(count, 77_000, device, whole=True))
    last = (ids == watched.end).int().argmax(1)
    with torch.no_grad():
        text = watched.joint.text(ids)[0]
        hits = label_hits(watched.words(text[torch.arange(count), last]), labels)
    return {f: round(hits[:, i].float().mean().item(), 4) for i, f in enumerate(JUDGED)}


def save_readers(watched: Watched, work: Path) -> None:
    """Write the readers beside the networks, so that a later run need not train them again."""
    from safetensors.torch import save_file  # noqa: PLC0415

    parts = {k: v for k, v in watched.state_dict().items() if not k.startswith("joint.")}
    parts = {k: v.detach().float().cpu().contiguous() for k, v in parts.items()}
    save_file(parts, work / "readers.safetensors")


def load_readers(watched: Watched, work: Path) -> None:
    """Take the readers that an earlier run left, if there are any."""
    from safetensors.torch import load_file  # noqa: PLC0415

    file = work / "readers.safetensors"
    if file.exists():
        watched.load_state_dict(load_file(file), strict=False)

"""Words to picture with SigLIP: one network for pictures, one for words, one space for both.

Source: Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023. Its weights are an
optional download (`models/scorers/siglip.toml`); no model is rendered with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelkiln.backends.emphasis import phrases
from reelkiln.backends.libraries import library_problems, quiet, require_torch
from reelkiln.backends.load import load_part
from reelkiln.backends.seam import Finding
from reelkiln.backends.wall import Steps, wall
from reelkiln.backends.weights import Part, part_problems, text_problems
from reelkiln.errors import ReelkilnError
from reelkiln.plan.scorer import ScorerCard
from reelkiln.reel import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FRAMES", "AlignmentScorer", "check_aligner", "open_aligner"]

FRAMES = 4
"""Frames that are looked at, spread evenly: words are about the whole clip, not its poster."""

_NETWORK = Part("", "SiglipModel", stem="model")


@dataclass(frozen=True, slots=True, eq=False)
class AlignmentScorer:
    """SigLIP, loaded. `mark` names what it measures."""

    card: ScorerCard
    network: Any
    tokenizer: Any
    mark: str = "alignment"

    def __call__(self, clip: Clip, words: str) -> float | None:
        """How near picture and words are.

        Returns:
            the mean, over 4 frames spread evenly, of the cosine between a frame's embedding and
            that of the words: -1 to 1, more is better. No value of it divides what fits from what
            does not: it is compared with other clips of the same template. None without words or
            frames.

        Raises:
            RenderFailed, OutOfMemory: as the wall of this room says.
        """
        import torch

        text = "".join(piece for piece, _ in phrases(words)).strip()
        if not text or not len(clip.frames):
            return None
        with wall("render", self.card.name, Steps(_nobody)), quiet(), torch.inference_mode():
            told = self._told(text)
            seen = self.network.get_image_features(pixel_values=self._pixels(clip.frames))
            cosines = torch.nn.functional.cosine_similarity(seen.pooler_output, told)
            return float(cosines.mean())

    def _told(self, text: str) -> Any:
        """The embedding of the words, float32 (1, width)."""
        # Filled up to the full length, as in training: the network reads the last place.
        ids = self.tokenizer(
            text,
            padding="max_length",
            truncation=True,
            max_length=self.network.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).input_ids
        return self.network.get_text_features(input_ids=ids).pooler_output

    def _pixels(self, frames: NDArray[np.uint8]) -> Any:
        """Some frames as the network wants them: float32 (n, 3, side, side), -1 to 1.

        Both sides are brought to the network's, whatever the picture's shape: that is how it was
        trained (preprocessor_config.json: 224 x 224, bicubic, mean and deviation 0.5).
        """
        import numpy as np
        import torch

        side = self.network.config.vision_config.image_size
        places = np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))
        pixels = torch.from_numpy(np.ascontiguousarray(frames[places])).permute(0, 3, 1, 2)
        fitted = torch.nn.functional.interpolate(
            pixels.float(), size=(side, side), mode="bicubic", antialias=True, align_corners=False
        )
        return fitted.round().clamp(0, 255) / 127.5 - 1


def check_aligner(card: ScorerCard, folder: Path) -> tuple[Finding, ...]:
    """What is wrong with its files or libraries, without loading a weight. Empty: all is well."""
    return tuple(Finding(error.message, error.hint) for error in _problems(card, folder))


def open_aligner(card: ScorerCard, folder: Path) -> AlignmentScorer:
    """Load the scorer from its folder, on the processor: 0.8 GB while it is held.

    Raises:
        WeightsBroken: a file is missing, cut short, or not what it should be; it is named.
        MissingLibrary: torch or transformers is not installed, or of an untested version.
        OutOfMemory: there is no room for it.
    """
    for problem in _problems(card, folder):
        raise problem
    require_torch(card, "cpu")
    from transformers import SiglipModel, SiglipTokenizer

    with wall("load", card.name, Steps(_nobody), str(folder)), quiet():
        network = load_part(SiglipModel, folder, _NETWORK, "float32", card.name)
        tokenizer = SiglipTokenizer.from_pretrained(folder, local_files_only=True)
    return AlignmentScorer(card, network, tokenizer)


def _problems(card: ScorerCard, folder: Path) -> Iterator[ReelkilnError]:
    yield from library_problems(card)
    yield from part_problems(folder, _NETWORK, card.name)
    yield from text_problems(folder / "tokenizer_config.json", card.name)
    yield from text_problems(folder / "spiece.model", card.name)


def _nobody(step: object) -> None:
    """Scoring takes a second: nobody is told of its steps."""

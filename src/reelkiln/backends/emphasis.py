"""Weighted phrases in a prompt: `(gold bottle:1.3)` counts for more, `(text:0.7)` for less.

diffusers reads such a prompt letter by letter, brackets and all. Here the weights are taken out
before the words are encoded, and the embeddings of a phrase's tokens are multiplied by its weight;
the mean over all values is then restored, as AUTOMATIC1111's web UI does for Stable Diffusion 1.5
(modules/sd_emphasis.py, "Original").
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["WEIGHT_MAX", "WEIGHT_MIN", "beyond", "embed", "phrases", "weighted"]

WEIGHT_MIN, WEIGHT_MAX = 0.1, 2.0
"""Weights beyond these tear pictures apart; they are brought back to the nearest of the two."""

_PHRASE = re.compile(r"\(([^():]+):\s*(\d{1,2}(?:\.\d{1,3})?)\s*\)")


def phrases(prompt: str) -> tuple[tuple[str, float], ...]:
    """The prompt's words in order, each piece with its weight (0.1 to 2; 1 outside of brackets).

    >>> phrases("(gold bottle:1.3), soft light")
    (('gold bottle', 1.3), (', soft light', 1.0))
    >>> phrases("a (small) jar")
    (('a (small) jar', 1.0),)
    """
    found: list[tuple[str, float]] = []
    end = 0
    for phrase in _PHRASE.finditer(prompt):
        found.append((prompt[end : phrase.start()], 1.0))
        weight = min(WEIGHT_MAX, max(WEIGHT_MIN, float(phrase.group(2))))
        found.append((phrase.group(1), weight))
        end = phrase.end()
    found.append((prompt[end:], 1.0))
    return tuple((words, weight) for words, weight in found if words.strip())


def weighted(prompt: str) -> bool:
    """Whether any phrase of the prompt carries a weight."""
    return _PHRASE.search(prompt) is not None


def beyond(tokenizer: Any, prompt: str) -> str:
    """The words of a prompt that lie beyond the encoder's length, as its tokenizer spells them."""
    ids = [
        number
        for words, _ in phrases(prompt)
        for number in tokenizer(words, add_special_tokens=False).input_ids
    ]
    left_out = ids[tokenizer.model_max_length - 2 :]
    return str(tokenizer.decode(left_out)).strip() if left_out else ""


def embed(tokenizer: Any, encoder: Any, prompt: str, device: Any) -> Any:
    """Embeddings of a weighted prompt: (1, tokens, width), in the encoder's dtype.

    What is longer than the encoder's length is cut off at its end, as for a plain prompt.
    """
    import torch

    ids: list[int] = []
    weights: list[float] = []
    for words, weight in phrases(prompt):
        tokens = tokenizer(words, add_special_tokens=False).input_ids
        ids += tokens
        weights += [weight] * len(tokens)
    length = tokenizer.model_max_length
    ids, weights = ids[: length - 2], weights[: length - 2]
    rest = length - 2 - len(ids)
    row = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id, *[tokenizer.pad_token_id] * rest]
    scale = [1.0, *weights, 1.0, *[1.0] * rest]
    with torch.inference_mode():
        plain = encoder(torch.tensor([row], device=device))[0]
        factors = torch.tensor(scale, device=device, dtype=torch.float32)[None, :, None]
        told = plain.float() * factors
        return (told * (plain.float().mean() / told.mean())).to(plain.dtype)

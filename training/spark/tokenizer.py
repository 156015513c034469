"""The tokenizer: CLIP's byte-level BPE with merges learnt from the caption grammar.

Words outside the grammar fall back to pieces, so any text can be encoded. The vocabulary is built
once and kept in `training/spark/vocabulary`, so that every machine trains with the same one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.spark.captions import NEGATIVES, PHRASES, caption
from training.spark.world import draw_factors, names

__all__ = ["TOKENS", "VOCABULARY", "build_vocabulary", "encode", "load_tokenizer"]

TOKENS = 77
VOCABULARY = Path(__file__).parent / "vocabulary"
_SPLIT = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def load_tokenizer(folder: Path = VOCABULARY) -> Any:
    """The `CLIPTokenizer` in a folder."""
    from transformers import CLIPTokenizer  # noqa: PLC0415  seconds to import

    return CLIPTokenizer.from_pretrained(str(folder))


def encode(tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """Token numbers int64 (texts, 77), padded and cut to the text encoder's length."""
    ids: torch.Tensor = tokenizer(
        list(texts), padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


def build_vocabulary(folder: Path, *, captions: int = 40_000, merges: int = 1_500) -> None:
    """Learn merges from captions and write the four files of a CLIP tokenizer."""
    from tokenizers import pre_tokenizers  # noqa: PLC0415

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learnt = _learn(_corpus(captions), alphabet, merges)
    vocabulary: dict[str, int] = {}
    kept = []
    for piece in [*alphabet, *(letter + "</w>" for letter in alphabet)]:
        vocabulary[piece] = len(vocabulary)
    for left, right in learnt:
        if left in vocabulary and right in vocabulary and left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            kept.append(f"{left} {right}")
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    _write(folder, vocabulary, kept)


def _corpus(captions: int) -> list[str]:
    chance = random.Random(0)
    factors = draw_factors(captions, torch.Generator().manual_seed(0), held_out=None)
    corpus = [caption(names(row), chance) for row in factors]
    said = [phrase for labels in PHRASES.values() for row in labels.values() for phrase in row]
    return corpus + [" ".join(said), ", ".join(NEGATIVES)] * 40


def _learn(corpus: list[str], alphabet: list[str], merges: int) -> list[tuple[str, str]]:
    from tokenizers import (  # noqa: PLC0415
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )

    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) * 2 + merges,
        min_frequency=20,
        end_of_word_suffix="</w>",
        initial_alphabet=alphabet,
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    learnt = json.loads(bpe.to_str())["model"]["merges"]
    pairs = (m.split(" ") if isinstance(m, str) else m for m in learnt)
    return [(left, right) for left, right in pairs]


def _write(folder: Path, vocabulary: dict[str, int], merges: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    special = dict.fromkeys(("eos_token", "pad_token", "unk_token"), "<|endoftext|>")
    special |= {"bos_token": "<|startoftext|>"}
    config = special | {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TOKENS,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
    }
    text = {
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False),
        "merges.txt": "\n".join(["#version: 0.2", *merges]) + "\n",
        "special_tokens_map.json": json.dumps(special, indent=1) + "\n",
        "tokenizer_config.json": json.dumps(config, indent=1) + "\n",
    }
    for name, content in text.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")

"""Tiny random weights of the scorer's real classes, in the layout of its repository."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from reelkiln.backends.libraries import quiet

__all__ = ["write_siglip"]

_WORDS = (
    "a red jar on a table",
    "a gold mug turns slowly",
    "soft light on a blue bottle",
    "the camera moves closer",
)
"""What its tokenizer is trained on: enough for every letter."""


def write_siglip(folder: Path, *, seed: int = 0) -> Path:
    """Write a repository like google/siglip-base-patch16-224 and return its folder.

    Equal arguments write equal bytes. A pickled twin lies beside the weights, as on the hub: nobody
    may open it.
    """
    import torch
    from transformers import SiglipConfig, SiglipModel

    pieces = _tokenizer(folder)
    size: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    config = SiglipConfig(
        text_config={**size, "vocab_size": pieces, "max_position_embeddings": 16},
        vision_config={**size, "image_size": 32, "patch_size": 8},
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        SiglipModel(config).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickled weights are never loaded")
    return folder


def _tokenizer(folder: Path) -> int:
    """The tokenizer's four files; returns how many pieces it knows."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_WORDS * 4),
        model_writer=model,
        vocab_size=48,
        hard_vocab_limit=False,
        minloglevel=2,
        bos_id=-1,
        pad_id=-1,
        eos_id=1,
        unk_id=0,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    special = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
    settings = {**special, "tokenizer_class": "SiglipTokenizer", "do_lower_case": True}
    pictures = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32}}
    for name, data in (
        ("special_tokens_map.json", special),
        ("tokenizer_config.json", {**settings, "model_max_length": 16}),
        ("preprocessor_config.json", pictures),
    ):
        (folder / name).write_text(json.dumps(data), encoding="utf-8", newline="\n")
    known = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return int(known.get_piece_size())

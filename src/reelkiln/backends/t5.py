"""The text encoder T5, streamed: block by block from its file to the device, one at a time.

Loaded whole, the XXL encoder (4.76 billion parameters) takes 8.9 GiB in 16 bits. Streamed, the
device holds two blocks at most, the process none: the file stays in the page cache. All sentences
go through a block together, so that it is read once.

It computes in bfloat16 on a GPU, never in float16, which overflows in its feed-forward layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reelkiln.backends.tensors import Tensors, fill, open_tensors
from reelkiln.errors import WeightsBroken

__all__ = ["Sentence", "encode_sentences", "load_tokenizer", "tokenize"]

TOGETHER = 16
"""Sentences that go through a block as one batch: 128 tokens of 10,240 hidden numbers each."""
EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the encoder takes it.

    `ids` and `mask` hold as many numbers as the encoder has places; the mask is True where a token
    stands. `lost` are the words that found no place, empty where all did.
    """

    ids: tuple[int, ...]
    mask: tuple[bool, ...]
    lost: str = ""


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a T5 repository (`spiece.model`). Needs sentencepiece and protobuf."""
    from transformers import T5TokenizerFast

    return T5TokenizerFast.from_pretrained(folder, local_files_only=True)


def tokenize(tokenizer: Any, words: str, places: int) -> Sentence:
    """Words as `places` tokens: padded, or cut before the end mark."""
    ids = list(tokenizer(words, add_special_tokens=True)["input_ids"])
    lost = ""
    if len(ids) > places:
        lost = _whole_words(words, tokenizer.decode(ids[places - 1 : -1]).strip())
        ids = [*ids[: places - 1], ids[-1]]
    free = places - len(ids)
    return Sentence(
        ids=(*ids, *[tokenizer.pad_token_id] * free),
        mask=(*[True] * len(ids), *[False] * free),
        lost=lost,
    )


def _whole_words(words: str, end: str) -> str:
    """The end of a text, from the beginning of the word that it begins in.

    >>> _whole_words("a jar on a table", "ble")
    'table'
    """
    words = words.strip()
    if not words.endswith(end):  # the tokenizer tells some signs in another way
        return end
    start = len(words) - len(end)
    return words[words.rfind(" ", 0, start + 1) + 1 :]


def encode_sentences(
    files: Sequence[Path],
    sentences: Sequence[Sentence],
    *,
    device: Any,
    dtype: Any,
    model: str,
    on_block: Callable[[int, int], None],
) -> list[Any]:
    """The encoder's output for each sentence: tensors (places, width) in `dtype`, in host memory.

    Nothing attends to places without a token, as in the authors' own code and in diffusers'
    LTXConditionPipeline (its LTXPipeline lets them be attended to).

    Args:
        on_block: called with the blocks done and their number, first with 0.

    Raises:
        WeightsBroken: the files hold no T5 encoder.
    """
    import torch

    put = partial(_put, device=device, dtype=dtype, file=files[0], model=model)
    with open_tensors(files) as tensors:
        encoder = _skeleton(tensors, files[0], model)
        on_block(0, len(encoder.block))
        table = next(name for name in EMBEDDINGS if name in tensors)
        batches = [sentences[i : i + TOGETHER] for i in range(0, len(sentences), TOGETHER)]
        hidden = [
            tensors.rows(table, torch.tensor([one.ids for one in batch])).to(device).to(dtype)
            for batch in batches
        ]
        biases: list[Any] = []
        for index, block in enumerate(encoder.block):
            put(block, tensors, f"encoder.block.{index}.")
            if index == 0:
                biases = [_bias(block, batch, device, dtype) for batch in batches]
            hidden = [
                _through(block, batch, bias) for batch, bias in zip(hidden, biases, strict=True)
            ]
            block.to("meta")
            on_block(index + 1, len(encoder.block))
        last = encoder.final_layer_norm
        put(last, tensors, "encoder.final_layer_norm.")
        return [row.cpu() for batch in hidden for row in last(batch)]


def _skeleton(tensors: Tensors, file: Path, model: str) -> Any:
    """The encoder without storage, of the shape that the file's tensors tell."""
    import torch
    from transformers import T5Config, T5EncoderModel

    try:
        table = next(name for name in EMBEDDINGS if name in tensors)
        words, width = tensors.shape(table)
        block = "encoder.block.0.layer.0.SelfAttention"
        buckets, heads = tensors.shape(f"{block}.relative_attention_bias.weight")
        inner = tensors.shape(f"{block}.q.weight")[0]
        hidden = tensors.shape("encoder.block.0.layer.1.DenseReluDense.wi_0.weight")[0]
    except (StopIteration, KeyError) as error:
        raise WeightsBroken(
            f"{file} holds no T5 encoder of the kind v1.1",
            hint=f"Fetch it again with `reelkiln models pull {model}`.",
        ) from error
    layers = {name.split(".")[2] for name in tensors if name.startswith("encoder.block.")}
    config = T5Config(
        vocab_size=words,
        d_model=width,
        d_kv=inner // heads,
        d_ff=hidden,
        num_layers=len(layers),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu",
        use_cache=False,
    )
    with torch.device("meta"):
        return T5EncoderModel(config).encoder.eval()


def _put(
    part: Any, tensors: Tensors, prefix: str, *, device: Any, dtype: Any, file: Path, model: str
) -> None:
    """Fill one part of the skeleton on the device."""
    names = {name: prefix + name for name in part.state_dict()}
    found = {
        name: tensors.true(stored, device, dtype)
        for name, stored in names.items()
        if stored in tensors
    }
    fill(part, found, file, model)


def _bias(block: Any, batch: Sequence[Sentence], device: Any, dtype: Any) -> Any:
    """What is added to the attention of every block: by distance, and against empty places."""
    import torch

    places = len(batch[0].ids)
    distance = block.layer[0].SelfAttention.compute_bias(places, places, device=device).to(dtype)
    mask = torch.tensor([one.mask for one in batch], device=device)[:, None, None, :]
    return distance.masked_fill(~mask, torch.finfo(dtype).min)


def _through(block: Any, hidden: Any, bias: Any) -> Any:
    """One block's arithmetic on (sentences, places, width), the same in all library versions.

    The library's own `forward` of a block changed what it takes and gives between two of them.
    """
    import torch

    attend, feed = block.layer[0], block.layer[-1]
    own, normed = attend.SelfAttention, attend.layer_norm(hidden)
    heads = (*hidden.shape[:2], own.n_heads, own.key_value_proj_dim)
    query, key, value = (
        project(normed).view(heads).transpose(1, 2) for project in (own.q, own.k, own.v)
    )
    mixed = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=bias, scale=1.0
    )
    hidden = hidden + own.o(mixed.transpose(1, 2).flatten(2))
    return hidden + feed.DenseReluDense(feed.layer_norm(hidden))

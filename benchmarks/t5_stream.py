"""RAM and seconds of streaming T5-XXL: a full-size file of zeros, which takes no space on the disk.

PYTHONPATH=src python benchmarks/t5_stream.py
"""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import T5Config, T5EncoderModel

from held import Ram, anonymous, capped, wall_time
from reelkiln.backends.libraries import quiet
from reelkiln.backends.t5 import Sentence, encode_sentences
from reelkiln.backends.tiny_ltx import ENCODER, FULL_LTX, LtxScale
from reelkiln.plan.machine import GiB


def encoder_row(file: Path, places: int, device: str) -> None:
    """Print what streaming one sentence takes, in a process that did nothing else."""
    sentence = Sentence(tuple(range(places)), (True,) * places)
    before = anonymous()
    with capped(0), Ram() as ram, torch.no_grad():
        for _ in range(2 if device == "cuda" else 1):
            start = wall_time()
            encode_sentences(
                [file],
                [sentence],
                device=torch.device(device),
                dtype=torch.bfloat16,
                model="",
                on_block=lambda done, blocks: None,
            )
            took = wall_time() - start
        peak = torch.cuda.max_memory_reserved() if device == "cuda" else 0
    print(f"T5 streamed on {device}: {took:.2f} s, reserved {peak / GiB:.2f} GiB;", end=" ")
    print(f"private RAM before {before / GiB:.2f}, at most {ram.most / GiB:.2f} GiB", flush=True)


def whole_encoder_row(scale: LtxScale, places: int, device: str) -> None:
    """Print what one sentence takes with the whole encoder on the device."""
    width, hidden, layers, heads = scale.text
    config = T5Config(
        vocab_size=FULL_LTX.words,
        d_model=width,
        d_ff=hidden,
        num_layers=layers,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
    )
    with capped(0), quiet(), torch.no_grad():
        with torch.device(device):
            encoder = T5EncoderModel(config).to(torch.bfloat16).eval()
            ids = torch.arange(places)[None]
        for _ in range(2):
            start = wall_time()
            encoder(ids)
            took = wall_time() - start
        peak = torch.cuda.max_memory_reserved() if device == "cuda" else 0
    print(f"T5 whole on {device}: {took:.3f} s, reserved {peak / GiB:.2f} GiB", flush=True)


def write_hollow_encoder(file: Path) -> None:
    """A full-size encoder file of zeros: no space on the disk, and a real one's tensors."""
    width, hidden, layers, heads = FULL_LTX.text
    inner = 64 * heads
    shapes = {"shared.weight": ("BF16", [FULL_LTX.words, width])}
    for layer in range(layers):
        at = f"encoder.block.{layer}.layer"
        for name in "qkvo":
            shape = [width, inner] if name == "o" else [inner, width]
            shapes[f"{at}.0.SelfAttention.{name}.weight"] = ("F8_E4M3", shape)
        for name in ("wi_0", "wi_1", "wo"):
            shape = [width, hidden] if name == "wo" else [hidden, width]
            shapes[f"{at}.1.DenseReluDense.{name}.weight"] = ("F8_E4M3", shape)
        for part in (0, 1):
            shapes[f"{at}.{part}.layer_norm.weight"] = ("BF16", [width])
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    shapes[bias] = ("BF16", [32, heads])
    shapes["encoder.final_layer_norm.weight"] = ("BF16", [width])
    header, end = {}, 0
    for name, (kind, shape) in shapes.items():
        size = int(np.prod(shape)) * (2 if kind == "BF16" else 1)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode("ascii")
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)


def main() -> None:
    """Print one line."""
    with tempfile.TemporaryDirectory() as folder:
        write_hollow_encoder(Path(folder) / ENCODER)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        encoder_row(Path(folder) / ENCODER, 128, device)


if __name__ == "__main__":
    main()

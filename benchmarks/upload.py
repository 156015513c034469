"""Gigabytes a second to the GPU, by where the bytes lie: a mapped file, memory, pinned memory.

    PYTHONPATH=src python benchmarks/upload.py [--gib 1.8] [--parts 600]

Many tensors, as a network has; the second of two rounds. It says what copying a staged network
costs, and what pinning it would save.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def rate(tensors: Sequence[torch.Tensor]) -> float:
    """GB a second of the second round."""
    took = 0.0
    for _ in range(2):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        there = [tensor.to("cuda", non_blocking=True) for tensor in tensors]
        torch.cuda.synchronize()
        took = time.perf_counter() - begun
        del there
    return sum(tensor.nbytes for tensor in tensors) / took / 1e9


def main() -> None:
    """Print three lines."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--gib", type=float, default=1.8)
    asked.add_argument("--parts", type=int, default=600)
    wish = asked.parse_args()
    each = int(wish.gib * 2**30 / wish.parts)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        made = {f"{part}": torch.randint(0, 255, (each,), dtype=torch.uint8) for part in range(64)}
        made |= {f"{part}": made[f"{part % 64}"].clone() for part in range(64, wish.parts)}
        save_file(made, file)
        mapped = list(load_file(file).values())
        print(f"a mapped file: {rate(mapped):.1f} GB/s", flush=True)
        print(f"memory: {rate([one.clone() for one in mapped]):.1f} GB/s", flush=True)
        begun = time.perf_counter()
        pinned = [one.pin_memory() for one in mapped]
        took = time.perf_counter() - begun
        print(f"pinned memory: {rate(pinned):.1f} GB/s ({took:.2f} s to pin)", flush=True)


if __name__ == "__main__":
    main()

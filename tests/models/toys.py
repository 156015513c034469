"""Cards and weights' files that tests make, and what their child processes do."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from reelkiln.errors import ReelkilnError
from reelkiln.models.cards import find_card
from reelkiln.models.pull import pull
from reelkiln.plan.card import Card, Preset, Source

Child = Callable[..., subprocess.Popen[str]]


def a_card(*sources: Source, presets: Mapping[str, Preset] | None = None) -> Card:
    """A card of ours whose weights are the given sources."""
    plain = {"standard": Preset(steps=1, guidance=1.0, scheduler="EulerDiscreteScheduler")}
    spark = find_card("spark")
    return replace(
        spark, name="toy", bundled=False, sources=sources, presets=dict(presets or plain)
    )


def a_source(repo: str = "maker/toy", *files: str, name: str = "model", **more: object) -> Source:
    files = files or ("config.json", "w.safetensors")
    return Source(**{"name": name, "repo": repo, "files": files, "bytes": 5_000_000, **more})


def safetensors(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]], *, fill: bytes = b"\0", cut: int = 0
) -> bytes:
    """A file in that format: names to types and shapes, every byte of the data the same."""
    widths = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1}
    entries, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = widths[dtype]
        for side in shape:
            size *= side
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    whole = struct.pack("<Q", len(text)) + text + fill * at
    return whole[: len(whole) - cut]


def pull_toy() -> None:
    """What a child process does: pull the toy card from the hub of the environment."""
    card = a_card(a_source("maker/toy", "config.json", "sub/w.safetensors"))
    try:
        sys.stdout.write(f"{pull(card, 'standard')['model']}\n")
    except ReelkilnError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        sys.exit(error.exit_code)

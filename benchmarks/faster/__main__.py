"""What a person with 4 GB could choose instead, and what reelkiln does: seconds and memory.

    PYTHONPATH=src:benchmarks python benchmarks/faster --out DIR [--tiny] [--minutes 9]
        [--parts ours,others]

One run on one GPU, full-size random weights, the allocator held to what a 4 GB card leaves: 3.1 GiB
under Windows, 3.4 GiB elsewhere. Bytes carry over to a small card; seconds are ratios inside this
run. `--tiny` runs the whole script on the processor with tiny weights, to try it out. Writes
`faster.json`; `benchmarks/faster/tables.py` makes the tables of `docs/measured/faster.md` from it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from batches import batch
from ground import Ground, Loaded
from memory import predictions, requests
from others import PEERS, WAYS, other_way, others, peers
from renders import caches, longer, uncapped_and_ours
from transformer import ltx

from reelkiln.backends.probe import versions
from reelkiln.backends.tiny import FULL, TINY, write_animatediff

LOADED = (uncapped_and_ours, longer, caches, predictions, requests)
"""Parts that render with the weights loaded once."""
PARTS: dict[str, Callable[[Ground], None]] = {
    "ours": uncapped_and_ours,
    "others": others,
    "longer": longer,
    "caches": caches,
    "batch": batch,
    "ltx": ltx,
    "peers": peers,
    "predictions": predictions,
    "requests": requests,
}


def main() -> None:
    """Run all, or one way alone in a child process."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--minutes", type=float, default=9.0)
    asked.add_argument("--only", default="")
    asked.add_argument("--parts", default="")
    asked.add_argument("--ways", nargs="*", default=(), help="of what is not ours, these alone")
    asked.add_argument("--cap", type=float, default=3.4)
    asked.add_argument("--weights", type=Path)
    wish = asked.parse_args()
    for way in set(wish.ways) - {*WAYS, *PEERS}:
        asked.error(f"{way} is not one of {', '.join((*WAYS, *PEERS))}")
    wish.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        if wish.weights:
            names = ("model", "motion", "lightning", "tiny_decoder")
            folders = {name: wish.weights / name for name in names}
        else:
            scale, dtype = (TINY, "float32") if wish.tiny else (FULL, "float16")
            folders = dict(write_animatediff(Path(scratch), scale=scale, dtype=dtype))
        ground = Ground(wish.tiny, folders, started, 60 * wish.minutes, [], wish.out)
        ground.ways = tuple(wish.ways)
        if wish.only:
            other_way(ground, wish.only, wish.cap)
            return
        everything(ground, wish.parts.split(",") if wish.parts else [])


def everything(ground: Ground, parts: list[str]) -> None:
    """The parts of these names, or all, in the order of what matters most."""
    name = torch.cuda.get_device_name() if ground.device == "cuda" else "processor"
    ground.add("ground", device=name, versions=versions(), python=sys.version.split()[0])
    for part in parts or PARTS:
        work = PARTS[part]
        try:
            if work in LOADED:
                with Loaded() as ground.loaded:
                    work(ground)
            else:
                work(ground)
        except Exception as error:  # noqa: BLE001 - the other parts are still worth their minutes
            traceback.print_exc()
            ground.add("failed", what=part, why=f"{type(error).__name__}: {str(error)[:300]}")


if __name__ == "__main__":
    main()

"""The real program in a process of its own, on ground that was prepared.

    python tests/cli/child.py PREPARED,… ARGUMENT …

Prepared ground, by name: `gpu` (a GPU that is imagined), `memory` (64 GiB of it, and no GPU),
`no-torch` (as if it were not installed), `no-pieces` (without sentencepiece), `small-disk` (a
megabyte is free), `full-disk` (the system says so when files are made durable), `half-pulled`
(epicrealism-lightning is said to be on the disk without what its drafts need, ltx-2b-distilled with
all), `stop-PHASE` (a real SIGINT from within, when that phase begins).
The models `null`, `null-black`, `null-pale`, `null-nan`, `null-slow`, `null-few` (two presets),
`null-led` (goes on from frames) and `null-far` (on the hub) are there, and `null-large`,
`null-words`, `null-fp16` and `null-class`, whose repositories the test serves.
"""

import os
import shutil
import signal
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parents[1]))


def add_null_models():
    from kiln.nulls import LED, null_card
    from reelkiln.models import cards

    real = cards.load_cards
    many = null_card().presets["standard"]
    few = replace(many, steps=1)
    nulls = (
        null_card(),
        null_card("null-black", picture="black"),
        null_card("null-pale", picture="pale"),
        null_card("null-nan", gain=float("inf")),
        null_card("null-slow", step_seconds=20.0),
        null_card("null-far", files=("config.json", "net.bin.json")),
        null_card("null-led", reach=LED),
        replace(null_card("null-few"), presets={"draft": few, "standard": many}),
        null_card("null-large", files=("config.json", "net/w.safetensors")),
        null_card("null-words", files=("tokenizer/spiece.model", "net/w.safetensors")),
        null_card("null-fp16", files=("config.json", "net/w.fp16.safetensors")),
        null_card("null-class", files=("model_index.json", "net/w.safetensors")),
    )

    def load_cards():
        return MappingProxyType({**real(), **{card.name: card for card in nulls}})

    cards.load_cards = load_cards


def gpu():
    from kiln.nulls import GPU
    from reelkiln.backends import probe

    probe.probe = lambda: GPU


def memory():
    from reelkiln.backends import probe
    from reelkiln.plan.machine import GiB, imagine

    probe.probe = lambda: imagine(vram=0, ram=64 * GiB)


def no_torch():
    """Neither to be imported nor to be found among what is installed."""
    hide("torch", "diffusers", "transformers", "accelerate", "safetensors")


def hide(*names):
    hidden = set(names)
    real = metadata.Distribution.from_name.__func__

    class Nowhere:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] in hidden:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def from_name(cls, name):
        if name in hidden:
            raise metadata.PackageNotFoundError(name)
        return real(cls, name)

    sys.meta_path.insert(0, Nowhere)
    metadata.Distribution.from_name = classmethod(from_name)


def no_pieces():
    """Without what reads SentencePiece models."""
    hide("sentencepiece")


def small_disk():
    """As if a megabyte were free."""
    real = shutil.disk_usage

    def disk_usage(path):
        return type(real(path))(10**12, 10**12 - 10**6, 10**6)

    shutil.disk_usage = disk_usage


def half_pulled():
    from reelkiln.models import installed

    here = {("epicrealism-lightning", "standard")}
    here |= {("ltx-2b-distilled", preset) for preset in ("draft", "standard", "final")}
    installed.is_installed = lambda card, preset, cache=None: (card.name, preset) in here


def full_disk():
    def fsync(handle):
        raise OSError(28, "No space left on device")

    os.fsync = fsync


def stop_at(phase):
    from reelkiln.cli.progress import Lines

    real = Lines.progress

    def progress(self, progress):
        if progress.phase == phase:
            os.kill(os.getpid(), signal.SIGINT)
        real(self, progress)

    Lines.progress = progress


def again():
    real = shutil.rmtree

    def rmtree(path, *rest, **more):
        os.kill(os.getpid(), signal.SIGINT)
        real(path, *rest, **more)

    shutil.rmtree = rmtree


def prepare_all(names):
    for name in names.split(","):
        prepare(name)


def prepare(name):
    if name.startswith("stop-"):
        stop_at(name.removeprefix("stop-"))
    elif name:
        {
            "gpu": gpu,
            "memory": memory,
            "no-torch": no_torch,
            "no-pieces": no_pieces,
            "small-disk": small_disk,
            "full-disk": full_disk,
            "half-pulled": half_pulled,
            "again": again,
        }[name]()


if __name__ == "__main__":
    add_null_models()
    prepare_all(sys.argv[1])
    del sys.argv[1]
    from reelkiln.__main__ import main

    sys.exit(main())

"""`reelkiln` itself on a large GPU that is held to what a small one leaves; random weights.

    PYTHONPATH=src python benchmarks/bench_capped.py write FOLDER [--tiny]
    PYTHONPATH=src python benchmarks/bench_capped.py run FOLDER --cap 3.4 -- bench --calibrate …
    PYTHONPATH=src python benchmarks/bench_capped.py check FOLDER --cap 3.4 --out check.json

`write` puts random weights where the hub's would lie. `run` is the real command line with three
things changed: the machine is a laptop of 4 GB, the allocator of each process that renders is held
to the cap, and the gate refuses nothing, since random weights draw nothing. `check` renders shapes
that `bench` does not, and holds what the formula and what this card's calibration predict against
what was measured. `--tiny` is for a trial on a processor. Tables: docs/measured/bench.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from huggingface_hub import constants

from reelkiln.backends import libraries, ltx_words, probe
from reelkiln.backends.tiny import FULL, TINY, write_animatediff
from reelkiln.backends.tiny_ltx import FULL_LTX, TINY_LTX, write_ltx
from reelkiln.gate.limits import Limits
from reelkiln.kiln import apart, place, trial
from reelkiln.kiln.calibrate import calibrated
from reelkiln.kiln.children import ChildRenderer
from reelkiln.kiln.trial import Series, Shape, Trial, run_series
from reelkiln.kiln.watch import Watch
from reelkiln.models import cards
from reelkiln.models.layout import ref_path, snapshot_folder
from reelkiln.plan.calibration import Calibration
from reelkiln.plan.card import Card
from reelkiln.plan.form import write as write_plain
from reelkiln.plan.machine import GiB, Machine

CAP = "BENCH_CAP"
"""Through it the processes that render are told the cap, in GiB."""

MODELS = ("epicrealism-lightning", "ltx-2b-distilled", "epicrealism")
CHECKED = (
    Shape("16:9", Fraction(2)),
    Shape("9:16", Fraction(3)),
    Shape("1:1", Fraction(4)),
)
"""None of them is among those of `bench`."""


# ── weights ──────────────────────────────────────────────────────────────────────────────────────


def write(root: Path, *, tiny: bool) -> None:
    """Random weights of the three models, in the layout of the hub's cache."""
    import torch  # noqa: PLC0415 - heavy

    device = "cuda" if torch.cuda.is_available() else "cpu"
    picture = write_animatediff(
        root / "animatediff", scale=TINY if tiny else FULL, dtype="float32" if tiny else "float16"
    )
    video = write_ltx(
        root / "ltx",
        scale=TINY_LTX if tiny else FULL_LTX,
        dtype="float32" if tiny else "bfloat16",
        narrow=True,
        device=device,
    )
    quick = {**picture, "motion": picture["lightning"]}
    for name, folders in zip(MODELS, (quick, video, picture), strict=True):
        card = cards.find_card(name)
        for source in card.used_sources:
            _place(root / "cache", source, folders[source.name])


def _place(cache: Path, source: Any, folder: Path) -> None:
    """Links to the files, named by a hash as the cache does: then nobody reads them to make one."""
    ref = ref_path(cache, source.repo, source.branch)
    commit = source.revision or hashlib.sha1(source.repo.encode()).hexdigest()  # noqa: S324 - a name, no secret
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit, encoding="ascii")
    for name in source.files:
        kept = folder / name
        if not kept.is_file():
            kept = folder / Path(name).name
        blob = kept.with_name(hashlib.sha256(str(kept).encode()).hexdigest())
        if not blob.exists():
            blob.hardlink_to(kept)
        link = snapshot_folder(cache, source.repo, commit) / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(blob)


# ── a small machine ──────────────────────────────────────────────────────────────────────────────


def small(here: Machine) -> Machine:
    """A machine as a laptop of 4 GB that leaves the cap; without a GPU, as it is."""
    if here.gpu is None:
        return here
    cap = float(os.environ[CAP])
    return replace(
        here,
        gpu=f"{here.gpu} held to {cap:g} GiB",
        vram_total=4 * GiB,
        vram_free=int(cap * GiB),
        ram_total=16 * GiB,
        ram_free=13 * GiB,
        cores=8,
    )


def capped_place(name: str, cache: Path | None) -> place.Place:
    """What a child renders with: the allocator is held, and nothing is refused."""
    libraries.settle_allocator()
    import torch  # noqa: PLC0415 - after the allocator is settled

    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(float(os.environ[CAP]) * GiB / total)
    place.limits_from = lambda _usual: Limits(())
    real = ltx_words.load_tokenizer
    ltx_words.load_tokenizer = partial(_tokenizer, real)
    return place.Place(name, place.here(cache), cache=cache)


def _tokenizer(real: Any, folder: Path) -> Any:
    """The tokenizer, or one that counts words where its libraries are not the tested ones."""
    try:
        return real(folder)
    except Exception as error:  # noqa: BLE001 - whatever they fail with
        print(f"tokenizer: {error}", file=sys.stderr)
        from ltx_cases import Words  # noqa: PLC0415 - reads torch

        return Words()


def lay_ground(root: Path, cap: float) -> None:
    """Cards of any library version, the small machine, and children that are held."""
    os.environ[CAP], os.environ["HF_HUB_CACHE"] = str(cap), str(root / "cache")
    constants.HF_HUB_CACHE = os.environ["HF_HUB_CACHE"]  # read already in this process
    tiny = (root / "tiny").exists()
    loaded = {name: _any_version(card, tiny=tiny) for name, card in cards.load_cards().items()}
    cards.load_cards = lambda: MappingProxyType(loaded)
    for module, name in ((probe, "probe"), (apart, "probe_apart")):
        setattr(module, name, _then_small(getattr(module, name)))
    trial.ChildRenderer = partial(ChildRenderer, maker=capped_place)


def _any_version(card: Card, *, tiny: bool) -> Card:
    tokens = 24 if tiny and card.family == "ltx" else card.tokens
    return replace(card, versions={}, tokens=tokens)


def _then_small(ask: Callable[[], Machine]) -> Callable[[], Machine]:
    return lambda: small(ask())


# ── predicted and measured ───────────────────────────────────────────────────────────────────────


def check(
    root: Path, state: Path, out: Path, models: Sequence[str], shapes: Sequence[Shape]
) -> None:
    """Render each shape once, planned by the calibration, and keep both predictions beside it."""
    machine = apart.probe_apart()
    known = calibrated(machine, state)
    rows = []
    for name in models:
        card = cards.find_card(name)
        for shape in shapes:
            series = Series(card=card, preset="standard", shape=shape, prompts=1, repeats=1)
            with tempfile.TemporaryDirectory() as folder:
                for one in run_series(
                    series,
                    machine=known,
                    cache=root / "cache",
                    folder=Path(folder),
                    watch=Watch(),
                ):
                    rows.append(_row(one, known.measured))
                    print(json.dumps(rows[-1]), flush=True)
            out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _row(one: Trial, known: Calibration) -> dict[str, Any]:
    """Seconds of rendering and GiB: by the formula, by the calibration, measured."""
    row: dict[str, Any] = {"model": one.model, "shape": str(one.shape), "failure": one.failure}
    if one.formula is None:
        return row
    spent = one.formula.spent
    return {
        **row,
        "size": str(one.size),
        "frames": one.frames,
        "rung": one.rung,
        "by": one.by,
        "formula_seconds": spent.total - spent.start,
        "predicted_seconds": one.counted - one.counted_start,
        "seconds": one.render_seconds,
        "formula_load": spent.start,
        "predicted_load": one.counted_start,
        "load": one.took.get("load", 0.0),
        "took": dict(one.took),
        "spent": write_plain(spent),
        "formula_vram": one.formula.peak_bytes / GiB,
        "predicted_vram": one.counted_vram / GiB,
        "vram": one.peak_vram / GiB,
        "formula_ram": one.formula.ram_bytes / GiB,
        "predicted_ram": one.counted_ram / GiB,
        "ram": one.peak_ram / GiB,
        "entries": len(known.known),
    }


def main() -> None:
    """Write, run the command line, or check."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("what", choices=("write", "run", "check"))
    asked.add_argument("folder", type=Path)
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--cap", type=float, default=3.4)
    asked.add_argument("--out", type=Path, default=Path("check.json"))
    asked.add_argument("--models", nargs="*", default=MODELS, help="to check")
    asked.add_argument("--shapes", type=int, default=len(CHECKED), help="how many to check")
    # What follows a double dash is the command line to run.
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    wish, arguments = asked.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    root = wish.folder.absolute()
    if wish.what == "write":
        write(root, tiny=wish.tiny)
        if wish.tiny:
            (root / "tiny").touch()
        return
    lay_ground(root, wish.cap)
    if wish.what == "run":
        from reelkiln.cli.main import run  # noqa: PLC0415 - after the ground is laid

        raise SystemExit(run(arguments))
    state = Path(os.environ["REELKILN_STATE"])
    check(root, state, wish.out, wish.models, CHECKED[: wish.shapes])


if __name__ == "__main__":
    main()

"""LTX-Video's memory, predicted against held, by stage: every rung of its ladder, many shapes.

    PYTHONPATH=src python benchmarks/ltx.py write --folder W          # weights of full size, random
    PYTHONPATH=src python benchmarks/ltx_memory.py measure --folder W --out rows.json [--tiny]
    PYTHONPATH=src python benchmarks/ltx_memory.py table rows.json

Two steps and the whole decode show the peak. What the allocator reserved and what tensors came to
are noted apart, for denoising and for decoding. `FITTED` are the shapes that the constants of the
formula may be taken from, `HELD_OUT` those that it is then held against. The table recomputes the
formula: a better one needs no second measurement. docs/measured/ltx.md shows the table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from held import capped
from ltx_cases import Bench, Case, Words, laptop
from reelkiln.backends import ltx as family
from reelkiln.backends import ltx_words
from reelkiln.backends.probe import versions
from reelkiln.backends.registry import find_backend
from reelkiln.backends.seam import WORDS
from reelkiln.errors import OutOfMemory
from reelkiln.models.cards import find_card
from reelkiln.plan.attempt import attempt
from reelkiln.plan.card import Card
from reelkiln.plan.estimate import Job, device_need
from reelkiln.plan.ladder import Rung, rungs
from reelkiln.plan.machine import GiB
from reelkiln.plan.outline import Outline
from reelkiln.reel import Size

CAP = 3.4
"""GiB: what a network that is streamed fills."""
FITTED = (
    (49, 704, 480),
    (121, 704, 480),
    (97, 512, 768),
    (25, 512, 512),
    (9, 768, 512),
    (73, 480, 704),
    (121, 320, 576),
)
HELD_OUT = (
    (33, 640, 512),
    (57, 576, 448),
    (81, 672, 512),
    (105, 512, 512),
    (121, 512, 736),
    (17, 736, 480),
    (41, 448, 608),
    (65, 768, 416),
    (89, 416, 736),
    (113, 544, 608),
    (121, 448, 448),
    (49, 320, 512),
)
STAGES = ("encode", "denoise", "decode")
LED = ((49, 704, 480), (121, 512, 768), (81, 512, 512), (33, 448, 736))
"""Shapes that are rendered from a start picture, too."""


class Loaded:
    """Networks loaded once for each width, and put back after every session."""

    def __init__(self) -> None:
        self._real = (family.load_transformer, family.load_vae)
        self._kept: dict[Any, Any] = {}
        self._homes: list[tuple[Any, Any]] = []

    def __enter__(self) -> Loaded:
        family.load_transformer = self._once(self._real[0])
        family.load_vae = self._once(self._real[1])
        return self

    def __exit__(self, *_: object) -> None:
        family.load_transformer, family.load_vae = self._real
        self._kept.clear()
        self._homes.clear()

    def _once(self, load: Any) -> Any:
        def loaded(file: Any, dtype: str, *what: str, **named: Any) -> Any:
            key = (load, file, dtype, what, named.get("narrow"))
            if key not in self._kept:
                network = self._kept[key] = load(file, dtype, *what, **named)
                values = (*network.parameters(), *network.buffers())
                self._homes += [(value, value.data) for value in values]
            return self._kept[key]

        return loaded

    def rest(self) -> None:
        """Weights back in host memory, nothing hung on the networks."""
        for value, home in self._homes:
            value.data = home
        for network in self._kept.values():
            network.use_tiling = False
            for module in network.modules():
                if hasattr(network, "decoder"):  # made lean again by every session
                    module.__dict__.pop("forward", None)
                module._forward_pre_hooks.clear()
                module._forward_hooks.clear()


def ladder(card: Card) -> tuple[Rung, ...]:
    """Every rung on which this card's GPU plans can stand."""
    known = rungs(card, card.presets["standard"], gpu=True, bits=16)
    return tuple(rung for rung in known if rung.residence != "cpu")


def job_of(card: Card, frames: int, size: Size, *, led: bool) -> Job:
    """What the formula is asked about."""
    preset = card.presets["standard"]
    return Job(card=card, preset=preset, size=size, frames=frames, dtype="bfloat16", lead=int(led))


def kept_of(bench: Bench, case: Case, rung: Rung) -> tuple[int, bool]:
    """Bytes of a streamed network that stay under the cap, and whether the plan fits there."""
    plan = bench.plan(case, rung)
    what = Outline(
        card=bench.card,
        preset=bench.card.presets["standard"],
        size=case.size,
        segments=tuple(
            replace(one, image="start.png" if case.lead else None) for one in plan.segments
        ),
    )
    tried = attempt(what, rung, laptop(CAP, ram=16), "bfloat16")
    return tried.kept_bytes, not tried.refusal


@contextmanager
def stage(row: dict[str, Any], name: str) -> Iterator[None]:
    """Note what one stage held at most, in bytes, and its seconds."""
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    yield
    if cuda:
        torch.cuda.synchronize()
        row[name] = {
            "reserved": torch.cuda.max_memory_reserved(),
            "allocated": torch.cuda.max_memory_allocated(),
        }
    else:
        row[name] = {"reserved": 0, "allocated": 0}
    row[name]["seconds"] = round(time.perf_counter() - begun, 3)


def measured(bench: Bench, case: Case, rung: Rung, words: Path) -> dict[str, Any]:
    """One render by its two stages."""
    kept, fits = kept_of(bench, case, rung)
    plan = replace(bench.plan(case, rung), kept_bytes=kept if bench.device == "cuda" else 0)
    row: dict[str, Any] = {"rung": str(rung), "frames": case.frames, "size": str(case.size)}
    row |= {"led": bool(case.lead), "kept": kept, "under_cap": fits}
    folders = {**bench.folders, WORDS: words}
    held = CAP if fits and rung.residence == "streamed" else None
    try:
        with (
            capped(held),
            find_backend("ltx").open(plan, bench.card, folders, lambda _: None) as session,
        ):
            lead, segment = bench.lead(case), plan.segments[0]
            with stage(row, "encode"):
                session.encode((segment,), lambda _: None)
            with stage(row, "denoise"):
                latents = session.denoise(segment, lambda _: None, lead)
            with stage(row, "decode"):
                session.decode(latents, lambda _: None)
    except OutOfMemory as error:
        row["outcome"] = error.message[:120]
    return row


def measure(folder: Path, out: Path, *, tiny: bool, minutes: float) -> None:
    """Write a row for each rung and shape, the shapes without a picture first."""
    ends = time.perf_counter() + 60 * minutes
    ltx_words.load_tokenizer = lambda _folder: Words()
    card = replace(find_card("ltx-2b-distilled"), versions={})
    preset = card.presets["standard"]
    short = replace(preset, steps=2, sigmas=preset.sigmas[:2])
    card = replace(card, presets={**card.presets, "standard": short})
    if tiny:
        card = replace(card, tokens=24)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    folders = {part: folder / part for part in ("model", "encoder")}
    bench = Bench(card, folders, device, tiny)
    rows: list[dict[str, Any]] = [{"versions": versions(), "device": device}]
    if device == "cuda":
        rows[0]["device"] = torch.cuda.get_device_name()
    shapes = [(shape, 0) for shape in (*FITTED, *HELD_OUT)] + [(shape, 1) for shape in LED]
    with tempfile.TemporaryDirectory() as words, Loaded() as loaded:
        # What a 4 GB card stands on comes first, should the time run out.
        for rung in sorted(ladder(card), key=lambda rung: rung.storage_bits):
            for (frames, width, height), lead in shapes:
                if time.perf_counter() > ends:
                    return
                case = Case("", 9 if tiny else frames, Size(width, height), lead)
                # Words are read anew for the first shape of each rung; the others find them kept.
                fresh = Path(words) / str(rung) if (frames, width, height) == FITTED[0] else words
                rows.append(measured(bench, case, rung, Path(fresh)))
                loaded.rest()
                rows[-1]["set"] = "fitted" if (frames, width, height) in FITTED else "held out"
                print(json.dumps(rows[-1]), flush=True)
                out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def read_anew(row: dict[str, Any]) -> bool:
    """Whether the words of a row were encoded, and not found kept."""
    return bool(row["encode"]["seconds"] > 0.1)


def table(rows: list[dict[str, Any]]) -> None:
    """Print what the formula of today says beside what was held."""
    card = find_card("ltx-2b-distilled")
    ways = {str(rung): rung for rung in ladder(card)}
    print(
        "| way | frames | size | from a picture | stays GiB | denoising: predicted | reserved |",
        end="",
    )
    print(" allocated | decoding: predicted | reserved | allocated | peak off |")
    print("|---" * 12 + "|")
    worst: dict[str, list[float]] = {}
    for row in rows[1:]:
        if "decode" not in row:
            print(f"| {row['rung']} | {row['frames']} | {row['size']} | {row.get('outcome', '')} |")
            continue
        if row["rung"] not in ways:
            continue
        width, height = map(int, row["size"].split("x"))
        job = job_of(card, row["frames"], Size(width, height), led=row["led"])
        need = device_need(job, ways[row["rung"]], row["kept"])
        cells: list[str] = []
        for name in ("denoise", "decode"):
            cells.append(f"{need[name].peak / GiB:.2f}")
            cells += [f"{row[name][kind] / GiB:.2f}" for kind in ("reserved", "allocated")]
        # Words that are kept are not encoded; a picture is, before the transformer comes.
        ran = [name for name in STAGES if name != "encode" or row["led"] or read_anew(row)]
        held = max(row[name]["reserved"] for name in STAGES)
        off = max(need[name].peak for name in ran) / max(held, 1) - 1
        worst.setdefault(row["set"], []).append(off)
        told = (row["rung"], row["frames"], row["size"], "yes" if row["led"] else "")
        print(
            "|", *map("{} |".format, (*told, f"{row['kept'] / GiB:.2f}", *cells)), f"{off:+.1%} |"
        )
    for name, found in worst.items():
        print(f"\n{name}: {len(found)} rows, {min(found):+.1%} to {max(found):+.1%}")


def main() -> None:
    """Measure, or print the table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("what", choices=("measure", "table"))
    asked.add_argument("rows", type=Path, nargs="?")
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--out", type=Path, default=Path("ltx_memory.json"))
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--minutes", type=float, default=6.0)
    wish = asked.parse_args()
    if wish.what == "measure":
        measure(wish.folder, wish.out, tiny=wish.tiny, minutes=wish.minutes)
    else:
        table(json.loads(wish.rows.read_text("utf-8")))


if __name__ == "__main__":
    main()

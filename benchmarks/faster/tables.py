"""The tables of docs/measured/faster.md, from what benchmarks/faster wrote.

python benchmarks/faster/tables.py faster.json [more.json ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Counted on the published shapes: benchmarks/live.py's network, torch.utils.flop_counter. TFLOP.
STEP, DECODE, DECODE_SMALL = 17.75, 40.2, 2.26
LAPTOP = 7.6
"""TFLOP/s: half of the 15.2 an RTX 3050 Ti laptop peaks at in 16 bits at 60 W."""


def main() -> None:
    """Print every table that the rows allow."""
    rows = [row for name in sys.argv[1:] for row in json.loads(Path(name).read_text("utf-8"))]
    for title, table in (
        ("Ground", ground(rows)),
        ("Seconds under a cap", times(rows)),
        ("Operations and the laptop", arithmetic()),
        ("A batch of eight", batches(rows)),
        ("LTX's transformer", ltx(rows)),
        ("Predicted and measured peak", predictions(rows)),
        ("Random requests", requests(rows)),
        ("Left out", skipped(rows)),
    ):
        print(f"## {title}\n")
        print("\n".join(table) + "\n")


def of(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The rows of one kind."""
    return [row for row in rows if row["kind"] == kind]


def line(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |"


def head(*names: str) -> list[str]:
    """The two lines above a Markdown table."""
    return [line(*names), "|" + "---|" * len(names)]


def ground(rows: list[dict[str, Any]]) -> Iterable[str]:
    """What it ran on."""
    return [
        f"{row['device']}, {row['versions']}, Python {row['python']}" for row in of(rows, "ground")
    ]


def times(rows: list[dict[str, Any]]) -> Iterable[str]:
    """Each way, model and cap."""
    table = head(
        "model", "frames", "cap GiB", "way", "denoise s", "decode s", "reserved GiB",
        "of resident", "PSNR dB", "first step", "steps",
    )  # fmt: skip
    for row in of(rows, "time"):
        if "outcome" in row:
            cells = (row["outcome"], *[""] * 6)
        else:
            cells = (
                row["denoise"],
                row["decode"],
                row["peak"],
                shown(row.get("times_resident"), 3),
                shown(row.get("psnr"), 1),
                shown(row.get("first_step"), 5),
                row.get("steps", "all"),
            )
        table.append(
            line(
                row.get("model"), row.get("case", row.get("frames")), row.get("cap") or "none",
                row["way"], *cells,
            )
        )  # fmt: skip
    return table


def shown(value: float | None, digits: int) -> str:
    """A figure, or nothing."""
    return "" if value is None else f"{value:.{digits}f}"


def arithmetic() -> Iterable[str]:
    """Counted operations for two seconds, 16 frames of 512x512, and a laptop's seconds for them."""
    deep = 1 / 3 + 2 / 3 * 0.074
    ways = (
        ("the user's configuration: 25 guided steps", 25 * 2 * STEP, DECODE),
        ("epicrealism, standard: 25 guided steps", 25 * 2 * STEP, DECODE),
        ("epicrealism, draft: every 3rd step whole, small decoder", 50 * STEP * deep, DECODE_SMALL),
        ("epicrealism-lightning, standard: 4 steps", 4 * STEP, DECODE),
        ("epicrealism-lightning, draft: small decoder", 4 * STEP, DECODE_SMALL),
        ("ltx-2b-distilled, 49 frames of 512x512: 7 steps", 7 * 6.75, 16.5),
    )
    table = head("way", "TFLOP", "fewer", "RTX 3050 Ti laptop at 50 % of its peak, arithmetic")
    users = sum(ways[0][1:])
    for name, denoise, decode in ways:
        whole = denoise + decode
        seconds = f"{whole / LAPTOP:.1f} s"
        table.append(line(name, f"{whole:.0f}", f"{users / whole:.1f} times", seconds))
    return table


def batches(rows: list[dict[str, Any]]) -> Iterable[str]:
    """Together and alone."""
    table = head("", "together, s a segment", "alone, s a segment", "ratio")
    return table + [
        line(row["what"], row["together"], row["alone"], row["ratio"]) for row in of(rows, "batch")
    ]


def ltx(rows: list[dict[str, Any]]) -> Iterable[str]:
    """One call of the transformer."""
    table = head(
        "frames of 704x480", "cap GiB", "way", "s a call", "asked for in s", "of resident",
        "reserved GiB",
    )  # fmt: skip
    return table + [
        line(
            row["frames"], row.get("cap") or "none", row["way"], row["step"],
            row.get("asked"), row.get("times_resident"), row.get("peak"),
        )
        for row in of(rows, "ltx")
    ]  # fmt: skip


def predictions(rows: list[dict[str, Any]]) -> Iterable[str]:
    """The formula against the allocator."""
    table = head("rung", "frames", "size", "stays GiB", "predicted", "reserved", "allocated", "off")
    for row in of(rows, "prediction"):
        off = row.get("outcome") or f"{100 * row['off']:+.1f} %"
        table.append(
            line(
                row["rung"], row["frames"], row["size"], row["kept"], row["predicted"],
                row.get("measured"), row.get("allocated"), off,
            )
        )  # fmt: skip
    return table


def requests(rows: list[dict[str, Any]]) -> Iterable[str]:
    """How many held, by cap."""
    found = of(rows, "request")
    table = head("cap GiB", "requests", "held", "largest share of the cap", "largest over-run")
    for cap in sorted({row["cap"] for row in found}):
        own = [row for row in found if row["cap"] == cap]
        held = [row for row in own if row["outcome"] == "held"]
        most = max((row["measured"] / cap for row in held), default=0)
        over = max((row["measured"] / row["predicted"] - 1 for row in held), default=0)
        table.append(line(cap, len(own), len(held), f"{most:.2f}", f"{100 * over:+.1f} %"))
    return table


def skipped(rows: list[dict[str, Any]]) -> Iterable[str]:
    """What there was no time for."""
    return [f"- {row['what']}{': ' + row['why'] if 'why' in row else ''}" for row in rows
            if row["kind"] in ("skipped", "failed")] or ["Nothing."]  # fmt: skip


if __name__ == "__main__":
    main()

"""The defect bench of the gate: defects made on purpose over clean clips; prints a Markdown table.

    python benchmarks/gate_defects.py SET --wheels DIR --spark DIR --marks FILE > table.md

SET is one of `gate_sets.py`, where the wheels that lie unpacked in `--wheels` are named, too;
`--spark` holds what `gate_clips.py` rendered of it. What was measured is kept in `--marks FILE`;
what stands there already is judged again without measuring. Text and watermark rows read three
pictures of a clip; no other spoilt clip is read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
from importlib.metadata import version
from pathlib import Path

import cv2

from gate_clips import DEFECTS, STRENGTHS, clips
from gate_sets import SETS
from reelkiln.gate.colour import Colours, dominant
from reelkiln.gate.judge import judge
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.text import SURE, open_reader, pictures, text_marks
from reelkiln.gate.view import view
from reelkiln.reel import Clip

READ = ("garbled text", "watermark")


def palette(clip: Clip) -> tuple[str, ...]:
    """The colours of the first frame, as a brand would write them down."""
    colours = Colours()
    colours.see(view(clip.frames[0]))
    labs = dominant(colours.shares())[0].astype("float32")
    rgb = cv2.cvtColor(labs[:, None], cv2.COLOR_LAB2RGB)[:, 0].clip(0, 1)
    return tuple("#" + bytes(round(float(part) * 255) for part in one).hex() for one in rgb)


def reading(clip: Clip) -> dict[str, float]:
    """The text marks of a clip in which no text was asked for.

    As `read_text`, but the first picture with unasked writing settles it.
    """
    marks: dict[str, float] = {}
    for picture in pictures(clip):
        found = [word for word in open_reader()(picture) if word.sure >= SURE]
        marks = text_marks(found)
        if marks["text_unasked"]:
            break
    return marks


def one(job: tuple[int, str, Clip, tuple[str, ...]]) -> tuple[str, dict[str, dict[str, float]]]:
    """The name of a clip and its marks: "clean" or "defect/strength" to what was measured."""
    cv2.setNumThreads(1)
    seed, name, clip, wishes = job
    wanted, told = Wanted(palette(clip), (len(clip.frames) // 2,)), {}
    for what in wishes:
        defect, _, strength = what.partition("/")
        spoilt = DEFECTS[defect](clip, STRENGTHS.index(strength), seed) if strength else clip
        reads = defect in READ or what == "clean text"
        told[what] = reading(spoilt) if reads else measure(spoilt, wanted)
    return name, told


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--spark", type=Path, required=True)
    parser.add_argument("--marks", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    wish = parser.parse_args()
    told = json.loads(wish.marks.read_text()) if wish.marks.exists() else {}
    chosen = SETS[wish.set]
    clean = clips(chosen, wish.wheels, wish.spark)
    jobs = []
    # The middle strength of every clip first: that is what is asked for.
    for strength in sorted(STRENGTHS, key=lambda one: one != "middle"):
        for seed, (name, clip) in enumerate(clean.items()):
            rows = [row for row in DEFECTS if row not in READ or name not in chosen.written]
            wishes = ["clean", *(f"{row}/{strength}" for row in rows)]
            wishes += ["clean text"] if name not in chosen.written else []
            missing = tuple(what for what in wishes if what not in told.get(name, {}))
            if strength != "middle":
                missing = tuple(what for what in missing if not what.startswith("clean"))
            jobs += [(seed, name, clip, missing)] if missing else []
    with multiprocessing.get_context("spawn").Pool(wish.processes) as pool:
        for name, marks in pool.imap_unordered(one, jobs):
            told.setdefault(name, {}).update(marks)
            wish.marks.write_text(json.dumps(told))
    show({name: reasons(told[name]) for name in clean})


def reasons(told: dict[str, dict[str, float]]) -> dict[str, tuple[str, ...]]:
    """What the gate says of each version of a clip."""
    said = {what: judge(marks).reasons for what, marks in told.items()}
    return said | {"clean": said["clean"] + said.pop("clean text", ())}


def show(results: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Versions, the table, the misses and the false alarms."""
    names = ("numpy", "opencv-python-headless", "rapidocr", "onnxruntime", "imageio-ffmpeg")
    print(f"{platform.platform()}, Python {platform.python_version()}; ", end="")
    print(", ".join(f"{name} {version(name)}" for name in names))
    alarms = {name: told["clean"] for name, told in results.items() if told["clean"]}
    print(f"\n{len(results)} clean clips; refused by mistake: {len(alarms)}")
    print("\n| defect | weak | middle | strong |\n|---|---|---|---|")
    missed = {}
    for defect in DEFECTS:
        cells = []
        for strength in STRENGTHS:
            row = f"{defect}/{strength}"
            hits = {name: bool(told[row]) for name, told in results.items() if row in told}
            count = sum(hits.values())
            cells.append(f"{count}/{len(hits)} ({100 * count / len(hits):.0f} %)")
            missed[row] = [name for name, hit in hits.items() if not hit]
        print(f"| {defect} | " + " | ".join(cells) + " |")
    print("\nMissed at the middle strength:\n")
    for defect in DEFECTS:
        print(f"- {defect}: {', '.join(missed[f'{defect}/middle']) or 'none'}")
    for name, said in alarms.items():
        print(f"- clean but refused: {name}: {'; '.join(said)}")


if __name__ == "__main__":
    main()

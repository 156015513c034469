"""The defect bench in small: every defect at the middle strength over a dozen clean clips."""

from __future__ import annotations

from functools import lru_cache

import pytest

from reelkiln.gate.judge import judge
from reelkiln.gate.measure import Wanted, measure
from reelkiln.gate.text import open_reader, read_text, text_marks
from reelkiln.reel import Clip

from .defects import DEFECTS
from .sources import drawn, lavfi

READ = ("garbled text", "watermark")
SOURCES = ("testsrc2", "mandelbrot", "life-slow", "hd-bars-zoomed")
JOIN = Wanted(joins=(8,))


@lru_cache(maxsize=1)
def clean() -> dict[str, Clip]:
    scenes = drawn()
    for name in ("bottle-slow", "clouds-fast", "swarm-dense"):
        del scenes[name]
    return scenes | {name: lavfi(name) for name in SOURCES}


def test_no_clean_clip_is_refused():
    assert len(clean()) == 12
    assert {name: judge(measure(clip, JOIN)).reasons for name, clip in clean().items()} == {
        name: () for name in clean()
    }


@pytest.mark.parametrize("defect", [name for name in DEFECTS if name not in READ])
def test_every_defect_is_caught(defect):
    missed = []
    for seed, (name, clip) in enumerate(clean().items()):
        wanted = JOIN
        if defect == "off-palette":
            if name == "mandelbrot":
                continue  # it holds every hue: no cast leads away from all of them
            wanted = Wanted(palette_of(clip))
        marks = measure(DEFECTS[defect](clip, 1, seed), wanted)
        if judge(marks).kept:
            missed.append(name)
    assert missed == []


@pytest.mark.text
@pytest.mark.parametrize("defect", READ)
def test_writing_is_caught(defect):
    for name in ("bottle-white", "mandelbrot"):
        spoilt = DEFECTS[defect](clean()[name], 1, 2)
        assert not judge(text_marks(read_text(spoilt, open_reader()))).kept


def palette_of(clip: Clip) -> tuple[str, ...]:
    """The eight commonest colours of the first frame, in boxes of 64 levels."""
    import numpy as np

    pixels = clip.frames[0].reshape(-1, 3)
    boxes, counts = np.unique(pixels // 64, axis=0, return_counts=True)
    best = boxes[np.argsort(-counts, kind="stable")[:8]]
    return tuple(
        "#" + bytes(pixels[(pixels // 64 == box).all(1)].mean(0).round().astype(np.uint8)).hex()
        for box in best
    )

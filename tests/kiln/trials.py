"""Trials and reports as `reelkiln bench` makes them."""

from dataclasses import replace
from fractions import Fraction

from reelkiln.kiln.comparison import Report
from reelkiln.kiln.trial import Shape, Trial
from reelkiln.plan.machine import GiB
from reelkiln.reel import Size

TALL, SQUARE = Shape("9:16", Fraction(2)), Shape("1:1", Fraction(2))


def trial(**more):
    """Ten seconds of rendering for two seconds of video."""
    plain = Trial(
        model="spark",
        family="animatediff",
        preset="standard",
        shape=TALL,
        prompt="a jar",
        repeat=0,
        size=Size(128, 224),
        frames=16,
        video=2.0,
        steps=8,
        device="cpu",
        took={"load": 4.0, "encode": 1.0, "denoise": 6.0, "decode": 3.0, "check": 0.5},
        counted=25.0,
        counted_start=5.0,
        peak_ram=GiB,
        counted_ram=2 * GiB,
        takes=1,
        kept=True,
        marks={"softness": 0.2, "luma": 99.0},
        sha256=("aa",),
    )
    return replace(plain, **more)


def report(*trials, when="2026-11-26T10:00:00+00:00", **versions):
    """An evening."""
    return Report(when=when, machine="here", versions=versions, trials=trials)

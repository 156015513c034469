"""What labelling and reading a label cost: `python benchmarks/label.py`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile

import numpy as np

from reelkiln.backends.probe import probe as machine
from reelkiln.film.finish import Finish, finish
from reelkiln.film.label import Claim, Signer, label, open_signer, verify
from reelkiln.kiln.bench import machine_words
from reelkiln.reel import Clip, Size

TIMES = 9


def film(target: Path, seconds: int) -> Path:
    """Coarse moving noise at 1080x1920: about 8 Mbit/s, what networks advise for this size."""
    noise = np.random.default_rng(7)
    coarse = noise.integers(0, 256, (24 * seconds // 6 + 1, 48, 27, 3), np.uint8)

    def clips() -> Iterator[Clip]:
        for second in range(seconds):
            frames = np.repeat(coarse[4 * second : 4 * second + 4], 6, axis=0)
            yield Clip(frames.repeat(10, 1).repeat(10, 2), Fraction(24))

    wish = Finish(Size(1080, 1920), Fraction(seconds), Fraction(24), False)
    finish(clips(), target, wish, {}, lambda done, total: None)
    return target


def took(action: Callable[[], object]) -> float:
    """Milliseconds that an action takes."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def weigh(plain: Path, seconds: int, signer: Signer) -> None:
    """Label a copy of a film and read it, several times, and print what that took."""
    target = plain.with_name("labelled.mp4")
    labels, reads = [], []
    for _ in range(TIMES):
        copyfile(plain, target)
        labels.append(took(lambda: label(target, Claim(recipe="a" * 64), signer)))
        reads.append(took(lambda: verify(target)))
    grown = target.stat().st_size - plain.stat().st_size
    first, then, read = labels[0], statistics.median(labels), statistics.median(reads)
    print(
        f"{seconds} s, {plain.stat().st_size / 1e6:.1f} MB: labelled in {first:.0f} ms at first, "
        f"then {then:.0f} ms; read in {read:.0f} ms; {grown} bytes larger"
    )


def main() -> None:
    """Print the machine, the versions, and the figures."""
    print(machine_words(machine()), f"Python {sys.version.split()[0]}", sep="; ")
    print(f"c2pa-python {version('c2pa-python')}, cryptography {version('cryptography')}")
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        made = took(lambda: open_signer(folder, datetime.now(UTC)))
        print(f"certificate made: {made:.0f} ms")
        signer = open_signer(folder, datetime.now(UTC))
        for seconds in (4, 15):
            weigh(film(folder / "plain.mp4", seconds), seconds, signer)


if __name__ == "__main__":
    main()

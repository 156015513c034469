"""Takes on the disk: what numpy reads, and a disk that is full half way."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from reelkiln.film.take import is_whole, read_take, write_take
from reelkiln.reel import Clip

FULL = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from reelkiln.errors import DiskFull
from reelkiln.film.faults import on_disk
from reelkiln.film.take import write_take
from reelkiln.reel import Clip
path = Path("take.npy")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
clip = Clip(np.ones((16, 64, 64, 3), np.uint8), Fraction(8))
try:
    with on_disk(path):
        write_take(clip, path)
except DiskFull:
    sys.exit(7)
"""


def test_a_take_is_a_file_that_numpy_reads(tmp_path):
    frames = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)
    path = tmp_path / "7-0.npy"
    sha256 = write_take(Clip(frames[:, :, ::-1], Fraction(8)), path)
    assert np.array_equal(np.load(path), frames[:, :, ::-1])
    assert is_whole(path, sha256)
    (clip,) = read_take(path, Fraction(8))
    assert np.array_equal(clip.frames, frames[:, :, ::-1])


@pytest.mark.skipif(os.name != "posix", reason="no limit for files")
def test_a_disk_that_is_full_half_way_is_said_to_be_full():
    """Whoever waits for room goes on afterwards; any other fault would end the clip."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, check=False)
    assert done.returncode == 7, done.stderr

"""The rendering commands of the README, as they stand there, one after the other."""

import subprocess
import sys
from pathlib import Path

from pages import ROOT, reelkiln_calls


def test_the_readme_makes_and_remakes_a_clip():
    for call in reelkiln_calls(ROOT / "README.md", rendering=True):
        done = subprocess.run(
            [sys.executable, "-m", "reelkiln", *call], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    made, again = Path("bottle.mp4"), Path("again.mp4")
    assert made.stat().st_size > 10_000
    assert again.stat().st_size > 10_000

"""Running the program as a person or another program does."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHILD = Path(__file__).with_name("child.py")


def command(*arguments, ground=""):
    return [sys.executable, str(CHILD), ground, *map(str, arguments)]


def run(*arguments, ground="", **options):
    """The finished process: stdout and stderr as text."""
    return subprocess.run(
        command(*arguments, ground=ground),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env=os.environ | options.pop("env", {}),
        **options,
    )


def refused(done, code):
    """Its error is one line and a hint, on stderr, without a traceback. Returns both as text."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert any(line.startswith("reelkiln: ") for line in lines), lines
    assert lines[-1].startswith("hint: "), lines
    return done.stderr


def here():
    return sorted(path.name for path in Path().iterdir())


def result(done):
    """The one JSON object on stdout."""
    return json.loads(done.stdout)

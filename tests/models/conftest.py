"""Folders, children and a hub for the tests of this room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import Child

from loopback import LoopbackHub, hub, hub_environment  # noqa: F401
from reelkiln.models.hub import Hub

PATHS = os.pathsep.join(str(Path(__file__).parents[n]) for n in (0, 1))


@pytest.fixture
def here(hub: LoopbackHub) -> Hub:  # noqa: F811
    return Hub(endpoint=hub.endpoint, timeout=60.0)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def child(hub: LoopbackHub, cache: Path) -> Iterator[Child]:  # noqa: F811
    """Start Python code in a process of its own that uses the loopback hub and the cache."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, **more: str) -> subprocess.Popen[str]:
        env = {**hub_environment(hub, cache), "PYTHONPATH": PATHS, **more}
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()

"""Folders, children and a hub for the tests of this room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session
from toys import Child

from loopback import LoopbackHub, loopback_hub
from reelkiln.models.hub import Hub

PATHS = os.pathsep.join(str(Path(__file__).parents[n]) for n in (0, 1))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    close_session()
    with loopback_hub() as served:
        yield served
        close_session()


@pytest.fixture
def here(hub: LoopbackHub) -> Hub:
    return Hub(endpoint=hub.endpoint, timeout=5.0)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def child(hub: LoopbackHub, cache: Path) -> Iterator[Child]:
    """Start Python code in a process of its own that uses the loopback hub and the cache."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, **more: str) -> subprocess.Popen[str]:
        env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
        env |= {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1"}
        env |= {
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "PYTHONPATH": PATHS,
            **more,
        }
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
